"""From text, messages or ids to tokens with exact character spans, by the user's own tokenizer left as it is."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from xai_widgets.adapters.chat import render
from xai_widgets.adapters.spans import incremental_pieces, pieces
from xai_widgets.core.errors import EmptyTextError, TokenizerError, TooLongError, ValueRefusedError
from xai_widgets.core.tokens import Kind, Part, Role, Token, Tokens

_SPACE_MARKS = "▁Ġ "
_ANCHORS = ("\n", "a", ".", "1")
_WINDOW = 64


class TokenReader:
    """Reads tokens with a private copy of a tokenizer: each call of a fast one sets its padding and truncation.

    Args:
        tokenizer: the user's; only read, also when it later gains tokens or another template.
        n_embeddings: how many ids the model has a vector for.
        max_length: the longest input the model reads.
    """

    def __init__(self, tokenizer: Any, n_embeddings: int, max_length: int) -> None:  # noqa: ANN401 - any tokenizer
        """The private copy is made at the first call."""
        self._theirs = tokenizer
        self.n_ids = n_embeddings
        self._max_length = max_length
        self._state: tuple[Any, ...] | None = None
        self._own: Any = None
        self._specials: frozenset[int] = frozenset()

    @property
    def _tokenizer(self) -> Any:  # noqa: ANN401 - any tokenizer
        """The private copy, made anew when the user's tokenizer has changed."""
        theirs = self._theirs
        state = (
            len(theirs),
            str(theirs.special_tokens_map),
            len(theirs.added_tokens_decoder),
            getattr(theirs, "add_bos_token", None),
        )
        if state != self._state:
            if theirs.is_fast:
                own = copy.copy(theirs)
                own._tokenizer = copy.deepcopy(theirs.backend_tokenizer)
                own._tokenizer.no_padding()
                own._tokenizer.no_truncation()
            else:
                own = copy.deepcopy(theirs)
            own.deprecation_warnings = {}
            specials = {i for i, token in own.added_tokens_decoder.items() if token.special}
            self._own, self._state, self._specials = own, state, frozenset(specials | set(own.all_special_ids))
        return self._own

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self, source: str | Sequence[Mapping[str, str]] | Sequence[int]) -> Tokens:
        """Tokens of a text, of chat messages ready to be answered, or of ids.

        Raises:
            EmptyTextError: no token but special ones. TooLongError: more than the model reads.
            TokenizerError: no chat template, ids the model has no embedding for, no way to find the spans.
            ValueRefusedError: neither of the three kinds of input.
        """
        if isinstance(source, str):
            tokens = self._of_text(source)
        elif isinstance(source, (Mapping, bytes)) or not hasattr(source, "__iter__"):
            raise _refused(source)
        else:
            entries: list[Any] = list(source)
            if not entries:
                raise EmptyTextError
            if all(isinstance(entry, Mapping) for entry in entries):
                tokens = self._of_messages(entries)
            elif all(_is_int(entry) for entry in entries):
                return self._of_ids([int(entry) for entry in entries])
            else:
                raise _refused(source)
        self._check(tokens)
        return tokens

    def _check(self, tokens: Tokens) -> None:
        if all(token.kind in ("special", "pad") for token in tokens):
            raise EmptyTextError
        if len(tokens) > self._max_length:
            raise TooLongError(len(tokens), self._max_length)
        self.check_ids([token.id for token in tokens])

    def check_ids(self, ids: Sequence[int]) -> None:
        """Raise `TokenizerError` unless the model has an embedding for each id."""
        beyond = [i for i in ids if not 0 <= i < self.n_ids]
        if beyond:
            raise TokenizerError(
                "The tokenizer does not fit the model: it gives ids the model has no embedding for.",
                given=f"id {beyond[0]} ({self._tokenizer.convert_ids_to_tokens(beyond[0])!r})",
                accepted=f"ids 0 to {self.n_ids - 1:,}",
                hint="use the tokenizer the model was trained with, or model.resize_token_embeddings(len(tokenizer))",
            )

    def _of_text(self, text: str, *, specials: bool = True) -> Tokens:
        ids, offsets, added = self._encode(text, specials=specials)
        if len(ids) > self._max_length:
            raise TooLongError(len(ids), self._max_length)
        raws = self._tokenizer.convert_ids_to_tokens(ids)
        if offsets is None:
            return Tokens(tuple(self._by_decoding(ids, raws, text, added)), text)
        empty = [not raw.strip(_SPACE_MARKS) for raw in raws]
        items = []
        for i, piece in enumerate(pieces(text, offsets, added, empty)):
            kind: Kind = "special" if added[i] else self._kind(ids[i], partial=piece.partial)
            items.append(
                Token(ids[i], piece.text, piece.span, "special" if added[i] else "text", "prompt", kind, 0, raws[i])
            )
        return Tokens(tuple(items), text)

    def _of_messages(self, messages: Sequence[Mapping[str, str]]) -> Tokens:
        rendered = render(self._theirs, messages)
        tokens = self._of_text(rendered.text, specials=False)
        items = []
        for token in tokens:
            at = _first_visible(rendered.text, token.span)
            role, turn = rendered.role_at(at), rendered.turn_at(at)
            items.append(Token(token.id, token.text, token.span, role, "prompt", token.kind, turn, token.raw))
        if not any(str(message["content"]).strip() for message in messages):
            raise EmptyTextError
        return Tokens(tuple(items), rendered.text)

    def _of_ids(self, ids: list[int]) -> Tokens:
        if len(ids) > self._max_length:
            raise TooLongError(len(ids), self._max_length)
        beyond = [i for i in ids if not 0 <= i < self.n_ids]
        if beyond:
            raise ValueRefusedError(
                "Token ids",
                given=f"id {beyond[0]}",
                accepted=f"ids 0 to {self.n_ids - 1:,}",
                hint="give ids of this model's tokenizer",
            )
        front = self._front()
        lead = len(front) if ids[: len(front)] == front else 0
        specials = self._specials
        text = self.decode(ids[lead:])
        try:  # where the text gives the same ids again, its spans are the exact ones
            again = self._of_text(text)
            if [token.id for token in again] == ids:
                return again
        except (TooLongError, TokenizerError):
            pass
        tokens = Tokens((), "").extended(self.written(ids[:lead], ids[lead:]))
        items = [
            Token(i, "", None, "special", "prompt", "special" if i in specials else "text", 0, self.raw(i))
            for i in ids[:lead]
        ]
        moved = [Token(t.id, t.text, t.span, t.role, "prompt", t.kind, 0, t.raw) for t in tokens]
        return Tokens((*items, *moved), text)

    # -- writing ---------------------------------------------------------------------------------------------------

    def written(
        self, before: Sequence[int], ids: Sequence[int], *, part: Part = "prompt", role: Role = "text", turn: int = 0
    ) -> list[Token]:
        """Tokens for ids that follow `before`, without a source: their texts joined are what they decode to."""
        texts = self._grow(list(before)[-8:], list(ids))
        items = []
        for i, (token_id, text) in enumerate(zip(ids, texts, strict=True)):
            partial = not text or (i + 1 < len(texts) and not texts[i + 1] and len(text) == 1)
            items.append(
                Token(token_id, text, None, role, part, self._kind(token_id, partial=partial), turn, self.raw(token_id))
            )
        return items

    def _grow(self, context: list[int], ids: list[int]) -> list[str]:
        """Incremental decoding in windows; whole from the start if the windows do not add up to the same text."""
        if not ids:
            return []
        head = self.decode(context)
        whole = self.decode(context + ids)
        if len(ids) > 2 * _WINDOW:
            found: list[str] = []
            while len(found) < len(ids):
                start = len(found)
                lead = (context + ids[:start])[-16:]
                lead_text = self.decode(lead)
                grown = [self.decode(lead + ids[start : start + i + 1]) for i in range(min(_WINDOW, len(ids) - start))]
                if not all(text.startswith(lead_text) for text in grown):
                    break
                found += incremental_pieces([text[len(lead_text) :] for text in grown])
            if head + "".join(found) == whole:
                return found
        grown = [self.decode(context + ids[: i + 1]) for i in range(len(ids))]
        if not whole.startswith(head):  # the context ends inside a character that these ids finish
            head = head.rstrip("\ufffd")
        return incremental_pieces([text[len(head) :] if text.startswith(head) else "\ufffd" + text for text in grown])

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, specials included, spaces as they are."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def continuation(self, text: str) -> tuple[int, ...]:
        """Ids of a text that goes on after a prompt: no specials, no space put in front."""
        if not text:
            return ()
        choices = [self._encode(text, specials=False)[0]]
        for anchor in _ANCHORS:
            lead = self._encode(anchor, specials=False)[0]
            both = self._encode(anchor + text, specials=False)[0]
            if both[: len(lead)] == lead and len(both) > len(lead):
                choices.append(both[len(lead) :])
        for ids in choices:
            if self._in_context(ids) == text:
                self.check_ids(ids)
                return tuple(ids)
        self.check_ids(choices[0])
        return tuple(choices[0])

    def token_text(self, token_id: int) -> str:
        """Text of one id as it stands inside a text; bytes that are no whole character as `<0xNN>`."""
        text = self._in_context([token_id])
        if "\ufffd" not in text:
            return text or self.raw(token_id)
        raw = self.raw(token_id)
        data = _bytes_of(raw)
        return raw if data is None else _readable(data)

    def raw(self, token_id: int) -> str:
        """The vocabulary entry; `<id>` where the model has more embeddings than the tokenizer has entries."""
        entry = self._tokenizer.convert_ids_to_tokens(int(token_id))
        return f"<{token_id}>" if entry is None else str(entry)

    def _front(self) -> list[int]:
        """The special tokens this tokenizer puts in front of a text."""
        ids, _, added = self._encode("a", specials=True)
        return ids[: next((i for i, own in enumerate(added) if not own), 0)]

    # -- parts -----------------------------------------------------------------------------------------------------

    def _in_context(self, ids: Sequence[int]) -> str:
        """What ids decode to after other text: a first space survives only there."""
        lead = self._encode("a", specials=False)[0]
        text, head = self.decode([*lead, *ids]), self.decode(lead)
        return text[len(head) :] if text.startswith(head) else self.decode(ids)

    def _encode(self, text: str, *, specials: bool) -> tuple[list[int], list[tuple[int, int]] | None, list[bool]]:
        """Ids, character offsets (None from a slow tokenizer), and which tokens were put there by the tokenizer."""
        tokenizer = self._tokenizer
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueRefusedError(
                "The text",
                given=f"a lone surrogate at character {error.start}",
                accepted="valid Unicode text",
                hint='clean it with text.encode("utf-8", "replace").decode()',
            ) from error
        if not tokenizer.is_fast:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ids = list(tokenizer(text, add_special_tokens=specials, verbose=False)["input_ids"])
                mask = tokenizer.get_special_tokens_mask(ids, already_has_special_tokens=True) if specials else ids
            return ids, None, [specials and bool(m) for m in mask]
        encoded = tokenizer(
            text,
            add_special_tokens=specials,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            verbose=False,
        )
        offsets = [(int(a), int(b)) for a, b in encoded["offset_mapping"]]
        # the mask is 0 for specials written in the text; those have offsets, the added ones have none
        added = [bool(m) and a == b for m, (a, b) in zip(encoded["special_tokens_mask"], offsets, strict=True)]
        return list(encoded["input_ids"]), offsets, added

    def _by_decoding(self, ids: list[int], raws: list[str], text: str, added: list[bool]) -> list[Token]:
        """For tokenizers without offsets: decode step by step, and accept only if nothing is lost."""
        real = [i for i, own in enumerate(added) if not own]
        texts = self._grow([], [ids[i] for i in real])
        if "".join(texts) != text:
            raise TokenizerError(
                "This tokenizer gives no character offsets, and decoding step by step does not give the text back.",
                given=type(self._theirs).__name__,
                accepted="a fast tokenizer, or a slow one whose decoded tokens join to the text",
                hint="load the fast one: AutoTokenizer.from_pretrained(name, use_fast=True)",
            )
        items = [Token(i, "", None, "special", "prompt", "special", 0, raw) for i, raw in zip(ids, raws, strict=True)]
        at = 0
        for i, piece in zip(real, texts, strict=True):
            span = (at, at + len(piece)) if piece else (max(at - 1, 0), at)
            items[i] = Token(ids[i], piece, span, "text", "prompt", self._kind(ids[i], partial=not piece), 0, raws[i])
            at += len(piece)
        return items

    def _kind(self, token_id: int, *, partial: bool) -> Kind:
        tokenizer = self._tokenizer
        if token_id == tokenizer.unk_token_id and token_id not in (tokenizer.bos_token_id, tokenizer.eos_token_id):
            return "unknown"
        if token_id in self._specials:
            return "special"
        return "byte" if partial else "text"


def _first_visible(text: str, span: tuple[int, int] | None) -> int:
    """The character that decides where a token belongs: its first that is not a space."""
    if span is None:
        return 0
    start, end = span
    piece = text[start:end]
    return min(start + len(piece) - len(piece.lstrip()), max(end - 1, start))


def _is_int(value: object) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _refused(source: object) -> ValueRefusedError:
    return ValueRefusedError(
        "The input",
        given=f"{type(source).__name__}: {str(source)[:60]!r}",
        accepted='a text, chat messages ([{"role": "user", "content": "..."}]) or a list of token ids',
        hint='for example xw.explain(lm, "The capital of France is")',
    )


def _byte_table() -> dict[str, int]:
    """Byte-level vocabularies write each byte as one printable character: itself, or one from 256 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {chr(b): b for b in plain}
    for n, byte in enumerate(b for b in range(256) if b not in plain):
        table[chr(256 + n)] = byte
    return table


_BYTES = _byte_table()


def _bytes_of(raw: str) -> bytes | None:
    """Bytes of a byte-level vocabulary entry, None if it is none."""
    return bytes(_BYTES[c] for c in raw) if raw and all(c in _BYTES for c in raw) else None


def _readable(data: bytes) -> str:
    """Valid characters as they are, other bytes as `<0xNN>`."""
    text = data.decode("utf-8", "surrogateescape")
    return "".join(f"<0x{ord(c) - 0xDC00:02X}>" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in text)


__all__ = ["TokenReader"]
