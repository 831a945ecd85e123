"""Cutting edges equals reading by hand, and slopes equal what small cuts do: a row a type of causal language model."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Final

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.contract.architectures import TYPES, Bare, built
from xai_widgets.adapters import resuming
from xai_widgets.adapters.edges import EdgeRun, edge_run, probe
from xai_widgets.adapters.stream_gradients import stream_gradients
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError, CapabilityError
from xai_widgets.testing.traces import differences, snapshot

IDS: Final = [5, 9, 14, 30, 47, 12]
OTHER: Final = [5, 9, 15, 30, 40, 12]
STEP: Final = 5e-3
"""Of finite differences, as a share of the change between both texts."""

_MIXES: Final = "takes something from other positions without attention"
_OWN: Final = "does not ask transformers for its attention function"
_FORM: Final = "block 0 has streams of its own form"
_SCALES: Final = "scales the stream it adds to"
_ROWS: Final = "can't be run on several streams at once"
_ONE: Final = "is not the output of one module"
_SUM: Final = "is not what enters it with something added"
REFUSED: Final = {
    **dict.fromkeys(
        (
            "bailing_hybrid", "bamba", "falcon_h1", "falcon_mamba", "granitemoehybrid", "inkling_text", "jamba", "kimi_linear",
            "lfm2_moe", "lfm3", "mamba", "mamba2", "nemotron_h", "olmo_hybrid", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_next",
            "recurrent_gemma", "zamba", "zamba2",
        ),
        _MIXES,
    ),
    **dict.fromkeys(("codegen", "falcon", "gpt_neo", "gpt_neox_japanese", "gptj", "mpt"), _OWN),
    **dict.fromkeys(("cpmant", "deepseek_v4", "gemma3n_text", "hy_v4"), _FORM),
    **dict.fromkeys(("doge", "gemma4_text", "gemma4_unified_text", "minimax", "zaya"), _SCALES),
    **dict.fromkeys(("bloom", "xglm"), _ROWS),  # their masks are made for so many rows
    **dict.fromkeys(("granitemoe_swa", "granitemoeshared", "longcat_flash"), _ONE),
    **dict.fromkeys(("inkling2_text", "openai-gpt", "rwkv"), _SUM),
    "hrm_text": "its blocks run more than once in a pass",
}  # fmt: skip
"""Types whose edges can't be cut, and what is said of them."""
WHOLE: Final = frozenset(
    (
        "afmoe", "bitnet", "diffllama", "exaone4", "flex_olmo", "gemma2", "gemma3_text", "glm4", "hyperclovax", "jetmoe", "kolibri1",
        "olmo2", "olmo3",
    )
)  # fmt: skip
"""Types whose attention writes as a whole: a norm comes after it, or its heads are no slices of what is projected."""


class Traced(Bare):
    """A bare model that can be traced."""

    def trace(
        self, ids: Sequence[int], context: Context, wanted: Sequence[int] | None = None, *, edits: bool = True
    ) -> resuming.Trace:
        """A pass."""
        return resuming.trace(self, ids, context, wanted)


def number(logits: Tensor) -> Tensor:
    """What is followed."""
    return logits[-1, 3] - logits[-1, 4]


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in REFUSED])
def test_cuts_and_slopes(kind: str) -> None:
    """All edges cut is the other text; small cuts change the number as slopes say; slopes add up to those of streams; no trace."""
    model = built(kind)
    before = snapshot(model)
    lm = Traced(kind, model)
    run = edge_run(lm, IDS, OTHER, range(len(IDS)), Context())
    scale = float(run.logits.abs().max())
    assert torch.equal(run.cut(torch.zeros_like(run.reads), Context()), run.logits)
    everything = run.cut(run.reads, Context())
    assert float((everything - run.other_logits).abs().max()) < 1e-4 * scale
    assert float((run.logits - run.other_logits).abs().max()) > 1e-2 * scale, (
        "the texts must differ for this to say anything"
    )
    assert ("head" not in {node for node, _, _ in run.nodes}) == (kind in WHOLE)

    slopes = run.slopes(number, Context())
    assert not slopes[~run.reads].any()
    near = [copy.copy(run), copy.copy(run)]
    for side, other in zip((STEP, -STEP), near, strict=True):
        other.change = run.change * side
    edges = run.reads.nonzero()
    draw = torch.Generator().manual_seed(3)
    strongest = (slopes * run.reads).abs().flatten().argsort(descending=True)[:4]
    chosen = [*edges[torch.randperm(len(edges), generator=draw)[:6]].tolist()]
    chosen += [[int(i) // slopes.shape[1], int(i) % slopes.shape[1]] for i in strongest]
    largest = float(slopes.abs().max())
    for reader, node in chosen:
        cuts = torch.zeros_like(run.reads)
        cuts[reader, node] = True
        for other in near:
            other._held = None
        up, down = (float(number(other.cut(cuts, Context())[None])) for other in near)
        gained = (up - down) / (2 * STEP)
        assert abs(gained - float(slopes[reader, node])) < 0.02 * largest + 1e-3 * scale, (reader, node)

    # whoever reads the embedding: together they are the slope by the stream that enters the first block
    trace = lm.trace(IDS, Context())
    by_stream = stream_gradients(lm, trace, number, Context())[0].float().reshape(len(IDS), -1)
    together = float((by_stream * run.change[0]).sum())
    assert float(slopes[:, 0].sum()) == pytest.approx(together, rel=1e-3, abs=1e-4 * scale)
    assert differences(before, snapshot(model)) == []


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_with_the_reason(kind: str) -> None:
    """Never a wrong number."""
    lm = Traced(kind)
    with pytest.raises(CapabilityError, match=r".") as refused:
        edge_run(lm, IDS, OTHER, range(len(IDS)), Context())
    assert REFUSED[kind] in str(refused.value)
    found = probe(lm)
    assert not found.works
    assert REFUSED[kind] in found.reason


class ByHand:
    """GPT-2 written out, each reader with a stream of its own."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.t = model.transformer  # type: ignore[union-attr]
        self.head = model.lm_head  # type: ignore[union-attr]
        self.n_heads = int(model.config.n_head)  # type: ignore[union-attr]

    def norm(self, of: torch.nn.Module, x: Tensor) -> Tensor:
        """A layer norm."""
        mean, var = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
        return (x - mean) / (var + of.eps).sqrt() * of.weight + of.bias  # type: ignore[operator]

    def run(
        self, ids: Sequence[int], cuts: set[tuple[str, str]], given: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits [d_vocab] of the next token, and what each node writes; cut edges carry `given`."""
        made: dict[str, Tensor] = {
            "embedding": self.t.wte(torch.tensor(list(ids))) + self.t.wpe(torch.arange(len(ids)))
        }  # type: ignore[operator]
        bias = torch.zeros_like(made["embedding"])

        def read(reader: str) -> Tensor:
            return bias + sum((given if (reader, node) in cuts else made)[node] for node in made)

        for i, block in enumerate(self.t.h):  # type: ignore[arg-type]
            q_of, k_of, v_of = (
                block.attn.c_attn.weight[:, p * 48 : (p + 1) * 48].chunk(self.n_heads, 1) for p in range(3)
            )
            biases = [block.attn.c_attn.bias[p * 48 : (p + 1) * 48].chunk(self.n_heads) for p in range(3)]
            heads = {}
            for h in range(self.n_heads):
                q, k, v = (
                    self.norm(block.ln_1, read(f"{i}.{h}.{name}")) @ w[h] + biases[p][h]
                    for p, (name, w) in enumerate((("q", q_of), ("k", k_of), ("v", v_of)))
                )
                scores = q @ k.T / q.shape[-1] ** 0.5
                hidden = torch.ones_like(scores).triu(1).bool()
                mixed = scores.masked_fill(hidden, -torch.inf).softmax(-1) @ v
                heads[f"{i}.{h}"] = mixed @ block.attn.c_proj.weight.chunk(self.n_heads, 0)[h]
            made |= heads
            bias = bias + block.attn.c_proj.bias
            inner = F.gelu(
                self.norm(block.ln_2, read(f"mlp{i}")) @ block.mlp.c_fc.weight + block.mlp.c_fc.bias, approximate="tanh"
            )
            made[f"mlp{i}"] = inner @ block.mlp.c_proj.weight + block.mlp.c_proj.bias
        return self.norm(self.t.ln_f, read("logits"))[-1] @ self.head.weight.T, made  # type: ignore[union-attr, operator]


def _names(run: EdgeRun) -> tuple[list[str], list[str]]:
    nodes = [
        {"embedding": "embedding", "mlp": f"mlp{layer}"}.get(kind, f"{layer}.{head}") for kind, layer, head in run.nodes
    ]
    readers = ["logits" if n == len(nodes) else f"{nodes[n]}.{p}" if p else nodes[n] for n, p in run.readers]
    return nodes, readers


@pytest.mark.parametrize("seed", range(4))
def test_any_set_of_cuts_equals_gpt2_by_hand(seed: int) -> None:
    """Half of all edges, a few, all but a few, and one alone, on the model whose every reader is written out."""
    from xai_widgets.adapters.tiny import tiny

    lm = tiny("gpt2")
    run = edge_run(lm, IDS, OTHER, range(len(IDS)), Context())
    hand = ByHand(lm.model)
    nodes, readers = _names(run)
    with torch.no_grad():
        plain, _ = hand.run(IDS, set(), {})
        _, given = hand.run(OTHER, set(), {})
        scale = float(plain.abs().max())
        assert float((plain - run.logits).abs().max()) < 1e-4 * scale
        draw = torch.Generator().manual_seed(seed)
        share = (0.5, 0.03, 0.97, 0.0)[seed]
        cuts = run.reads & (torch.rand(run.reads.shape, generator=draw) < share)
        if not share:
            reader, node = run.reads.nonzero()[int(torch.randint(int(run.reads.sum()), (1,), generator=draw))].tolist()
            cuts[reader, node] = True
        names = {(readers[r], nodes[n]) for r, n in cuts.nonzero().tolist()}
        wanted, _ = hand.run(IDS, names, given)
    assert float((run.cut(cuts, Context()) - wanted).abs().max()) < 1e-4 * scale


def test_a_pass_begins_where_it_differs_from_the_one_before() -> None:
    """Whatever was run before, the answer is the same as alone."""
    from xai_widgets.adapters.tiny import tiny

    lm = tiny("llama")
    run = edge_run(lm, IDS, OTHER, range(len(IDS)), Context())
    draw = torch.Generator().manual_seed(0)
    cuts = run.reads & (torch.rand(run.reads.shape, generator=draw) < 0.7)
    run.cut(cuts, Context())
    with run.trying():
        for reader, node in run.reads.nonzero()[torch.randperm(int(run.reads.sum()), generator=draw)[:40]].tolist():
            changed = cuts.clone()
            changed[reader, node] = ~changed[reader, node]
            found = run.cut(changed, Context())
            alone = copy.copy(run)
            alone._held = None
            assert torch.allclose(found, alone.cut(changed, Context()), atol=1e-5)


def test_positions_without_a_counterpart_keep_what_they_carry() -> None:
    """A longer text: everything cut changes only what has a counterpart."""
    from xai_widgets.adapters.tiny import tiny

    lm = tiny("llama")
    pairs = [0, 1, None, 2, 3, 4]
    run = edge_run(lm, IDS, [5, 9, 30, 47, 12], pairs, Context())
    assert not run.change[:, 2].any()
    assert torch.isfinite(run.cut(run.reads, Context())).all()
    alone = edge_run(lm, IDS, OTHER, [None] * len(IDS), Context())
    assert float((alone.cut(alone.reads, Context()) - alone.logits).abs().max()) < 1e-4


def test_cancelled_between_blocks() -> None:
    """A pass with cuts and slopes stop when asked."""
    from xai_widgets.adapters.tiny import tiny

    run = edge_run(tiny("llama"), IDS, OTHER, range(len(IDS)), Context())
    stopped = Context(is_cancelled=lambda: True)
    with pytest.raises(CancelledError):
        run.cut(run.reads, stopped)
    with pytest.raises(CancelledError):
        run.slopes(number, stopped)
