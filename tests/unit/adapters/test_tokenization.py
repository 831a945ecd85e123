"""Tokens give the source back, exactly, from any tokenizer; what can't be read is refused with a reason."""

from __future__ import annotations

import copy
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.adapters.tokenizers import FAMILIES, byte_fallback, byte_level, word_piece
from xai_widgets.adapters.tiny import small_tokenizer
from xai_widgets.adapters.tokenization import TokenReader
from xai_widgets.core.errors import EmptyTextError, TokenizerError, TooLongError, ValueRefusedError
from xai_widgets.core.tokens import Tokens
from xai_widgets.testing.traces import tokenizer_settings


@cache
def reader(family: str) -> TokenReader:
    tokenizer = small_tokenizer() if family == "default" else FAMILIES[family]()
    return TokenReader(tokenizer, len(tokenizer), 10_000)


ALL = ["default", *FAMILIES]
TEXTS = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(" \n\t▁ĠéßﬁｶＡ½中文العربية👩‍🔬🏳️‍🌈😀<s>\u0301")),
    min_size=1,
    max_size=40,
)


def check(tokens: Tokens, text: str) -> None:
    assert tokens.text == text
    assert "".join(tokens.texts) == text
    at = 0
    for token in tokens:
        if token.span is None:
            assert token.text == "" and token.kind == "special"
            continue
        start, end = token.span
        assert 0 <= start <= end <= len(text)
        if token.text:
            assert (start, end) == (at, at + len(token.text)) and text[start:end] == token.text
            at = end
        else:
            assert end == at  # a later byte names the character that was there before it
    assert at == len(text)


@pytest.mark.parametrize("family", ALL)
@given(text=TEXTS)
@example(text="a 😀😀 b")
@example(text="  two  spaces ")
@example(text="<s> is written here </s>")
@example(text="e\u0301 ﬁne ½")
@example(text="�replacement�")
@settings(deadline=None, max_examples=120)
def test_joined_pieces_are_the_source(family: str, text: str) -> None:
    own = reader(family)
    ids = own._tokenizer(text)["input_ids"]
    try:
        tokens = own.read(text)
    except EmptyTextError:  # some vocabularies have nothing for a control character
        assert all(i in own._specials for i in ids)
        return
    check(tokens, text)
    assert tokens.ids.tolist() == ids


@pytest.mark.parametrize("family", ["default", "byte level", "byte fallback"])
@given(ids=st.lists(st.integers(0, 260), min_size=1, max_size=30))
@example(ids=[3] * 200)
@settings(deadline=None, max_examples=60)
def test_ids_give_what_they_decode_to(family: str, ids: list[int]) -> None:
    own = reader(family)
    tokens = own.read(ids)
    assert tokens.ids.tolist() == ids
    assert "".join(tokens.texts) == tokens.text
    front = len(own._front())
    rest = ids[front:] if front and ids[:front] == own._front() else ids
    assert tokens.text == own.decode(rest)


@pytest.mark.parametrize("family", ["default", "byte level", "byte level, trimmed", "byte fallback"])
@given(text=TEXTS)
@example(text=" Paris")
@example(text="is\n\nthe")
@settings(deadline=None, max_examples=60)
def test_a_continuation_reads_as_itself_after_other_text(family: str, text: str) -> None:
    own = reader(family)
    ids = own.continuation(text)
    if own.decode(own._encode("a" + text, specials=False)[0]) != "a" + text:
        return  # bytes this vocabulary has no entry for
    lead = own._encode("a", specials=False)[0]
    assert own.decode([*lead, *ids]) == own.decode(lead) + text


def test_the_bytes_of_an_emoji_share_its_span() -> None:
    tokens = TokenReader(byte_level(trim=False), 1000, 100).read("a😀b")
    assert [(t.text, t.span, t.kind) for t in tokens] == [
        ("a", (0, 1), "text"), ("😀", (1, 2), "byte"), ("", (1, 2), "byte"), ("", (1, 2), "byte"), ("", (1, 2), "byte"), ("b", (2, 3), "text"),
    ]  # fmt: skip


def test_byte_fallback_names_its_bytes_and_added_specials_stand_for_no_text() -> None:
    tokens = TokenReader(byte_fallback(), 1000, 100).read("The é")
    assert (tokens[0].text, tokens[0].span, tokens[0].kind, tokens[0].raw) == ("", None, "special", "<s>")
    assert [t.raw for t in tokens][1:] == ["▁The", "▁", "<0xC3>", "<0xA9>"]
    assert tokens.texts == ("", "The", " ", "é", "")
    assert [t.kind for t in tokens] == ["special", "text", "text", "byte", "byte"]


def test_a_mark_put_in_front_takes_no_character() -> None:
    tokens = TokenReader(byte_fallback(), 1000, 100).read("fo")
    assert [(t.raw, t.text) for t in tokens][1:] == [("▁", ""), ("f", "f"), ("o", "o")]
    assert tokens[1].span == (0, 0)


def test_specials_written_in_the_text_are_special_and_keep_their_text() -> None:
    tokens = TokenReader(byte_level(trim=False), 1000, 100).read("The<end> cat")
    special = next(t for t in tokens if t.kind == "special")
    assert (special.text, special.span, special.raw) == ("<end>", (3, 8), "<end>")


def test_word_pieces_give_spaces_to_the_word_after_and_say_what_is_unknown() -> None:
    tokens = TokenReader(word_piece(), 1000, 100).read("The  capital 中 .")
    assert tokens.texts == ("The", "  capital", " 中", " .")
    assert tokens[2].kind == "unknown"


@pytest.mark.parametrize("family", ALL)
def test_texts_for_labels_keep_spaces_and_bytes(family: str) -> None:
    own = reader(family)
    assert all(own.token_text(i) for i in range(min(own.n_ids, 400)))
    assert not any("\ufffd" in own.token_text(i) for i in range(min(own.n_ids, 400)))


def test_a_padded_embedding_has_ids_without_an_entry() -> None:
    tokenizer = byte_level(trim=False)
    own = TokenReader(tokenizer, len(tokenizer) + 8, 100)
    assert own.token_text(len(tokenizer) + 3) == f"<{len(tokenizer) + 3}>"
    assert own.read([5, len(tokenizer) + 3]).ids.tolist() == [5, len(tokenizer) + 3]


def test_labels_of_words_and_lone_bytes() -> None:
    own = reader("default")
    (paris,) = own.continuation(" Paris")
    assert own.token_text(paris) == " Paris"
    first, second, third = own.continuation("😀")
    assert [own.token_text(i) for i in (first, second, third)] == ["<0xF0><0x9F>", "<0x98>", "<0x80>"]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("", EmptyTextError), ([], EmptyTextError), ("<end>", EmptyTextError), ("a" * 101, TooLongError), ([3] * 101, TooLongError),
        ([3, 5000], ValueRefusedError), ([3, -1], ValueRefusedError), (17, ValueRefusedError), (b"bytes", ValueRefusedError),
        ([1.5], ValueRefusedError), ([True, False], ValueRefusedError), ({"role": "user"}, ValueRefusedError),
        ("lone \ud800 surrogate", ValueRefusedError), (["a", "b"], ValueRefusedError), (None, ValueRefusedError),
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_refused(source: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        TokenReader(byte_level(trim=False), 1000, 100).read(source)


def test_ids_beyond_the_embedding_are_refused_with_the_token() -> None:
    tokenizer = byte_level(trim=False)
    top = max(tokenizer("The")["input_ids"])
    with pytest.raises(TokenizerError, match="does not fit"):
        TokenReader(tokenizer, top, 100).read("The")


def test_a_tokenizer_without_offsets_is_read_by_decoding_or_refused() -> None:
    class Slow:
        """A character tokenizer with no fast backend."""

        is_fast, chat_template, special_tokens_map, added_tokens_decoder = False, None, {}, {}
        unk_token_id = bos_token_id = eos_token_id = None
        all_special_ids: tuple[int, ...] = ()

        def __init__(self, *, lower: bool) -> None:
            self.lower = lower

        def __len__(self) -> int:
            return 300

        def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
            return {"input_ids": [ord(c) for c in (text.lower() if self.lower else text)]}

        def get_special_tokens_mask(self, ids: list[int], **_: object) -> list[int]:
            return [0] * len(ids)

        def convert_ids_to_tokens(self, ids: list[int] | int) -> list[str] | str:
            return chr(ids) if isinstance(ids, int) else [chr(i) for i in ids]

        def decode(self, ids: list[int], **_: object) -> str:
            return "".join(chr(i) for i in ids)

    check(TokenReader(Slow(lower=False), 300, 100).read("The cat"), "The cat")
    with pytest.raises(TokenizerError, match="no character offsets"):
        TokenReader(Slow(lower=True), 300, 100).read("The cat")


def test_the_users_tokenizer_keeps_its_settings_and_its_changes_are_seen() -> None:
    theirs = byte_level(trim=False)
    theirs.add_special_tokens({"pad_token": "<pad>"})
    theirs(["a", "longer text"], padding=True, truncation=True, max_length=5)  # leaves padding on in the backend
    before = copy.deepcopy(tokenizer_settings(theirs))
    own = TokenReader(theirs, 1000, 100)
    assert len(own.read("a longer text than five")) > 5
    assert tokenizer_settings(theirs) == before
    theirs.add_tokens(["longer"])
    assert "longer" in own.read("a longer text").texts
