"""Models that other libraries wrapped (accelerate, torch.compile, PEFT) are read through the view like plain ones."""

from __future__ import annotations

import importlib.util

import pytest
import torch
from torch import nn

from tests.unit.adapters.test_no_trace import used
from xai_widgets.adapters.base import Capability
from xai_widgets.adapters.huggingface import HuggingFaceAdapter
from xai_widgets.adapters.tiny import byte_tokenizer, tiny_model
from xai_widgets.core.context import Context


def numbers(model: nn.Module) -> list[float]:
    return used(HuggingFaceAdapter(model, byte_tokenizer()), Context())


@pytest.fixture(scope="module")
def wanted() -> list[float]:
    return numbers(tiny_model("llama"))


def hooked(model: nn.Module) -> nn.Module:
    from accelerate import dispatch_model

    return dispatch_model(model, {"": "cpu"}, main_device="cpu", force_hooks=True)


def offloaded(model: nn.Module) -> nn.Module:
    from accelerate import cpu_offload

    return cpu_offload(model, execution_device=torch.device("cpu"))


def compiled_in_place(model: nn.Module) -> nn.Module:
    model.compile()
    return model


@pytest.mark.parametrize("wrap", [hooked, offloaded, torch.compile, compiled_in_place])
def test_wrapped_models_give_the_plain_ones_numbers(wrap, wanted: list[float]) -> None:
    model = wrap(tiny_model("llama"))
    assert numbers(model) == pytest.approx(wanted, rel=1e-5)


def test_offloaded_weights_stay_offloaded_and_have_a_fingerprint() -> None:
    plain, away = tiny_model("llama"), offloaded(tiny_model("llama"))
    lm = HuggingFaceAdapter(away, byte_tokenizer())
    assert all(parameter.is_meta for parameter in away.parameters())
    assert (lm.device, lm.dtype) == ("cpu", "float32")
    assert lm.fingerprint == HuggingFaceAdapter(plain, byte_tokenizer()).fingerprint
    used(lm, Context())
    assert all(parameter.is_meta for parameter in away.parameters())
    other = HuggingFaceAdapter(offloaded(tiny_model("llama", 1)), byte_tokenizer())
    assert other.fingerprint != lm.fingerprint


def test_an_adapter_added_later_is_seen() -> None:
    """What LoRA does, by hand: a module put beside a projection after the adapter was made."""

    class Beside(nn.Module):
        def __init__(self, base: nn.Linear) -> None:
            super().__init__()
            self.base, self.more = base, nn.Linear(base.in_features, base.out_features, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.base(x) + self.more(x)

    model = tiny_model("llama")
    lm = HuggingFaceAdapter(model, byte_tokenizer())
    tokens = lm.tokenize("The cat")
    before = lm.fingerprint, lm.candidates(tokens, 1)[0].logit
    attention = model.model.layers[0].self_attn
    attention.q_proj = Beside(attention.q_proj)
    assert lm.fingerprint != before[0]
    with torch.no_grad():
        top = float(model(input_ids=torch.tensor([tokens.ids.tolist()])).logits[0, -1].max())
    assert lm.candidates(tokens, 1)[0].logit == pytest.approx(top, rel=1e-5) and top != pytest.approx(
        before[1], rel=1e-3
    )


@pytest.mark.skipif(
    importlib.util.find_spec("peft") is None, reason="needs peft; pip install peft, then run this file again"
)
def test_peft() -> None:
    import peft

    model = peft.get_peft_model(
        tiny_model("llama"),
        peft.LoraConfig(target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM"),
    )
    model.train()
    lm = HuggingFaceAdapter(model, byte_tokenizer())
    tokens = lm.tokenize("The cat")
    found = lm.candidates(tokens, 1)[0].logit
    with torch.no_grad():
        model.eval()
        assert found == pytest.approx(
            float(model(input_ids=torch.tensor([tokens.ids.tolist()])).logits[0, -1].max()), rel=1e-5
        )
    assert used(lm, Context())
    once = lm.fingerprint
    with model.disable_adapter():
        assert lm.fingerprint != once
        assert lm.candidates(tokens, 1)[0].logit != found
    assert lm.fingerprint == once
    assert lm.candidates(tokens, 1)[0].logit == found


def test_mixed_precision_by_accelerate_is_run_in_mixed_precision() -> None:
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    try:
        model = Accelerator(cpu=True, mixed_precision="bf16").prepare_model(tiny_model("llama"), evaluation_mode=True)
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
    lm = HuggingFaceAdapter(model, byte_tokenizer())
    assert lm.capabilities["logits"] == Capability(True)
    tokens = lm.tokenize("The cat")
    with torch.no_grad():
        wanted = model(input_ids=torch.tensor([tokens.ids.tolist()])).logits[0, -1]
    plain = tiny_model("llama")(input_ids=torch.tensor([tokens.ids.tolist()])).logits[0, -1]
    found = lm.candidates(tokens, 1)[0].logit
    assert found == pytest.approx(float(wanted.max()), rel=1e-5) and found != float(plain.max())
