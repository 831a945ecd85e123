"""Causal tracing equals a loop of whole passes with hooks: noise on the subject's embeddings, clean states put back, one cell or a window."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.tiny import byte_tokenizer, tiny, tiny_model
from xai_widgets.core.context import Context
from xai_widgets.core.errors import ValueRefusedError
from xai_widgets.core.patching import Noise, Number
from xai_widgets.explainers.patching.activation_patching import ActivationPatching, Part

PROMPT, SUBJECT = "The old cat sat on it", "old cat"
AT = tuple(range(4, 11))
TARGET = Number((65,), (), "prob")
ATTENTION = {"llama": "self_attn", "gpt2": "attn", "gpt_neox": "attention"}
kinds = pytest.mark.parametrize("kind", ["llama", "gpt2", "gpt_neox"])


def opened(kind: str, noise: Noise, direction: str = "denoise", number: Number = TARGET) -> ActivationPatching:
    """A tiny model and a prompt."""
    lm = tiny(kind, tokenizer=byte_tokenizer())
    return ActivationPatching(lm, lm.tokenize(PROMPT), noise, number, direction)  # type: ignore[arg-type]


def first(output: Any) -> torch.Tensor:
    """A module's stream."""
    found: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return found


class ByHand:
    """The same model of the user's own, with hooks; sample by sample."""

    def __init__(self, kind: str, noise: Noise) -> None:
        self.model = tiny_model(kind, vocab_size=len(byte_tokenizer()))
        self.kind = kind
        self.ids = torch.tensor([tiny(kind, tokenizer=byte_tokenizer()).tokenize(PROMPT).ids.tolist()])
        table = self.model.get_input_embeddings().weight
        generator = np.random.default_rng(noise.seed)
        size = (len(AT), table.shape[1])
        self.noises = [
            noise.scale * table.std().item() * torch.from_numpy(generator.standard_normal(size, dtype=np.float32))
            for _ in range(noise.samples)
        ]

    def prob(self, *hooks: tuple[Any, Any], noise: torch.Tensor | None = None) -> float:
        """Probability of the target with forward hooks on modules."""
        handles = [module.register_forward_hook(hook) for module, hook in hooks]
        if noise is not None:

            def shake(_module: Any, _args: Any, output: torch.Tensor) -> torch.Tensor:
                output = output.clone()
                output[:, list(AT)] += noise
                return output

            handles.append(self.model.get_input_embeddings().register_forward_hook(shake))
        with torch.no_grad():
            logits = self.model(self.ids, use_cache=False).logits[0, -1]
        for handle in handles:
            handle.remove()
        return float(logits.softmax(-1)[TARGET.target[0]])

    def module(self, layer: int, part: str) -> Any:
        """What writes a part; of the stream, the block before."""
        if part == "resid":
            return blocks_of(self.model)[layer - 1]
        return blocks_of(self.model)[layer].get_submodule(ATTENTION[self.kind] if part == "attn_out" else "mlp")

    def restored(self, layers: range, pos: int, part: str) -> float:
        """Mean over samples with the clean outputs of a part put back at a position."""
        kept: dict[int, torch.Tensor] = {}

        def keep(layer: int, _module: Any, _args: Any, output: Any) -> None:
            kept[layer] = first(output).clone()

        def put(layer: int, _module: Any, _args: Any, output: Any) -> Any:
            new = first(output).clone()
            new[:, pos] = kept[layer][:, pos]
            return (new, *output[1:]) if isinstance(output, tuple) else new

        self.prob(*((self.module(i, part), partial(keep, i)) for i in layers))
        hooks = [(self.module(i, part), partial(put, i)) for i in layers]
        return float(np.mean([self.prob(*hooks, noise=noise) for noise in self.noises]))


@kinds
@pytest.mark.parametrize(
    ("part", "window"), [("resid", None), ("attn_out", 1), ("mlp_out", 1), ("attn_out", 2), ("mlp_out", 3)]
)
def test_cells_are_passes_with_hooks(kind: str, part: Part, window: int | None) -> None:
    """The stream, single parts, and windows of layers as the paper has them."""
    noise = Noise(SUBJECT, samples=3, window=window)
    tracing, truth = opened(kind, noise), ByHand(kind, noise)
    grid = tracing.grid(Context(), part=part)
    assert grid.source == pytest.approx(truth.prob(), abs=1e-6)
    corrupted = [truth.prob(noise=drawn) for drawn in truth.noises]
    assert grid.base == pytest.approx(np.mean(corrupted), abs=1e-6)
    assert np.ptp(corrupted) > 1e-4, "draws differ"
    n_layers, n = grid.values.shape
    moved = 0.0
    for layer, pos in ((1, 5), (1, 10), (n_layers - 1, n - 1), (2, 12)):
        layers = range(layer, layer + 1) if part == "resid" else noise.layers_of(layer, n_layers)
        value = truth.restored(layers, pos, part)
        assert grid.values[layer, pos] == pytest.approx(value, abs=2e-6)
        moved = max(moved, abs(value - grid.base))
    assert moved > 2e-5, "and patching does ten times more than the comparison lets pass"
    usual, changed, value = tracing.cell(1, 5, Context(), part)
    assert value == pytest.approx(float(grid.values[1, 5]), abs=1e-6)
    assert np.exp(usual[65]) == pytest.approx(grid.base, abs=1e-6), "logarithms of mean probabilities"
    assert np.exp(changed[65]) == pytest.approx(value, abs=1e-6)


def test_what_does_not_differ_changes_nothing_and_is_not_run() -> None:
    """Positions before the subject, bit for bit; before the first layer also those after it."""
    tracing = opened("llama", Noise(SUBJECT, samples=2))
    run: list[int] = []
    usual = tracing.adapter.resumed
    tracing.adapter.resumed = lambda base, edits, context: (run.append(len(edits)), usual(base, edits, context))[1]  # type: ignore[method-assign]
    grid = tracing.grid(Context())
    assert np.all(grid.values[:, : AT[0]] == np.float32(grid.base))
    assert np.all(grid.values[0, AT[-1] + 1 :] == np.float32(grid.base))
    assert run[:2] == [len(AT)] * 2
    assert run[2] == grid.values.shape[1] - AT[0]
    assert grid.error is not None
    assert grid.error[1, AT[-1]] > 0


def test_the_window_runs_past_no_end() -> None:
    """As the authors count it: half below, half above, the layer itself in the middle or just above it."""
    assert list(Noise("a", window=3).layers_of(0, 6)) == [0, 1]
    assert list(Noise("a", window=10).layers_of(15, 30)) == list(range(10, 20))
    assert len(Noise("a").layers_of(15, 30)) == 10
    assert len(Noise("a").layers_of(1, 3)) == 1


@pytest.mark.parametrize("part", ["resid", "attn_out"])
def test_the_estimate_is_the_derivative(part: Part) -> None:
    """Small noise: the number is nearly linear in it, and the estimate nearly exact."""
    tracing = opened("gpt2", Noise(SUBJECT, scale=0.05, samples=2, window=1), number=Number((65,), (90,), "log_prob"))
    exact, estimate = tracing.grid(Context(), part=part), tracing.estimate(Context(), part)
    span = np.abs(exact.values - exact.base).max()
    assert np.abs(exact.values - estimate.values).max() < 0.1 * span


def test_the_other_direction() -> None:
    """Noised states into the clean pass: base and source change places, and the whole subject before the first layer is half of each."""
    there, back = opened("llama", Noise(SUBJECT, samples=2)), opened("llama", Noise(SUBJECT, samples=2), "noise")
    a, b = there.grid(Context(), [0, 1]), back.grid(Context(), [0, 1])
    assert (a.base, a.source) == pytest.approx((b.source, b.base))
    one = Noise((7,), samples=2)
    whole = opened("llama", one).grid(Context(), [0]).values[0, 7], opened("llama", one, "noise").grid(Context(), [0])
    assert whole[0] == pytest.approx(whole[1].base, abs=1e-6), "restoring all that was noised is the clean pass"
    assert whole[1].values[0, 7] == pytest.approx(whole[1].source, abs=1e-6), "and the reverse the noised one"


def test_the_subject() -> None:
    """A part of the text (spaces around it do not count), or positions, negative ones from the end."""
    tokens = tiny("llama", tokenizer=byte_tokenizer()).tokenize(PROMPT)
    assert Noise(SUBJECT).positions(tokens) == Noise(f" {SUBJECT} ").positions(tokens) == AT
    assert Noise((-1, 3)).positions(tokens) == (3, len(tokens) - 1)
    for wrong in ("dog", " ", (99,), ()):
        with pytest.raises(ValueRefusedError, match="subject"):
            opened("llama", Noise(wrong))
    for field in ({"scale": 0}, {"samples": 0}, {"window": 0}):
        with pytest.raises(ValueRefusedError, match=next(iter(field))):
            Noise("a", **field)


def test_the_same_seed_the_same_numbers() -> None:
    """And no other generator is touched."""
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index,union-attr] # noqa: NPY002
    one, same, other = (opened("llama", Noise(SUBJECT, samples=2, seed=s)).grid(Context(), [1]) for s in (3, 3, 4))
    assert np.array_equal(one.values, same.values, equal_nan=True)
    assert one.base != other.base
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # type: ignore[index] # noqa: NPY002
