"""Attention of encoders and encoder-decoders: equal to the eager model's own, of all three kinds, and the rest refused in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import torch
import transformers
from torch import Tensor, nn

import xai_widgets as xw
from tests.contract.architectures import redraw
from xai_widgets.adapters import loading
from xai_widgets.adapters.attention import Tapped
from xai_widgets.adapters.base import AttentionCall, ModelAdapter, Off
from xai_widgets.adapters.encoders import EncoderAdapter, EncoderDecoderAdapter
from xai_widgets.adapters.tiny import byte_tokenizer
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError, CapabilityError, TokenizerError, ValueRefusedError
from xai_widgets.testing.traces import differences, snapshot

TOKENIZER: Final = byte_tokenizer()
_IDS: Final = {"vocab_size": len(TOKENIZER), "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_BERT: Final = _IDS | {
    "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48,
    "max_position_embeddings": 64,
}  # fmt: skip
_BART: Final = _IDS | {
    "d_model": 32, "encoder_layers": 3, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "max_position_embeddings": 64, "decoder_start_token_id": 2,
}  # fmt: skip
_T5: Final = _IDS | {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 3, "num_heads": 4, "decoder_start_token_id": 0}

ENCODERS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "bert": ("BertForMaskedLM", "BertConfig", _BERT),
    "bert base": ("BertModel", "BertConfig", _BERT),
    "roberta": ("RobertaForSequenceClassification", "RobertaConfig", _BERT),
    "distilbert": ("DistilBertForMaskedLM", "DistilBertConfig",
        _IDS | {"dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": 64}),
    "electra": ("ElectraModel", "ElectraConfig", _BERT | {"embedding_size": 32}),
    "albert": ("AlbertForMaskedLM", "AlbertConfig", _BERT | {"embedding_size": 16}),
    "modernbert": ("ModernBertForMaskedLM", "ModernBertConfig",
        _BERT | {"local_attention": 6, "global_attn_every_n_layers": 2}),
    "deberta": ("DebertaV2Model", "DebertaV2Config", _BERT),
    "mpnet": ("MPNetModel", "MPNetConfig", _BERT),
    "xlnet": ("XLNetModel", "XLNetConfig", _IDS | {"d_model": 32, "n_layer": 3, "n_head": 4, "d_inner": 48}),
    "rembert": ("RemBertModel", "RemBertConfig", _BERT | {"input_embedding_size": 16}),
    "roformer": ("RoFormerModel", "RoFormerConfig", _BERT | {"embedding_size": 32}),
    "convbert": ("ConvBertModel", "ConvBertConfig", _BERT | {"embedding_size": 32}),
    "t5 encoder": ("T5EncoderModel", "T5Config", _T5),
    "llama base": ("LlamaModel", "LlamaConfig", _BERT),
    "llama classifier": ("LlamaForSequenceClassification", "LlamaConfig", _BERT),
}  # fmt: skip
PAIRS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "t5": ("T5ForConditionalGeneration", "T5Config", _T5 | {"num_decoder_layers": 2}),
    "t5 base": ("T5Model", "T5Config", _T5 | {"num_decoder_layers": 2}),
    "umt5": ("UMT5ForConditionalGeneration", "UMT5Config", _T5 | {"num_decoder_layers": 2}),
    "bart": ("BartForConditionalGeneration", "BartConfig", _BART),
    "mbart": ("MBartForConditionalGeneration", "MBartConfig", _BART),
    "marian": ("MarianMTModel", "MarianConfig", _BART),
    "pegasus": ("PegasusForConditionalGeneration", "PegasusConfig", _BART),
    "m2m_100": ("M2M100ForConditionalGeneration", "M2M100Config", _BART),
    "blenderbot": ("BlenderbotForConditionalGeneration", "BlenderbotConfig", _BART),
}
REFUSED: Final[dict[str, tuple[str, str, dict[str, Any], str]]] = {
    "longformer": ("LongformerModel", "LongformerConfig", _BERT | {"attention_window": 4}, "LongformerAttention"),
    "funnel": ("FunnelModel", "FunnelConfig",
        _IDS | {"block_sizes": [1, 1], "d_model": 32, "n_head": 4, "d_head": 8, "d_inner": 48}, "Funnel"),
    "led": ("LEDForConditionalGeneration", "LEDConfig",
        {k: v for k, v in _BART.items() if k != "max_position_embeddings"} | {"attention_window": 4}, "LED"),
    "mamba base": ("MambaModel", "MambaConfig", _IDS | {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}, "Mamba"),
}  # fmt: skip
TEXT: Final = "The cat sat"


def model_of(kind: str, attention: str | None = None) -> nn.Module:
    """The same weights each time."""
    name, config, sizes = (ENCODERS | PAIRS | {k: v[:3] for k, v in REFUSED.items()})[kind]
    how = {} if attention is None else {"attn_implementation": attention}
    with torch.random.fork_rng(devices=[]):
        made = getattr(transformers, name)._from_config(getattr(transformers, config)(**sizes), **how)
    redraw(made)
    model: nn.Module = made.eval()
    return model


def near(call: AttentionCall, whole: Tensor) -> bool:
    """Whole map, rows and a head of it."""
    assert (call.n_heads, call.n_query, call.n_key) == tuple(whole.shape)
    parts = [(0, call.n_query, None), (call.n_query - 1, call.n_query, None), (0, call.n_query, call.n_heads - 1)]
    for start, stop, head in parts:
        rows = call.rows(start, stop, head)
        truth = (whole if head is None else whole[head : head + 1])[:, start:stop]
        if float((torch.nn.functional.pad(rows, (0, call.n_key - rows.shape[-1])) - truth).abs().max()) > 1e-5:
            return False
    return True


@pytest.mark.parametrize("kind", ENCODERS)
def test_encoders(kind: str) -> None:
    """Through `wrap`: all layers and one; who may see whom; no trace; albert's block counts once a call."""
    model = model_of(kind)
    lm = loading.wrap(model, TOKENIZER)
    assert type(lm) is EncoderAdapter
    assert isinstance(lm, ModelAdapter)
    assert (lm.n_layers, lm.n_heads, lm.d_model) == (3, 4, 32)
    ids = lm.tokenize(TEXT).ids.tolist()
    before = snapshot(model, TOKENIZER)
    calls: list[AttentionCall] = []
    lm.attention(ids, calls.append, Context())
    assert not differences(before, snapshot(model, TOKENIZER))
    with torch.no_grad():
        maps = model_of(kind, "eager")(input_ids=torch.tensor([ids]), output_attentions=True).attentions
    assert [(call.layer, call.nth) for call in calls] == [(0, 0), (1, 0), (2, 0)]
    assert all(near(call, whole[0]) for call, whole in zip(calls, maps, strict=True))
    causal = kind.startswith("llama")
    assert {(call.causal, call.stack) for call in calls} == {(causal, "decoder" if causal else "encoder")}
    one: list[AttentionCall] = []
    lm.attention(ids, one.append, Context(), [1])
    assert [call.layer for call in one] == [1]
    assert near(one[0], maps[1][0])
    assert not lm.attention_gaps()


def test_a_classifier_that_takes_one_text_at_a_time() -> None:
    """Without a padding token transformers refuses a batch of two; such a model is read all the same."""
    sizes = {k: v for k, v in _BERT.items() if k != "pad_token_id"}
    config = transformers.LlamaConfig(**sizes)
    config.pad_token_id = None
    lm = loading.wrap(transformers.LlamaForSequenceClassification(config).eval(), TOKENIZER)
    assert isinstance(lm, EncoderAdapter)
    assert lm.capabilities["attention"].works


@pytest.mark.parametrize("kind", PAIRS)
def test_encoder_decoders(kind: str) -> None:
    """Encoder, decoder and cross, over what the model wrote and over an output that is given."""
    model = model_of(kind)
    lm = loading.wrap(model, TOKENIZER)
    assert isinstance(lm, EncoderDecoderAdapter)
    assert isinstance(lm, ModelAdapter)
    ids = lm.tokenize(TEXT).ids.tolist()
    before = snapshot(model, TOKENIZER)
    written = lm.output_of(ids, Context())
    assert len(written) == 1 if kind.endswith("base") else 1 < len(written) <= 21
    for given in (None, [lm.output_of(ids, Context())[0], 70, 80, 90, 100]):
        calls: list[AttentionCall] = []
        lm.attention(ids, calls.append, Context(), output_ids=given)
        with torch.no_grad():
            truth = model_of(kind, "eager")(
                input_ids=torch.tensor([ids]), output_attentions=True,
                decoder_input_ids=torch.tensor([list(written if given is None else given)]),
            )  # fmt: skip
        places = [(call.stack, call.layer) for call in calls]
        encoder = [("encoder", i) for i in range(3)]
        assert places == [*encoder, ("decoder", 0), ("cross", 0), ("decoder", 1), ("cross", 1)]
        for stack, maps in (
            ("encoder", truth.encoder_attentions), ("decoder", truth.decoder_attentions), ("cross", truth.cross_attentions)
        ):  # fmt: skip
            mine = [call for call in calls if call.stack == stack]
            assert all(near(call, whole[0]) for call, whole in zip(mine, maps, strict=True))
            assert all(call.causal == (stack == "decoder") for call in mine)
    assert not differences(before, snapshot(model, TOKENIZER))


def test_layers_of_an_encoder_decoder() -> None:
    """A layer is one of each stack; the encoder has one more here."""
    lm = loading.wrap(model_of("bart"), TOKENIZER)
    assert isinstance(lm, EncoderDecoderAdapter)
    ids = lm.tokenize(TEXT).ids.tolist()
    for layer, places in ((1, ["encoder", "decoder", "cross"]), (2, ["encoder"])):
        calls: list[AttentionCall] = []
        lm.attention(ids, calls.append, Context(), [layer], [2, 70, 80])
        assert [call.stack for call in calls] == places
        assert {call.layer for call in calls} == {layer}
    for layers, written, error in (
        ([3], [2], ValueRefusedError),
        ([0], [], ValueRefusedError),
        ([0], [9999], TokenizerError),
    ):
        with pytest.raises(error):
            lm.attention(ids, calls.append, Context(), layers, written)


def test_windows_of_modernbert_look_both_ways() -> None:
    """Layer 0 sees all, layer 1 three positions to each side."""
    lm = loading.wrap(model_of("modernbert"), TOKENIZER)
    calls: list[AttentionCall] = []
    lm.attention(lm.tokenize(TEXT).ids.tolist(), calls.append, Context())
    row = calls[1].rows(5, 6)[0, 0]
    row = torch.nn.functional.pad(row, (0, calls[1].n_key - len(row)))
    assert [i for i, weight in enumerate(row.tolist()) if weight > 0] == list(range(2, 9))
    assert float(calls[0].rows(5, 6).min()) > 0
    for call in calls:  # flash kernels are given no mask: what is left of one then is the window's width
        assert isinstance(call, Tapped)
        bare = replace(call, mask=None, options=call.options | {"is_causal": False})
        whole = call.rows(0, call.n_query)
        assert bare.causal is False
        assert float((bare.rows(0, call.n_query) - whole).abs().max()) < 1e-6
        assert float((bare.rows(4, 9, 2) - whole[2:3, 4:9]).abs().max()) < 1e-6


@pytest.mark.parametrize("kind", ["bert", "distilbert", "modernbert", "t5 encoder"])
def test_value_zeroing_of_encoders(kind: str) -> None:
    """Zeroing one value by hand gives the same change of every position: both ways, so no triangle."""
    lm = loading.wrap(model_of(kind), TOKENIZER)
    ids = lm.tokenize("The cat").ids.tolist()
    found = lm.value_zeroing(ids, 1, Context())
    assert found.shape == (len(ids), len(ids))
    assert float(found.triu(1).max()) > 1e-4
    if kind != "bert":
        return
    outputs = []
    for zeroed in (False, True):
        model: Any = model_of(kind)
        layer = model.bert.encoder.layer[1]
        layer.register_forward_hook(
            lambda _m, _a, output: outputs.append(output[0] if isinstance(output, tuple) else output)
        )
        if zeroed:
            layer.attention.self.value.register_forward_hook(
                lambda _m, _a, value: value * (torch.arange(value.shape[1]) != 4)[None, :, None]
            )
        with torch.no_grad():
            model(input_ids=torch.tensor([ids]))
    change = 1 - torch.cosine_similarity(outputs[0][0], outputs[1][0], dim=-1)
    assert float((found[:, 4] - change).abs().max()) < 1e-5


@pytest.mark.parametrize("kind", ["bert", "t5"])
def test_what_does_not_work_says_what_does(kind: str) -> None:
    """`explain` and everything that needs a next token; candidates are none."""
    lm = loading.wrap(model_of(kind), TOKENIZER)
    ids = lm.tokenize(TEXT).ids.tolist()
    assert [name for name, found in lm.capabilities.items() if found.works] == ["attention"]
    assert lm.candidates(lm.tokenize(TEXT)) == []
    for act in (
        lambda: xw.explain(lm, TEXT),
        lambda: xw.explain(lm, TEXT, method="leave_one_out"),
        lambda: lm.generate(TEXT),
        lm.embedding_table,
        lambda: lm.without_attention(ids, [Off(0, 0)], Context()),
    ):
        with pytest.raises(CapabilityError, match=r"xw\.Attention"):
            act()


@pytest.mark.parametrize("kind", REFUSED)
def test_attention_that_is_no_map_is_refused(kind: str) -> None:
    """Banded, pooled or none: the kind of layer is named."""
    with pytest.raises(CapabilityError, match=REFUSED[kind][3]):
        loading.wrap(model_of(kind), TOKENIZER)


@pytest.mark.parametrize("kind", ["bert", "bart", "albert", "mpnet"])
def test_cancel_leaves_no_trace(kind: str) -> None:
    """Stopped at the second call."""
    model = model_of(kind)
    lm = loading.wrap(model, TOKENIZER)
    before = snapshot(model, TOKENIZER)
    seen: list[AttentionCall] = []
    with pytest.raises(CancelledError):
        lm.attention([70, 80, 90], seen.append, Context(is_cancelled=lambda: len(seen) > 0))
    assert len(seen) == 1
    assert not differences(before, snapshot(model, TOKENIZER))


@pytest.mark.parametrize("kind", ["bert", "bert base", "roberta", "t5", "bart", "electra"])
def test_load_takes_the_class_that_was_saved(kind: str, tmp_path: Path) -> None:
    """From a folder, with the weights it holds."""
    model: Any = model_of(kind)
    model.save_pretrained(tmp_path)
    TOKENIZER.save_pretrained(tmp_path)
    lm = loading.load(tmp_path, device="cpu")
    assert type(lm.model) is type(model)
    assert type(lm) is (EncoderDecoderAdapter if kind in PAIRS else EncoderAdapter)
    theirs, mine = model.state_dict(), lm.model.state_dict()
    assert all(torch.equal(theirs[name], mine[name]) for name in theirs)
