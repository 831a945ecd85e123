"""How alike two models are, layer by layer: the live view, and the same numbers for a script."""

from __future__ import annotations

from pathlib import Path

from xai_widgets.core.cka import LayerCKA
from xai_widgets.export.page import assembled, state
from xai_widgets.widgets.cka import CKAView


class CKA(CKAView):
    """Centred kernel alignment (CKA) between every layer of a model and every layer of another, or of itself.

    Args:
        lm: a model from `xw.load` or `xw.wrap`.
        texts: what both read; a few hundred tokens or more.
        versus: another model, or another state of it; its streams may have another width. Left out: `lm` beside itself.
        per: "position": each token is a sample, and both models must cut the texts alike; "text": the mean over each text is one, and
            the tokenizers may differ.
        most: samples at most; of more positions a part is drawn, by `seed`.
        first: whether each text's first position counts. In many models it is hundreds of times as long as all others, and alone
            decides the number.
        link_id: views of the same id share selections.

    Raises:
        CapabilityError: a model's streams can't be read (the reason is said). EmptyTextError, TooLongError: as for any input.
        TokenizerError: the two models cut a text differently, and samples are positions.
        ValueRefusedError: fewer than four samples. UnknownNameError: no such `per`.

    Residual streams are compared as they enter and leave blocks. Two numbers are given: `debiased`, and `plain`, which few samples bias
    up; see `explainers.comparing.cka`. Alike says that one is the other turned and scaled: not that both do the same with it.

    >>> import xai_widgets as xw
    >>> from xai_widgets.adapters.tiny import tiny
    >>> view = xw.CKA(tiny("llama"), ["The cat sat on the mat.", "A dog ran home."], versus=tiny("llama", seed=1))
    >>> view.cka.debiased.shape, view.cka.rows[:2]
    ((4, 4), ('embedding', 'layer 0'))
    >>> float(xw.CKA(tiny("llama"), "The cat sat on the mat.").cka.diagonal.min()) > 0.999
    True
    """

    def __repr__(self) -> str:
        """Which models, and how alike layers at the same place are. Waits for nothing: a notebook asks it to show the view."""
        aligned = self._looking.seen
        if aligned is None:
            return f"<CKA of {self._looking.adapter.name}: not compared yet>"
        first, second = aligned.names
        pair = f"{first} with itself" if self._aligning.versus is None else f"{first} and {second}"
        cka = aligned.cka
        low, high = cka.diagonal.min(), cka.diagonal.max()
        return f"<CKA of {pair}: {len(cka.rows)} x {len(cka.columns)} streams, {cka.n} {cka.per}s, same place {low:.2f} to {high:.2f}>"

    @property
    def cka(self) -> LayerCKA:
        """The numbers of all pairs of streams."""
        return self.now().cka

    def to_html(self, path: str | Path) -> Path:
        """One file that opens offline with the same view."""
        page = state(self.packed(self.now(), 0), "page-0", [])
        target = Path(path)
        text = assembled([("cka", page)], f"CKA of {self._looking.adapter.name}", repr(self))
        target.write_text(text, encoding="utf-8")
        return target
