"""A text as it is read, kept: its streams, what its parts write, how a number changes with each stream. Each is run when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from xai_widgets.adapters.base import ModelAdapter, PartName, PartOutputs, Trace
from xai_widgets.core.context import Context


class Pass:
    """One text.

    Args:
        adapter, ids: the model and what it reads. wanted: positions whose logits are kept; None: the last.
        edits: passes of changed streams will be taken up from it.
        embeddings: [pos, d_model] that are read in place of those of the first ids.
    """

    def __init__(
        self,
        adapter: ModelAdapter,
        ids: Sequence[int],
        wanted: Sequence[int] | None = None,
        *,
        edits: bool = False,
        embeddings: Tensor | None = None,
    ) -> None:
        """Nothing runs yet."""
        self.adapter, self.ids, self.wanted = adapter, tuple(ids), wanted
        self._edits, self._embeddings = edits, embeddings
        self._trace: Trace | None = None
        self._gradients: Sequence[Tensor] | None = None
        self._outputs: dict[PartName, PartOutputs] = {}

    def trace(self, context: Context) -> Trace:
        """Its streams, and logits at `wanted`."""
        if self._trace is None:
            self._trace = self.adapter.trace(
                self.ids, context, self.wanted, edits=self._edits, embeddings=self._embeddings
            )
        return self._trace

    def gradients(self, number: Callable[[Tensor], Tensor], context: Context) -> Sequence[Tensor]:
        """The derivative of the one number that is asked about by every stream. Where it was not read yet, one pass gives both."""
        if self._gradients is None and self._trace is None:
            self._trace, self._gradients = self.adapter.traced_gradients(
                self.ids, number, context, self.wanted, edits=self._edits, embeddings=self._embeddings
            )
        elif self._gradients is None:
            self._gradients = self.adapter.stream_gradients(self.trace(context), number, context)
        return self._gradients

    def outputs(self, part: PartName, context: Context) -> PartOutputs:
        """What a part of each block adds."""
        if part not in self._outputs:
            self._outputs[part] = self.adapter.part_outputs(self.ids, part, context, self._embeddings)
        return self._outputs[part]


__all__ = ["Pass"]
