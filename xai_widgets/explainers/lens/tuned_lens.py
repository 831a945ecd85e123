"""The tuned lens: one affine map for each stream that says in the last layer's terms what the stream says in its own.

Belrose et al. 2023, "Eliciting latent predictions from transformers with the tuned lens" (arXiv 2303.08112). A stream h becomes
h + A h + b and is then read out by the model's own code. The last stream has no translator: it is the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.errors import CapabilityError, ValueRefusedError
from xai_widgets.core.lens import LensLosses


@dataclass(frozen=True)
class Base:
    """The model that a lens was made for.

    Attributes:
        name: as it was loaded. revision: None where none was named.
        unembed_hash: of its output matrix, as the tuned-lens package takes it (`tuned_lens_file.unembed_hash`); None: not known.
        fingerprint: of all its weights; None: not known (files don't have it).
    """

    name: str
    revision: str | None = None
    unembed_hash: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class TunedLens:
    """A trained lens. Made by `train` or `load`; used by `xw.LogitLens(lm, text, lens=tuned)`.

    Attributes:
        weights: float32 [stream, d_model, d_model], A of each stream but the last (row: what is written, column: what is read).
        biases: float32 [stream, d_model], b.
        base: the model it was made for.
        losses: how far each stream is from the final answer, before and after training; None for a file, which does not say.
        steps: it was trained for; 0 for a file. notes: what is to be said of it.

    >>> import xai_widgets as xw
    >>> from xai_widgets.adapters.tiny import tiny
    >>> lm = tiny("llama")
    >>> texts = ["The capital of France is Paris, and that of Italy is Rome."]
    >>> tuned = xw.TunedLens.train(lm, texts, steps=30, on_step=lambda *_: None)
    >>> bool((tuned.losses.after < tuned.losses.before).all())
    True
    >>> xw.LogitLens(lm, "The capital of Spain is", lens=tuned).grid.streams[-1]
    'layer 2'
    """

    weights: Tensor
    biases: Tensor
    base: Base
    losses: LensLosses | None = None
    steps: int = 0
    notes: tuple[str, ...] = ()
    _placed: dict[tuple[int, str], tuple[Tensor, Tensor]] = field(default_factory=dict)
    """Translators where the model's streams are, each brought there once."""

    def __repr__(self) -> str:
        """For which model, and how much nearer to the answer it is."""
        n, d = self.biases.shape
        made = f", {self.steps} steps" if self.steps else ""
        if self.losses is not None:
            made += f", mean KL to the answer {self.losses.before.mean():.3g} -> {self.losses.after.mean():.3g} nats"
        return f"<TunedLens of {self.base.name}: {n} translators, d_model {d}{made}>"

    def words(self) -> str:
        """What it is, for a tooltip."""
        return repr(self)[1:-1]

    def translate(self, stream: int, states: Tensor) -> Tensor:
        """States [state, d_model] of a stream in the last layer's terms, in their own dtype; computed in float32.

        Args:
            stream: 0 is what enters the first block. The last, which has no translator, is returned as it is.
        """
        if stream >= len(self.biases):
            return states
        key = (stream, str(states.device))
        if key not in self._placed:
            self._placed[key] = (self.weights[stream].to(states.device), self.biases[stream].to(states.device))
        weight, bias = self._placed[key]
        return (states.float() + torch.nn.functional.linear(states.float(), weight, bias)).to(states.dtype)

    def fits(self, adapter: ModelAdapter) -> tuple[str, ...]:
        """What is to be said of reading this model with it.

        Raises:
            ValueRefusedError: it was made for another model: other sizes, or another output matrix.
            CapabilityError: the model's streams have no single state a position.
        """
        from xai_widgets.explainers.lens.tuned_lens_file import unembed_hash

        n, d = self.biases.shape
        if (n, d) != (adapter.n_layers, adapter.d_model):
            raise ValueRefusedError(
                "This tuned lens", given=f"a lens for {n} layers and d_model {d} ({self.base.name})",
                accepted=f"one for {adapter.n_layers} layers and d_model {adapter.d_model} ({adapter.name})",
                hint="load the lens of this model, or train one with xw.TunedLens.train",
            )  # fmt: skip
        notes = list(self.notes)
        if self.base.unembed_hash is not None and self.base.unembed_hash != unembed_hash(adapter):
            if adapter.dtype == "float32":
                raise ValueRefusedError(
                    "This tuned lens", given=f"a lens made for {self.base.name}, whose output matrix is another one",
                    accepted=f"one made for {adapter.name}",
                    hint="load the lens of this model, or train one with xw.TunedLens.train",
                )  # fmt: skip
            notes.append(
                f"Whether the lens was made for this model can't be told: its output matrix is rounded to {adapter.dtype}."
            )
        theirs = {adapter.name, str(getattr(adapter.model.config, "name_or_path", ""))}
        if self.base.name.rsplit("/", 1)[-1] not in {name.rsplit("/", 1)[-1] for name in theirs}:
            notes.append(f"The lens was made for a model named {self.base.name}.")
        if self.base.fingerprint not in (None, adapter.fingerprint):
            notes.append("The model's weights are not those that the lens was trained on.")
        return tuple(notes)

    @classmethod
    def train(
        cls,
        lm: ModelAdapter,
        texts: str | Sequence[str | Sequence[int] | Sequence[Mapping[str, str]]],
        *,
        steps: int = 200,
        rows: int = 8,
        length: int = 128,
        rate: float = 0.1,
        seed: int = 0,
        on_step: Callable[[int, int, str], None] | None = None,
    ) -> TunedLens:
        """Train a lens in the calling thread; see `tuned_lens_training`. The model stays as it is and answers meanwhile.

        Args:
            lm: a model from `xw.load` or `xw.wrap`.
            texts: what to train on, the more like what will be read the better; a tenth of it is held out.
            steps: each reads one piece of text. Ctrl-C ends it early and keeps what was trained so far.
            rows: positions of a piece on which all streams are trained. length: tokens of a piece.
            rate: how far one step may move a stream, as a part of its size; it falls to 0 along the steps.
            seed: of pieces and positions; the same seed gives the same lens.
            on_step: told of (steps done, steps, note); left out, a progress bar is shown.

        Memory: 16 bytes an entry of `weights`, beside the model.

        Raises:
            CapabilityError: the model gives no gradients, or its passes can't be taken up.
            ValueRefusedError: too little text, or a number out of range.
            LensTrainingError: it diverged.
        """
        from xai_widgets.explainers.lens.tuned_lens_training import train

        return train(lm, texts, steps=steps, rows=rows, length=length, rate=rate, seed=seed, on_step=on_step)

    def save(self, folder: str | Path) -> Path:
        """Write `config.json` and `params.pt`, which the tuned-lens package reads too."""
        from xai_widgets.explainers.lens.tuned_lens_file import write

        return write(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path, lm: ModelAdapter) -> TunedLens:
        """Read a folder written by `save` or by the tuned-lens package (0.2.0). What is to be said of it stands in `notes`.

        Raises:
            FileError: no such files, or they can't be read as a lens. ValueRefusedError: made for another model.
        """
        from xai_widgets.explainers.lens.tuned_lens_file import read

        found = read(Path(folder))
        found.fits(lm)
        return found


def plain_streams(adapter: ModelAdapter, states: Tensor) -> Tensor:
    """The same states, if they are one vector a position.

    Raises:
        CapabilityError: this family keeps several streams side by side.
    """
    if states.ndim != 2:
        raise CapabilityError(
            "A tuned lens", reason=f"{adapter.name} keeps several streams at a position", hint="use the logit lens"
        )
    return states
