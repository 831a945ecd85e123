"""Who wrote the logit: the live view, and the same numbers for a script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xai_widgets.core.parts import LogitShares, Neuron
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
        link_id: views of the same id share selections.

    Raises:
        CapabilityError: this model's logits can't be taken apart (the reason is said).
        EmptyTextError, TooLongError: as for any input. TargetError: no such token. (When it is waited for.)

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
        return f"<DirectLogitAttribution of {name}: {split.target.text!r}{less}, logit {split.shares.logits[0]:.2f}: {most}>"

    @property
    def shares(self) -> LogitShares:
        """Shares of every component and head; `values` [1, component] sum to `logits` [1]."""
        return self.now().shares

    def neurons(self, layer: int, k: int = 10) -> list[Neuron]:
        """The `k` strongest neurons of a layer's MLP for this logit, and the words they speak for."""

        def work(split: Split, context: Any) -> list[Neuron]:  # noqa: ANN401 - the job's context
            other = None if split.other is None else split.other.id
            found: list[Neuron] = split.parts.neurons(context, layer, split.target.id, other, k)
            return found

        found: list[Neuron] = self.wait_for(work)
        return found

    def to_html(self, path: str | Path, layers: Sequence[int] = ()) -> Path:
        """One file that opens offline with the same picture; of the MLPs of `layers` the strongest neurons are in it too."""
        split = self.now()
        asks: list[dict[str, Any]] = [{"action": "neurons", "layer": layer} for layer in layers]
        page = state(self.packed(split, 0), "page-0", [(ask, *self.reply(ask)) for ask in asks])
        title = f"Direct logit attribution of {self._looking.adapter.name}"
        target = Path(path)
        target.write_text(assembled([("direct_logit_attribution", page)], title, repr(self)), encoding="utf-8")
        return target
