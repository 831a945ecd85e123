"""Which parts of a model make its answer together: the live view, the numbers, and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from xai_widgets.core.circuit import Check, Graph, Node
from xai_widgets.core.circuit import Circuit as Found
from xai_widgets.core.errors import UnknownNameError, ValueRefusedError
from xai_widgets.export.circuit_file import save
from xai_widgets.export.page import assembled, state
from xai_widgets.jobs.circuit import Circuited
from xai_widgets.widgets.circuit import CircuitView


class Circuit(CircuitView):
    """The smallest set of heads, MLPs and edges between them that keeps what two prompts' answers differ in. As a cell's last line the view.

    Args:
        lm: a model from `xw.load` or `xw.wrap`.
        clean, corrupted: two prompts, alike but for what matters; best of the same number of tokens (others are aligned).
        method: how edges are chosen. `eap_ig`: by edge attribution patching with integrated gradients of `steps` points; `eap`: at the
            clean prompt alone, one forward and one backward pass, blind to what is flat there; `acdc`: of the strongest by `eap_ig` each
            is taken away that changes the number by less than `threshold` of the difference, one pass for each.
        size: edges to keep; None: the smallest circuit of the curve that keeps .8 of the difference, at most 200 edges. Of `acdc`:
            edges to begin with.
        target, contrast: the number is the logit of the first less that of the second; left out, they are what the clean and the
            corrupted prompt say next. A text's first token counts.
        link_id: views of the same id share selections.

    Raises:
        CapabilityError: heads or MLPs of this model can't be run on streams of their own (the reason is said).
        UnknownNameError, ValueRefusedError, EmptyTextError, TooLongError: of what is given.
        TargetError: both prompts say the same next. ValueRefusedError: the number is the same in both. (When it is waited for.)

    A circuit is checked by running it: all other edges carry what they carry in the corrupted prompt. Faithfulness is the share
    of the difference it keeps, completeness the share that the rest keeps without it. See `explainers.circuits.edge_attribution`.

    >>> import xai_widgets as xw
    >>> from xai_widgets.adapters.tiny import tiny
    >>> view = xw.Circuit(tiny("llama"), "the cat sat", "the dog sat", target=65, contrast=90)
    >>> len(view.graph), view.curve[-1].asked
    (262, 200)
    >>> bool(abs(view.keep(262).faithfulness - 1) < 1e-3)  # all edges are the model itself
    True
    """

    def __repr__(self) -> str:
        """Which model, and what is kept. Waits for nothing: a notebook asks it to show the view."""
        seen = self._looking.seen
        name = self._looking.adapter.name
        if seen is None:
            return f"<Circuit of {name}: not found yet>"
        circuit = seen.circuit
        assert circuit.check is not None
        assert circuit.target is not None
        assert circuit.other is not None
        return (
            f"<Circuit of {name}: {circuit.check.kept} of {len(circuit.graph):,} edges keep {circuit.check.faithfulness:.2f} of "
            f"{circuit.target.text!r} against {circuit.other.text!r}>"
        )

    @property
    def found(self) -> Found:
        """Everything: graph, what is kept, checks."""
        return self.now().circuit

    @property
    def graph(self) -> Graph:
        """Every edge with its score, the strongest first."""
        return self.found.graph

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Parts of the circuit."""
        return self.found.nodes

    @property
    def curve(self) -> tuple[Check, ...]:
        """Faithfulness and completeness of circuits of growing size."""
        return self.found.curve

    def keep(self, size: int) -> Check:
        """The patched check of the circuit of the `size` strongest edges."""

        def work(seen: Circuited, context: Any) -> Check:  # noqa: ANN401 - the job's context
            graph = seen.circuit.graph
            whole: Any = size  # whatever was given
            if isinstance(whole, bool) or not isinstance(whole, int) or not 1 <= whole <= len(graph):
                raise ValueRefusedError("size", given=repr(size), accepted=f"1 to {len(graph)}", hint="edges to keep")
            found: Check = seen.inspector.check(graph, size, graph.strongest(size), context)
            return found

        found: Check = self.wait_for(work)
        return found

    def edge(self, source: str, target: str, path: str = "") -> tuple[float, np.ndarray, np.ndarray]:
        """Path patching of one edge: what the number really loses without it, and logits [d_vocab] before and after.

        Args:
            source, target: names of nodes: `embedding`, `head 12.7`, `MLP 3`, `logits`. path: into a head `q`, `k` or `v`.

        Raises:
            UnknownNameError: there is no such edge.
        """
        graph = self.graph
        index = graph.edge(source, target, path)
        if index < 0:
            raise UnknownNameError("edge", f"{source} -> {target} {path}".strip(), [n.name for n in graph.nodes])
        found: tuple[float, np.ndarray, np.ndarray] = self.wait_for(
            lambda seen, context: seen.inspector.edge(seen.circuit.graph, index, context)
        )
        return found

    def save(self, path: str | Path) -> Path:
        """A JSON file that `xw.open` shows again, without the model."""
        return save(self.found, path)

    def to_html(self, path: str | Path) -> Path:
        """One file that opens offline with the same graph; other sizes and single edges say that they were not saved."""
        seen = self.now()
        target = Path(path)
        title = f"Circuit of {self._looking.adapter.name}"
        page = assembled([("circuit", state(self.packed(seen, 0), "page-0"))], title, repr(self))
        target.write_text(page, encoding="utf-8")
        return target
