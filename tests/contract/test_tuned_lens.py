"""The tuned lens: the package's own numbers from its own file, training that helps and leaves no trace, and refusals in words."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import xai_widgets as xw
from xai_widgets.adapters.base import ModelAdapter, Trace
from xai_widgets.adapters.huggingface import HuggingFaceAdapter
from xai_widgets.adapters.tiny import byte_tokenizer, tiny, tiny_model
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError, FileError, LensTrainingError, ValueRefusedError, XaiError
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.explainers.lens import tuned_lens_training as module
from xai_widgets.explainers.lens.tuned_lens import plain_streams
from xai_widgets.testing.traces import differences, snapshot

FOLDER = Path(__file__).parents[1] / "fixtures" / "tuned_lens"
TEXTS = [
    "The capital of France is Paris, and that of Italy is Rome. She put the keys on the table and went to the door. ",
    "Water freezes at zero degrees and boils at a hundred. The museum opens at nine and closes at six in the evening.",
]
HELD_OUT = "The old lighthouse stood at the edge of the village, and every evening the keeper climbed its stairs."
# parallel blocks, soft-capped logits, learned positions, plain and grouped attention, no attention at all
KINDS = ("llama", "gpt2", "gemma2", "gpt_neox", "mamba")


def silent(*_: object) -> None:
    """Nobody is told."""


def opened(kind: str) -> HuggingFaceAdapter:
    return tiny(kind, tokenizer=byte_tokenizer())


def trained(lm: ModelAdapter, steps: int = 80, **how: object) -> xw.TunedLens:
    found = xw.TunedLens.train(lm, TEXTS, steps=steps, **{"on_step": silent, **how})
    assert isinstance(found, xw.TunedLens)
    return found


def losses(lm: ModelAdapter, text: str, lens: object = None) -> np.ndarray:
    """Mean KL(final || stream's) of each stream over a text, by the inspector, without its first position."""
    found: np.ndarray = INSPECTORS["logit_lens"](lm, lm.tokenize(text), lens).measure("kl", Context())[:, 1:].mean(1)
    return found


def said_by(lm: HuggingFaceAdapter, trace: Trace, states: torch.Tensor) -> np.ndarray:
    """Log-probabilities [state, d_vocab] of the readout."""
    rows: list[torch.Tensor] = []
    lm.readout(trace, states, lambda _, logits: rows.append(torch.log_softmax(logits, -1)), Context(), 5)
    return torch.cat(rows).numpy()


def test_numbers_of_the_package() -> None:
    """Its file, read by us and by our own readout, says what the package said."""
    lm, said = opened("gpt2"), np.load(FOLDER / "said.npz")
    lens = xw.TunedLens.load(FOLDER, lm)
    assert lens.notes == lens.fits(lm) == ()
    trace = lm.trace(said["ids"].tolist(), Context())
    for stream, wanted in enumerate(said["log_probs"]):
        for states, near in ((lens.translate(stream, trace.streams(stream)), True), (trace.streams(stream), False)):
            gap = float(np.abs(said_by(lm, trace, states) - wanted).max())
            assert gap < 1e-5 if near else gap > 0.1, "without the translators the numbers must be others"
    view = xw.LogitLens(lm, said["ids"].tolist(), lens=lens)
    assert np.abs(view.grid.prob[:-1, :, 0] - np.exp(said["log_probs"].max(-1))).max() < 1e-5
    assert (view.grid.top[:-1, :, 0] == said["log_probs"].argmax(-1)).all()


def test_a_file_goes_round(tmp_path: Path) -> None:
    """Read and written again: the same configuration, names, shapes and numbers, and so for a lens of our own."""
    lm = opened("gpt2")
    folder = xw.TunedLens.load(FOLDER, lm).save(tmp_path / "a" / "lens")
    assert json.loads((folder / "config.json").read_text()) == json.loads((FOLDER / "config.json").read_text())
    ours, theirs = (torch.load(f / "params.pt", weights_only=True) for f in (folder, FOLDER))
    assert list(ours) == sorted(theirs, key=lambda name: (name[0], name[2] == "b"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert (folder / "params.pt").stat().st_size < 1.2 * (FOLDER / "params.pt").stat().st_size
    own = trained(lm, 5)
    back = xw.TunedLens.load(own.save(tmp_path / "own"), lm)
    assert torch.equal(own.weights, back.weights)
    assert torch.equal(own.biases, back.biases)


@pytest.mark.parametrize("kind", KINDS)
def test_training_helps_at_every_layer(kind: str) -> None:
    """On text it never saw, at every stream, with the final answer as it was; what `losses` says is what can be measured."""
    lm = opened(kind)
    lens = trained(lm)
    before, after = losses(lm, HELD_OUT), losses(lm, HELD_OUT, lens)
    assert (after[:-1] < before[:-1]).all(), (before, after)
    assert after[:-1].mean() < 0.8 * before[:-1].mean()
    assert before[-1] == after[-1] == 0
    assert lens.losses is not None
    assert lens.losses.held_out
    assert (lens.losses.after < lens.losses.before).all()
    assert lens.losses.streams[:2] == ("embedding", "layer 0")


def test_slopes_are_those_of_autograd() -> None:
    """One step's slopes by weights and biases equal those through the model's own norm, head and soft cap."""
    lm = opened("gemma2")
    ids = lm.tokenize(TEXTS[0]).ids.tolist()
    read = module._read(lm, ids, [3, 9, 20])
    maps = module.Maps(module._read(lm, ids).states)
    generator = torch.Generator().manual_seed(1)
    maps.weight += 0.01 * torch.randn(maps.weight.shape, generator=generator)
    maps.shift += 0.1 * torch.randn(maps.shift.shape, generator=generator)
    loss = module._step(lm, maps, read)
    model: Any = tiny_model("gemma2", vocab_size=len(byte_tokenizer()))
    weight, shift = maps.weight.clone().requires_grad_(), maps.shift.clone().requires_grad_()
    out = read.states + maps.size * (torch.bmm(read.states / maps.scale, weight.mT) + shift[:, None])
    logits = model.lm_head(model.model.norm(out))
    logits = 30 * torch.tanh(logits / 30)
    own = torch.log_softmax(logits, -1)
    truth = (read.final.exp() * (read.final - own)).sum(-1).mean(-1)
    slopes = torch.autograd.grad(truth.sum(), [weight, shift])
    assert np.abs(loss - truth.detach().numpy()).max() < 1e-4
    for found, wanted in zip((maps.weight.grad, maps.shift.grad), slopes, strict=True):
        assert found is not None
        assert float((found - wanted).abs().max()) < 1e-4 * float(wanted.abs().max())


def test_the_same_seed_gives_the_same_lens() -> None:
    lm = opened("llama")
    one, two, other = trained(lm, 10), trained(lm, 10), trained(lm, 10, seed=1)
    assert torch.equal(one.weights, two.weights)
    assert torch.equal(one.biases, two.biases)
    assert not torch.equal(one.weights, other.weights)


@pytest.mark.parametrize("training", [False, True], ids=["evaluating", "training"])
def test_the_model_is_as_before(training: bool) -> None:
    """Parameters, gradients, modes, hooks and the random state; also when it is broken off."""
    model, tokenizer = tiny_model("llama", vocab_size=len(byte_tokenizer())).train(training), byte_tokenizer()
    next(iter(model.parameters())).requires_grad_(False)
    before, random = snapshot(model, tokenizer), torch.get_rng_state()
    lm = xw.wrap(model, tokenizer)
    trained(lm, 3)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        trained(lm, 3, on_step=broken)
    assert differences(before, snapshot(model, tokenizer)) == []
    assert torch.equal(random, torch.get_rng_state())


def test_interrupted_it_keeps_what_is_trained(capsys: pytest.CaptureFixture[str]) -> None:
    """As many steps as were done, said in a sentence and in the view's notes."""
    lm = opened("llama")

    def interrupt(done: int, _total: int, _note: str) -> None:
        if done == 4:
            raise KeyboardInterrupt

    lens = trained(lm, 50, on_step=interrupt)
    assert lens.steps == 4
    assert lens.weights.abs().max() > 0
    assert lens.losses is not None
    assert "Stopped after 4 of 50 steps; what was trained so far is kept." in capsys.readouterr().out
    notes = xw.LogitLens(lm, "ab", lens=lens)
    notes.now()
    assert notes.explanation["snapshot"]["notes"] == ["Training was stopped after 4 of 50 steps."]


def test_clicks_are_answered_while_it_trains() -> None:
    """A question to the same model's worker is answered between two steps, long before the training could end."""
    lm = opened("llama")
    view = xw.LogitLens(lm, "The cat sat")
    view.now()
    answered, asked = threading.Event(), threading.Event()

    def ask() -> None:
        view.follow(77)
        answered.set()

    def step(done: int, total: int, _note: str) -> None:
        if done == 1:
            threading.Thread(target=ask, daemon=True).start()
            asked.set()
        if answered.is_set():
            raise KeyboardInterrupt
        assert done < total, "no answer came in all these steps"

    assert trained(lm, 100_000, on_step=step).steps < 100_000
    assert asked.is_set()


def test_progress_is_told() -> None:
    told: list[tuple[int, int, str]] = []
    trained(opened("llama"), 3, on_step=lambda *step: told.append(step))
    assert [step[:2] for step in told] == [(1, 3), (2, 3), (3, 3)]
    assert "nats" in told[0][2]


def test_without_a_callback_a_bar_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    trained(opened("llama"), 2, on_step=None)
    assert "tuned lens" in capfd.readouterr().err


@pytest.mark.parametrize("rate", [300.0, 1e30])
def test_divergence_is_refused(rate: float) -> None:
    with pytest.raises(LensTrainingError, match="smaller rate"):
        trained(opened("llama"), 60, rate=rate)


def test_streams_that_are_no_numbers_are_refused() -> None:
    """Not a picture of NaN: said at the step in which it happened."""
    lm = opened("llama")
    maps = module.Maps(torch.ones(3, 4, lm.d_model))
    maps.shift += torch.nan
    read = module._read(lm, [5, 9, 77], [1, 2])
    loss = module._step(lm, maps, read)
    assert np.isnan(loss).all()
    with pytest.raises(LensTrainingError, match="step 1"):
        module._check(loss, np.ones(3), ("embedding", "layer 0", "layer 1"), "in step 1", soon=True)


@pytest.mark.parametrize(
    "how",
    [
        {"steps": 0},
        {"rows": 0},
        {"length": 1},
        {"rate": 0.0},
        {"rate": float("nan")},
        {"texts": []},
        {"texts": ["", "a"]},
    ],
)
def test_bad_arguments(how: dict[str, object]) -> None:
    given = {"texts": TEXTS, "on_step": silent, **how}
    with pytest.raises(ValueRefusedError):
        xw.TunedLens.train(opened("llama"), **given)


def test_a_text_longer_than_the_model_reads_is_cut() -> None:
    lm = opened("gpt2")
    pieces = module.pieces_of(lm, ["ab " * 2000, "\u00e4" * 999], lm.max_length)
    assert sum(map(len, pieces)) == 6000 + 2 * 999
    assert max(map(len, pieces)) <= lm.max_length


def test_a_lens_for_another_model() -> None:
    """Other sizes or another output matrix are refused; another name, or changed weights, is said."""
    with pytest.raises(ValueRefusedError, match="4 layers"):
        xw.TunedLens.load(FOLDER, opened("gemma2"))
    other = tiny("gpt2", seed=1, tokenizer=byte_tokenizer())
    with pytest.raises(ValueRefusedError, match="output matrix"):
        xw.TunedLens.load(FOLDER, other)
    lens = trained(opened("gpt2"), 2)
    with pytest.raises(ValueRefusedError, match="output matrix"):
        xw.LogitLens(other, "ab", lens=lens)
    renamed = opened("gpt2")
    renamed.name = "mine"
    loaded = xw.TunedLens.load(FOLDER, renamed)
    assert loaded.fits(renamed) == ("The lens was made for a model named tiny gpt2.",)
    view = xw.LogitLens(renamed, "ab", lens=loaded)
    view.now()
    assert view.explanation["snapshot"]["notes"] == ["The lens was made for a model named tiny gpt2."]
    changed = opened("gpt2")
    with torch.no_grad():
        changed.model.get_submodule("transformer.h.1.mlp.c_fc").get_parameter("weight").mul_(1.5)
    assert "not those that the lens was trained on" in lens.fits(changed)[0]


def test_half_precision_is_said_where_the_matrix_may_be_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hash is of printed digits, which rounding may change: then whether it fits can't be told."""
    lm = xw.wrap(tiny_model("gpt2", seed=1, vocab_size=len(byte_tokenizer())).bfloat16(), byte_tokenizer())
    lm.name = "tiny gpt2"
    lens = xw.TunedLens.load(FOLDER, lm)
    assert "can't be told" in lens.fits(lm)[0]
    states = lm.trace([5, 9, 77], Context()).streams(0)
    assert lens.translate(0, states).dtype == torch.bfloat16


def damage(folder: Path, what: str) -> None:
    """Break a good folder in one way."""
    config = json.loads((FOLDER / "config.json").read_text())
    params = torch.load(FOLDER / "params.pt", weights_only=True)
    if what == "other type":
        config["lens_type"] = "mlp"
    if what == "no name":
        del config["base_model_name_or_path"]
    if what == "no sizes":
        config["d_model"] = "48"
    if what == "a layer too few":
        del params["2.weight"]
    if what == "other shape":
        params["1.bias"] = params["1.bias"][:5]
    if what == "not a number":
        params["0.weight"][0, 0] = float("nan")
    folder.mkdir()
    (folder / "config.json").write_text("{" if what == "no json" else json.dumps(config))
    if what == "code":
        torch.save({"0.weight": Path}, folder / "params.pt")
    elif what == "torn":
        (folder / "params.pt").write_bytes((FOLDER / "params.pt").read_bytes()[:999])
    elif what != "no params":
        torch.save(params, folder / "params.pt")


@pytest.mark.parametrize(
    "what",
    ["no json", "no params", "other type", "no name", "no sizes", "a layer too few", "other shape", "not a number", "torn", "code"],
)  # fmt: skip
def test_damaged_files(what: str, tmp_path: Path) -> None:
    damage(tmp_path / "lens", what)
    with pytest.raises(FileError, match="no tuned lens that can be read"):
        xw.TunedLens.load(tmp_path / "lens", opened("gpt2"))


def test_a_file_without_biases(tmp_path: Path) -> None:
    folder = tmp_path / "lens"
    folder.mkdir()
    config = {**json.loads((FOLDER / "config.json").read_text()), "bias": False, "unembed_hash": None}
    (folder / "config.json").write_text(json.dumps(config))
    params = torch.load(FOLDER / "params.pt", weights_only=True)
    torch.save({name: value for name, value in params.items() if name.endswith("weight")}, folder / "params.pt")
    lens = xw.TunedLens.load(folder, opened("gpt2"))
    assert not lens.biases.any()
    assert lens.weights.any()


def test_models_it_can_not_be_had_for() -> None:
    lm = opened("llama")
    lm._capabilities["gradients"] = type(lm.capabilities["gradients"])(False, "a reason")
    with pytest.raises(CapabilityError, match="a reason"):
        trained(lm, 1)
    with pytest.raises(XaiError, match="several streams"):
        plain_streams(lm, torch.zeros(3, 2, 4))
