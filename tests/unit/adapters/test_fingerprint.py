"""The same weights have the same fingerprint anywhere; any change of them gives another."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from xai_widgets.adapters.fingerprint import WeightsFingerprint, tokenizer_fingerprint
from xai_widgets.adapters.tiny import byte_tokenizer, tiny_model


def test_equal_weights_have_equal_fingerprints_across_processes() -> None:
    ours = WeightsFingerprint(tiny_model("llama", 5))()
    code = (
        "from xai_widgets.adapters.fingerprint import *; from xai_widgets.adapters.tiny import tiny_model, byte_tokenizer;"
        "print(WeightsFingerprint(tiny_model('llama', 5))(), tokenizer_fingerprint(byte_tokenizer()))"
    )
    theirs = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert theirs == [ours, tokenizer_fingerprint(byte_tokenizer())]
    assert len(ours) == 12
    assert WeightsFingerprint(tiny_model("llama", 6))() != ours


def test_it_does_not_move_by_looking_or_by_mode_or_by_gradients() -> None:
    model = tiny_model("llama")
    ask = WeightsFingerprint(model)
    before = ask()
    model.train()
    model(input_ids=torch.tensor([[1, 2, 3]]), labels=torch.tensor([[1, 2, 3]])).loss.backward()
    assert ask() == before


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_one_element_anywhere_counts(dtype: torch.dtype) -> None:
    model = tiny_model("llama").to(dtype)
    ask = WeightsFingerprint(model)
    seen = {ask()}
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        at = int(torch.randint(0, parameter.numel() // 4 * 4, (1,), generator=generator))
        with torch.no_grad():
            parameter.view(-1)[at] += 1
        seen.add(ask())
    assert len(seen) == 1 + len(list(model.parameters()))


def test_an_optimizers_step_and_a_swap_of_rows_count() -> None:
    model = tiny_model("gpt2")
    ask = WeightsFingerprint(model)
    seen = [ask()]
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    model(input_ids=torch.tensor([[1, 2, 3]]), labels=torch.tensor([[1, 2, 3]])).loss.backward()
    optimizer.step()
    seen.append(ask())
    with torch.no_grad():
        weight = model.transformer.h[0].mlp.c_fc.weight
        weight.copy_(weight.flip(0))
    seen.append(ask())
    assert len(set(seen)) == 3


def test_a_write_past_the_version_counter_counts() -> None:
    model = tiny_model("llama")
    ask = WeightsFingerprint(model)
    before = ask()
    weight = model.model.layers[0].mlp.up_proj.weight
    version = weight._version
    weight.data.mul_(1.01)
    assert weight._version == version
    assert ask() != before


def test_weights_made_in_inference_mode_and_moved_to_another_type() -> None:
    with torch.inference_mode():
        made = tiny_model("llama")
    assert WeightsFingerprint(made)() == WeightsFingerprint(tiny_model("llama"))()
    assert WeightsFingerprint(tiny_model("llama").double())() != WeightsFingerprint(made)()


def test_tokenizers_differ_by_vocabulary_specials_and_template_not_by_padding() -> None:
    tokenizer = byte_tokenizer()
    before = tokenizer_fingerprint(tokenizer)
    tokenizer.pad_token = "<|end|>"
    padded = tokenizer_fingerprint(tokenizer)
    tokenizer(["a", "bc"], padding=True, truncation=True, max_length=3)
    assert tokenizer_fingerprint(tokenizer) == padded != before
    tokenizer.chat_template = "x"
    assert tokenizer_fingerprint(tokenizer) != padded
    other = byte_tokenizer()
    other.add_tokens(["word"])
    assert tokenizer_fingerprint(other) != before
