"""Which piece of the source each token stands for, from a tokenizer's character offsets; nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """One token's share of the source.

    Attributes:
        text: its text; joined in order the texts give the source.
        span: characters it stands for, None for a token that stands for none (a special one added in front).
        partial: True if the token holds only part of a character.
    """

    text: str
    span: tuple[int, int] | None
    partial: bool = False


def pieces(
    source: str, offsets: Sequence[tuple[int, int]], added: Sequence[bool], empty: Sequence[bool]
) -> list[Piece]:
    """Cut `source` among tokens.

    Args:
        source: the text that was tokenized.
        offsets: half-open character ranges as the tokenizer gives them: they may repeat (bytes of one character),
            leave gaps (spaces trimmed away, spaces of WordPiece) or overlap (a token that ends inside a character).
        added: True for tokens the tokenizer put there itself (BOS); they stand for no text.
        empty: True for tokens that are only a mark of a space the source may not have (a lone SentencePiece mark).

    A gap goes to the token after it (that is where a space belongs in these vocabularies), the rest of the source
    to the last token. Of tokens that share a character the first carries it and the others carry the empty string;
    their spans name that character.
    """
    real = [i for i, own in enumerate(added) if not own]
    found: list[Piece] = [Piece("", None)] * len(offsets)
    cursor = 0
    for k, i in enumerate(real):
        start, end = offsets[i]
        following = offsets[real[k + 1]] if k + 1 < len(real) else None
        if empty[i] and following is not None and following[0] <= start < following[1] and start >= cursor:
            end = start  # the mark was put in front of a word whose first character it seems to cover
        if following is None:
            end = len(source)
        end = min(max(end, cursor), len(source))
        text = source[cursor:end]
        span = (cursor, end) if text or start == end else (min(start, cursor), cursor)
        found[i] = Piece(text, span, _shares(offsets, real, k) and not empty[i])
        cursor = end
    return found


def _shares(offsets: Sequence[tuple[int, int]], real: Sequence[int], k: int) -> bool:
    """Whether the k-th token covers one character and a neighbour covers it too."""
    start, end = offsets[real[k]]
    if end - start != 1:
        return False
    before = k > 0 and offsets[real[k - 1]][1] > start and offsets[real[k - 1]][0] <= start
    after = k + 1 < len(real) and offsets[real[k + 1]][0] < end and offsets[real[k + 1]][1] >= end
    return before or after


def incremental_pieces(texts: Sequence[str]) -> list[str]:
    """Pieces of a text that grew: `texts[i]` is the text after `i + 1` tokens.

    A text the last one does not begin with holds an unfinished character (U+FFFD stands in its place); the first of
    the tokens that were needed to finish it carries the whole of it. Joined, the pieces equal the last text.
    """
    found = [""] * len(texts)
    done = first = 0
    for i, text in enumerate(texts):
        if texts[-1].startswith(text) and len(text) >= done:
            found[first] = text[done:]
            done, first = len(text), i + 1
    return found


__all__ = ["Piece", "incremental_pieces", "pieces"]
