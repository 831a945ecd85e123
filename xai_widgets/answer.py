"""What `explain` returns: at once, live in a cell, and the numbers when they are touched."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_widgets.core.ask import Finding
from xai_widgets.core.code import as_code
from xai_widgets.core.errors import CapabilityError
from xai_widgets.core.explanation import Explanation
from xai_widgets.export.still import still
from xai_widgets.export.text import table
from xai_widgets.jobs.session import Outcome, Session

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from xai_widgets.adapters.base import ModelAdapter
    from xai_widgets.core.explanation import How
    from xai_widgets.core.tokens import Tokens
    from xai_widgets.widgets.explaining import ExplanationView


class Answer:
    """A question on its way to an answer, or an answer that was saved or brought.

    As the last line of a cell it is the live view. Touching a number (`scores`, `tokens`, `print`) waits for it;
    Ctrl-C (or the stop button) cancels. What is clicked in the view is what is read here afterwards.
    """

    def __init__(self, session: Session | None = None, finding: Finding | None = None) -> None:
        """Made by `explain`, `show` and `open`."""
        self._session, self._finding = session, finding
        self._widget: ExplanationView | None = None
        self._stills: _Stills | None = None

    # -- numbers

    @property
    def finding(self) -> Finding:
        """Question and answer as one value; waits."""
        if self._session is not None:
            return self._session.wait()
        if self._finding is None:
            raise RuntimeError("an Answer holds a session or a finding")
        return self._finding

    @property
    def explanation(self) -> Explanation:
        """The explanation; waits."""
        return self.finding.explanation

    @property
    def model(self) -> ModelAdapter | None:
        """The model that was asked; None for a saved or brought answer."""
        return self._session.adapter if self._session else None

    @property
    def scores(self) -> np.ndarray:
        """The numbers, float32, one dimension for each name in `axes`; waits."""
        return self.explanation.scores

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the dimensions of `scores`."""
        return self.explanation.axes

    @property
    def unit(self) -> str:
        """Unit of `scores`."""
        return self.explanation.unit

    @property
    def tokens(self) -> Tokens:
        """Every token the model saw, specials included."""
        return self.explanation.tokens

    @property
    def quality(self) -> Any:  # noqa: ANN401 - core.explanation.Quality
        """How exact the numbers are; None is not known."""
        return self.explanation.quality

    @property
    def provenance(self) -> Any:  # noqa: ANN401 - core.provenance.Provenance
        """Where the numbers come from."""
        return self.explanation.provenance

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """The `k` strongest units with their scores (targets added up)."""
        return self.explanation.top(k)

    def minus(self, other: Answer) -> Answer:
        """Difference to an answer about the same tokens in the same unit."""
        return self._derived(self.explanation.minus(other.explanation))

    def reduce(self, over: str, how: How = "sum") -> Answer:
        """An axis added up (or averaged, ...)."""
        return self._derived(self.explanation.reduce(over, how))

    def to_frame(self) -> pd.DataFrame:
        """A pandas table: a row for each unit with its text and positions, a column of scores for each target.

        Raises:
            CapabilityError: pandas is not installed, or the axes are not (target, pos) or (pos).
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise CapabilityError(
                "A data frame", reason="pandas is not installed", hint="pip install pandas"
            ) from error
        e = self.explanation
        if e.axes not in (("pos",), ("target", "pos")):
            raise CapabilityError(
                "A data frame", reason=f"this explanation has axes {e.axes}", hint="reduce it to (target, pos) first"
            )
        columns: dict[str, Any] = {
            "text": e.units.labels,
            "start": [g[0] for g in e.units.groups],
            "n_tokens": [len(g) for g in e.units.groups],
        }
        if e.axes == ("pos",):
            columns["score"] = e.scores
        else:
            names = [row.text or f"target {i}" for i, row in enumerate(e.rows)] or [
                f"target {i}" for i in range(len(e.scores))
            ]
            for i, name in enumerate(names):
                columns["score" if len(names) == 1 else f"{i} {name}"] = e.scores[i]
        return pd.DataFrame(columns)

    # -- outside

    def save(self, path: str | Path) -> Path:
        """Write a file that `xw.open` reads; it holds data only and can run nothing."""
        from xai_widgets.export.archive import save

        return save(self.finding, path)

    def to_html(self, path: str | Path | None = None) -> str | Path:
        """One HTML file that opens offline with the same view; the text itself if no path is given."""
        from xai_widgets.export.page import page

        finding = self.finding
        text = page([(finding, self._method(finding), self._code(finding))])
        return _written(text, path)

    def to_svg(self, path: str | Path | None = None, *, row: int | None = None, width: int = 720) -> str | Path:
        """A drawing for a paper; targets added up, or the one of index `row`."""
        from xai_widgets.export.svg import draw

        return _written(draw(self.finding, row=row, width=width), path)

    @property
    def code(self) -> str:
        """The cell that computes this again."""
        return self._code(self.finding)

    # -- shown

    @property
    def widget(self) -> ExplanationView:
        """The live view, one object however often it is shown; put it into any ipywidgets layout."""
        if self._widget is None:
            from xai_widgets.widgets.token_attribution import TokenAttribution

            self._widget = TokenAttribution.of(self._session, self._finding)
        return self._widget

    def _ipython_display_(self) -> None:
        """Show the view, and after it a still picture that only places without widgets show.

        The picture is an output of its own, since JupyterLab draws a view anew when its output is updated: what was
        being typed in it would be lost. It follows every answer.
        """
        from IPython.display import display

        if not _in_notebook():  # IPython in a terminal shows no widgets
            print(self)  # noqa: T201 - what a person in a terminal asked for
            return
        view = self.widget._repr_mimebundle_()
        bundle = dict(view[0]) if view else {}
        display({**bundle, "text/plain": "a live view; its last answer follows"}, raw=True)
        now = self._session.finding if self._session else self._finding
        handle = display(still(now), raw=True, display_id=True)
        if self._session is not None and handle is not None:
            if self._stills is None:
                self._stills = _Stills(self._session)
            self._stills.add(handle)

    def __repr__(self) -> str:
        """A text table. In a notebook it never waits; in a script or terminal it does."""
        finding = self._session.finding if self._session else self._finding
        if finding is None and self._session is not None and _in_notebook():
            return f"<Answer: {'on its way' if self._session.running else 'not computed'}>"
        return table(finding or self.finding)

    def _derived(self, explanation: Explanation) -> Answer:
        from dataclasses import replace

        return Answer(finding=replace(self.finding, explanation=explanation, candidates=(), generated=()))

    def _method(self, finding: Finding) -> Any:  # noqa: ANN401 - MethodInfo
        from xai_widgets.widgets.methods import method_of

        return method_of(finding, asked=self._session is not None)

    def _code(self, finding: Finding) -> str:
        return as_code(finding.ask, self.model.origin if self.model else "") if self._method(finding) else ""


class _Stills:
    """The still pictures of an answer, kept up with it."""

    def __init__(self, session: Session) -> None:
        """Watch the session."""
        self._session = session
        self._handles: deque[Any] = deque(maxlen=8)  # an answer shown more often keeps the pictures of the latest
        session.listen(self)

    def add(self, handle: Any) -> None:  # noqa: ANN401 - an IPython DisplayHandle
        """Keep this one up to date."""
        self._handles.append(handle)
        if self._session.finding is not None:  # it may have come while we were being shown
            handle.update(still(self._session.finding), raw=True)

    def on_seen(self, *_: Any) -> None:  # noqa: ANN401 - not needed
        """Nothing."""

    def on_step(self, *_: Any) -> None:  # noqa: ANN401
        """Nothing."""

    def on_partial(self, *_: Any) -> None:  # noqa: ANN401
        """Nothing."""

    def on_end(self, _ticket: object, outcome: Outcome) -> None:
        """Draw the new answer."""
        if outcome.finding is not None:
            bundle = still(outcome.finding)
            for handle in list(self._handles):
                handle.update(bundle, raw=True)


def _in_notebook() -> bool:
    import sys

    shell = sys.modules.get("IPython")
    current: Any = shell.get_ipython() if shell else None
    return current is not None and hasattr(current, "kernel")


def _written(text: str, path: str | Path | None) -> str | Path:
    if path is None:
        return text
    target = Path(path)
    target.write_text(text, encoding="utf-8")
    return target


__all__ = ["Answer"]
