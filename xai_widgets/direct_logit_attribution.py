"""Who wrote the logit: the live view, and the same numbers for a script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xai_widgets.core.errors import ValueRefusedError
from xai_widgets.core.parts import HeadSources, LogitShares, Neuron
from xai_widgets.export.page import assembled, state
from xai_widgets.jobs.direct import Split
from xai_widgets.widgets.direct_logit_attribution import DirectLogitAttributionView


class DirectLogitAttribution(DirectLogitAttributionView):
    """Which layers, heads and neurons write what the model says next. As a cell's last line it is the live view.

    Args:
        lm: a model from `xw.load` or `xw.wrap`.
        text: a prompt, chat messages or token ids.
        target: whose logit is split: a text (its first token), an id; left out, the most probable next token.
        contrast: taken off it, likewise; left out, nothing is.
        versus: another model, or another state of it (a checkpoint, an adapter switched on), to compare with: the same logit in
            both, part by part, and the difference.
        link_id: views of the same id share selections.

    Raises:
        CapabilityError: this model's logits can't be taken apart (the reason is said).
        EmptyTextError, TooLongError: as for any input. TargetError: no such token. (When it is waited for.)
        TokenizerError: the two models read the text as other tokens. ModelError: they have other layers.

    Shares are direct: what a part says itself. What later layers make of it counts as theirs. See
    `explainers.decomposition.direct_logit_attribution`.

    >>> import xai_widgets as xw
    >>> from xai_widgets.adapters.tiny import tiny
    >>> view = xw.DirectLogitAttribution(tiny("llama"), "the cat sat", target=65, contrast=90)
    >>> view.shares.components[:3], view.shares.heads.shape
    (('embedding', 'attn 0', 'mlp 0'), (1, 3, 4))
    >>> bool(abs(view.shares.values.sum() - view.shares.logits[0]) < 1e-4)
    True
    """

    def __repr__(self) -> str:
        """What was split, and the largest shares. Waits for nothing: a notebook asks it to show the view."""
        split = self._looking.seen
        name = self._looking.adapter.name
        if split is None:
            return f"<DirectLogitAttribution of {name}: not run yet>"
        values = split.shares.values[0]
        most = ", ".join(f"{split.shares.components[i]} {values[i]:+.2f}" for i in np.argsort(-np.abs(values))[:3])
        less = "" if split.other is None else f" less {split.other.text!r}"
        versus = ""
        if split.versus is not None:
            name, versus = split.name, f"; in {split.versus.name} {split.versus.shares.logits[0]:.2f}"
        return f"<DirectLogitAttribution of {name}: {split.target.text!r}{less}, logit {split.shares.logits[0]:.2f}{versus}: {most}>"

    @property
    def shares(self) -> LogitShares:
        """Shares of every component and head; `values` [1, component] sum to `logits` [1]."""
        return self.now().shares

    @property
    def difference(self) -> LogitShares:
        """Shares in this model less those in the one it is compared with, both at this run's scale of the last norm.

        What the other's own scale makes of its parts is the last component, "norm scale"; see `LogitShares.minus`.

        Raises:
            ValueRefusedError: there is none.
        """
        difference = self.now().difference
        if difference is None:
            raise ValueRefusedError(
                "difference", given="one model", accepted="two", hint="give versus= when the view is made"
            )
        return difference

    def neurons(self, layer: int, k: int = 10) -> list[Neuron]:
        """The `k` strongest neurons of a layer's MLP for this logit, and the words they speak for."""

        def work(split: Split, context: Any) -> list[Neuron]:  # noqa: ANN401 - the job's context
            other = None if split.other is None else split.other.id
            found: list[Neuron] = split.parts.neurons(context, layer, split.target.id, other, k)
            return found

        found: list[Neuron] = self.wait_for(work)
        return found

    def head(self, layer: int, head: int) -> HeadSources:
        """Where a head looks from the last position, and its share of this logit by the position it comes from."""

        def work(split: Split, context: Any) -> HeadSources:  # noqa: ANN401 - the job's context
            other = None if split.other is None else split.other.id
            found: HeadSources = split.parts.head(context, layer, head, split.target.id, other, len(split.tokens))
            return found

        found: HeadSources = self.wait_for(work)
        return found

    def to_html(self, path: str | Path, layers: Sequence[int] = (), heads: Sequence[tuple[int, int]] = ()) -> Path:
        """One file that opens offline with the same picture.

        Of the MLPs of `layers` the strongest neurons are in it too, and of `heads` (layer, head) where they look. What is not in it
        says so when it is clicked.
        """
        split = self.now()
        asks: list[dict[str, Any]] = [{"action": "neurons", "layer": layer} for layer in layers]
        asks += [{"action": "head", "layer": layer, "head": head} for layer, head in heads]
        if split.versus is not None:
            asks += [{**ask, "version": 1} for ask in asks]
        page = state(self.packed(split, 0), "page-0", [(ask, *self.reply(ask)) for ask in asks])
        title = f"Direct logit attribution of {self._looking.adapter.name}"
        target = Path(path)
        target.write_text(assembled([("direct_logit_attribution", page)], title, repr(self)), encoding="utf-8")
        return target
