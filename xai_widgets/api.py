"""The verbs: load or wrap a model, explain a text, show your own numbers, open what was saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_widgets.answer import Answer, _in_notebook
from xai_widgets.core.ask import DEFAULT_METHOD, Ask, Finding
from xai_widgets.core.axes import TOKEN_AXES, check_axes
from xai_widgets.core.explanation import Explanation, Quality, Row
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Quantity
from xai_widgets.core.tokens import Tokens, UnitKind
from xai_widgets.jobs.asking import begin

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter
    from xai_widgets.widgets.circuit import CircuitFileView


def load(name: str | Path | None = None, *, device: str | None = None, dtype: str | None = None) -> ModelAdapter:
    """A model by hub id, local folder or GGUF file; without a name the small default (SmolLM2-135M-Instruct).

    Args:
        name: hub id, folder or file. device: "cpu", "cuda", ...; the model's own choice if left out.
        dtype: "float32", "bfloat16", ...; left out: float32 for the default model, else as stored.

    Raises:
        ModelError, TokenizerError, CapabilityError: it can't be loaded or explained; the text says why.

    >>> import xai_widgets as xw
    >>> lm = xw.load()  # doctest: +SKIP
    """
    from xai_widgets.adapters import loading

    lm = loading.load(name, device=device, dtype=dtype)
    given = [
        "" if name is None else repr(str(name)),
        *(f"{k}={v!r}" for k, v in (("device", device), ("dtype", dtype)) if v),
    ]
    lm.origin = f"xw.load({', '.join(part for part in given if part)})"
    return lm


def wrap(model: Any, tokenizer: Any) -> ModelAdapter:  # noqa: ANN401 - transformers objects, not imported here
    """Your own model and tokenizer, as they are: nothing is copied and nothing is changed.

    Raises:
        ModelError, TokenizerError, CapabilityError: what they lack; the text says why.

    >>> lm = xw.wrap(model, tokenizer)  # doctest: +SKIP
    """
    from xai_widgets.adapters import loading

    return loading.wrap(model, tokenizer)


def explain(
    lm: ModelAdapter,
    text: str | Sequence[Mapping[str, str]] | Sequence[int] | Tokens,
    *,
    target: Any = None,  # noqa: ANN401 - see below
    contrast: Any = None,  # noqa: ANN401 - see below
    method: str = DEFAULT_METHOD,
    quantity: Quantity | None = None,
    each: bool = True,
    unit: UnitKind = "token",
    spans: Sequence[tuple[int, int]] | None = None,
    reference: str | None = None,
    seed: int = 0,
    **params: Any,  # noqa: ANN401 - the method's own
) -> Answer:
    """Ask how much each token of the input counts for a prediction. Returns at once.

    The scores have axes (target, pos): a row for each target token, a column for each unit of the input, specials
    included. Positive raises the explained number, negative lowers it (see the method's own text for unit and sign).

    Args:
        lm: from `load` or `wrap`.
        text: a prompt, chat messages, token ids, or what `lm.generate` returned.
        target: what is explained: left out, the most probable next token; a text (one token or a span, teacher
            forced), a vocabulary id, a generated token (an item of `lm.generate(...)`), or a list of ids and
            one-token texts in order.
        contrast: explain the target rather than this; as many tokens as the target.
        method: see `methods()`; its parameters follow as keywords.
        quantity: logit, log_prob (default), prob, logit_diff (default with a contrast), entropy or kl.
        each: False adds the target tokens up before explaining, which saves work for gradient methods.
        unit: token, word, sentence, turn, or spans with character ranges in `spans`.
        reference: for quantity kl, the text whose next-token distribution is compared with.
        seed: for methods that draw.

    Raises:
        UnknownNameError: no such method, parameter, unit or quantity (the nearest name is offered).
        TargetError, EmptyTextError, TooLongError, TokenizerError, CapabilityError, ValueRefusedError: what was
            given, what is accepted, what to do. Targets are looked at here; failures of the run itself are raised
            when the numbers are touched, and shown in the view.

    >>> a = xw.explain(lm, "The capital of France is", target=" Paris", contrast=" Rome")  # doctest: +SKIP
    >>> a.top(3)  # doctest: +SKIP
    """
    session = begin(
        lm,
        text,
        target=target,
        contrast=contrast,
        method=method,
        quantity=quantity,
        each=each,
        unit=unit,
        spans=spans,
        reference=reference,
        seed=seed,
        watched=_in_notebook(),
        **params,
    )
    return Answer(session)


def show(
    scores: Any,  # noqa: ANN401 - anything numpy can read, torch tensors included
    *,
    tokens: Sequence[str] | Tokens | None = None,
    axes: Sequence[str] = ("pos",),
    targets: Sequence[str] | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
    unit: str = "",
    signed: bool | None = None,
    title: str = "given",
) -> Answer:
    """Your own numbers in the same view; no model needed.

    Args:
        scores: an array (numpy, a torch tensor on any device, nested lists).
        tokens: texts for the position axis, or `Tokens`.
        axes: a name for each dimension.
        targets: texts for the target axis.
        labels: texts for other axes, by name.
        unit: of the numbers, for the legend.
        signed: whether sign means for / against; left out: whether any number is negative.
        title: what to call the method.

    Raises:
        UnknownNameError, ValueRefusedError: an axis that has no such name, or texts that don't fit the array.

    >>> import xai_widgets as xw
    >>> xw.show([[0.9, -0.4, 0.1]], tokens=["not", " bad", "."], axes=("target", "pos")).axes
    ('target', 'pos')
    """
    if hasattr(scores, "detach"):
        scores = scores.detach().to("cpu").float().numpy()
    array = np.asarray(scores, dtype=np.float32)
    axes = check_axes(tuple(axes), array.shape)
    if tokens is None:
        along = [n for axis, n in zip(axes, array.shape, strict=True) if axis in TOKEN_AXES]
        tokens = [f"[{i}]" for i in range(along[0] if along else 0)]
    given = tokens if isinstance(tokens, Tokens) else Tokens.of_texts(tokens)
    n_targets = array.shape[axes.index("target")] if "target" in axes else 0
    rows = tuple(Row(t) for t in (targets if targets is not None else [f"target {i}" for i in range(n_targets)]))
    explanation = Explanation(
        array,
        axes,
        given,
        given.units(),
        rows,
        {k: tuple(v) for k, v in (labels or {}).items()},
        unit,
        bool((array < 0).any()) if signed is None else signed,
        quality=Quality(),
    )
    return Answer(finding=Finding(Ask(given.text, method=title), explanation))


def open(path: str | Path) -> Answer | CircuitFileView:  # noqa: A001 - read as xw.open
    """An answer saved by `Answer.save`, or the view of a circuit: saved by `Circuit.save`, or a graph file of circuit-tracer.

    Needs no model; nothing in the file is run.

    Raises:
        FileError: not there, damaged, of another kind, or from a newer version.
    """
    from xai_widgets.export.archive import open_file
    from xai_widgets.export.circuit_file import is_one
    from xai_widgets.export.circuit_file import open_file as open_circuit

    if is_one(path):
        from xai_widgets.widgets.circuit import CircuitFileView

        return CircuitFileView(open_circuit(path))
    return Answer(finding=open_file(path))


def methods() -> MethodTable:
    """What there is: name, family, needs, paper, what each is known to be good and bad at."""
    return MethodTable([_row(EXPLAINERS[name]) for name in EXPLAINERS])


class MethodTable(list[dict[str, str]]):
    """A list of dicts that prints as a table."""

    def __repr__(self) -> str:
        """One line a method."""
        width = max(len(row["name"]) for row in self)
        return "\n".join(f"{row['name']:<{width}}  {row['family']:<12}  {row['summary']}" for row in self)


def link(*answers: Any) -> None:  # noqa: ANN401 - answers or views
    """Let views share their selection: what is pinned in one is pinned in all.

    >>> xw.link(a, b)  # doctest: +SKIP
    """
    views = [a.widget if isinstance(a, Answer) else a for a in answers]
    name = f"link-{views[0].uid}"
    for view in views:
        view.publish(display={**view.display, "link_id": name})


def _row(cls: Any) -> dict[str, str]:  # noqa: ANN401 - an explainer class
    return {
        "name": cls.name,
        "family": cls.family,
        "summary": cls.summary,
        "needs": ", ".join(cls.needs),
        "paper": cls.reference,
        "good_at": getattr(cls, "good_at", ""),
        "bad_at": getattr(cls, "bad_at", ""),
    }
