"""What is refused at load, and why; what is refused leaves no trace either."""

from __future__ import annotations

import pytest
import torch
import transformers
from torch import nn

from tests.unit.adapters.tokenizers import byte_level
from xai_widgets.adapters.huggingface import HuggingFaceAdapter
from xai_widgets.adapters.tiny import KINDS, byte_tokenizer, tiny, tiny_model
from xai_widgets.core.errors import CapabilityError, ModelError, TokenizerError
from xai_widgets.testing.traces import differences, snapshot

SMALL = {
    "vocab_size": 300,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def refused(model: nn.Module, error: type[Exception], words: str) -> None:
    tokenizer = byte_tokenizer()
    before = snapshot(model, tokenizer)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(error, match=words):
        HuggingFaceAdapter(model, tokenizer)
    assert differences(before, snapshot(model, tokenizer)) == []
    assert all(torch.equal(value, weights[name]) or value.isnan().any() for name, value in model.state_dict().items())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_loads_and_its_view_gives_its_own_logits(kind: str) -> None:
    lm = tiny(kind, tokenizer=byte_tokenizer())
    assert lm.capabilities["logits"].works and lm.capabilities["logits"].reason == ""
    assert lm.capabilities["gradients"].works
    assert (lm.d_model, lm.d_vocab) == (48, 259)
    assert all(found.works or found.reason for found in lm.capabilities.values())


def test_a_model_that_rewrites_its_weights_is_refused_before_it_does() -> None:
    config = transformers.RwkvConfig(
        vocab_size=300, hidden_size=16, attention_hidden_size=16, num_hidden_layers=8, rescale_every=2
    )
    model = transformers.RwkvForCausalLM(config).eval()
    refused(model, ModelError, "rewrites its own weights")


def test_weights_with_nan_are_refused_and_named() -> None:
    model = tiny_model("llama", vocab_size=300)
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[3, 4] = float("nan")
    refused(model, ModelError, r"NaN: 1 of them in model\.layers\.1\.mlp\.up_proj\.weight")


def test_a_model_that_does_not_run_is_refused_with_its_own_words() -> None:
    model = tiny_model("llama", vocab_size=300)
    model.model.layers[0].mlp.up_proj = nn.Linear(7, 96)
    refused(model, ModelError, "fails on a short input: RuntimeError: mat1 and mat2")


def test_infinite_weights_are_refused_for_what_they_do() -> None:
    model = tiny_model("llama", vocab_size=300)
    with torch.no_grad():
        model.lm_head.weight[5, :2] = torch.tensor([float("inf"), float("-inf")])
    refused(model, ModelError, "logits are not numbers")


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        (lambda: transformers.BertForMaskedLM(transformers.BertConfig(**SMALL)), CapabilityError, "later tokens"),
        (lambda: transformers.BertModel(transformers.BertConfig(**SMALL)), CapabilityError, "no logits"),
        (lambda: transformers.LlamaModel(transformers.LlamaConfig(**SMALL)), CapabilityError, "no logits"),
        (lambda: transformers.LlamaForSequenceClassification(transformers.LlamaConfig(**SMALL, pad_token_id=2)), CapabilityError, "logits have shape"),
        (lambda: transformers.T5ForConditionalGeneration(transformers.T5Config(vocab_size=300, d_model=16, d_ff=32, num_layers=2, num_heads=2, d_kv=8)),
         CapabilityError, "encoder-decoder"),
    ],
    ids=["masked", "encoder", "base", "classifier", "seq2seq"],
)  # fmt: skip
def test_kinds_not_yet_supported_say_so(model, error: type[Exception], words: str) -> None:
    refused(model().eval(), error, words)


def test_a_tokenizer_with_more_words_than_the_model_is_refused() -> None:
    with pytest.raises(TokenizerError, match="larger than the model's embedding"):
        HuggingFaceAdapter(tiny_model("llama", vocab_size=100), byte_tokenizer())


def test_a_padding_token_the_model_was_never_resized_for_is_refused_only_when_used() -> None:
    tokenizer = byte_level(trim=False)
    model = tiny_model("llama", vocab_size=len(tokenizer))
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    lm = HuggingFaceAdapter(model, tokenizer)
    assert len(lm.tokenize("The cat")) > 1
    with pytest.raises(TokenizerError, match="<pad>"):
        lm.tokenize("The <pad> cat")


def test_weights_made_under_inference_mode_can_be_run_and_not_differentiated() -> None:
    with torch.inference_mode():
        model = tiny_model("llama", vocab_size=300)
    lm = HuggingFaceAdapter(model, byte_tokenizer())
    assert lm.candidates(lm.tokenize("The cat"))
    assert "inference_mode" in lm.capabilities["gradients"].reason
    with pytest.raises(CapabilityError, match="inference_mode"):
        lm.require("gradients")


def test_a_model_that_diverged_after_loading_says_so() -> None:
    lm = tiny("llama", tokenizer=byte_tokenizer())
    tokens = lm.tokenize("The cat")
    with torch.no_grad():
        lm.model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(ModelError, match="not numbers"):
        lm.candidates(tokens)
