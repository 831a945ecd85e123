"""Units partition positions and follow the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xai_widgets.core.errors import UnknownNameError, ValueRefusedError
from xai_widgets.core.tokens import Token, Tokens, Units


def made(*texts: str, **kinds: str) -> Tokens:
    items, at = [], 0
    for i, text in enumerate(texts):
        items.append(Token(i, text, (at, at + len(text)), kind=kinds.get(f"k{i}", "text")))
        at += len(text)
    return Tokens(tuple(items), "".join(texts))


def test_words_join_pieces_and_split_punctuation():
    tokens = made("The", " capit", "al", " of", " France", ",", " isn", "'t", " it")
    assert tokens.units("word").labels == ("The", " capital", " of", " France", ",", " isn't", " it")


def test_sentences():
    tokens = made("One", ".", " Two", " two", "!", "\n", "Three")
    assert tokens.units("sentence").labels == ("One.", " Two two!", "\n", "Three") or tokens.units(
        "sentence"
    ).labels == ("One.", " Two two!\n", "Three")


def test_specials_stand_alone_except_in_turns():
    items = (
        Token(0, "", None, kind="special"),
        Token(1, "Hi", (0, 2), turn=0),
        Token(2, " there", (2, 8), turn=0),
        Token(3, "Yes", (8, 11), turn=1),
    )
    tokens = Tokens(items, "Hi thereYes")
    assert tokens.units("sentence").groups[0] == (0,)
    assert tokens.units("turn").groups == ((0, 1, 2), (3,))


def test_spans_keep_the_gaps_as_units():
    tokens = made("a", "b", "c", "d")
    assert tokens.units("spans", [(1, 3)]).groups == ((0,), (1, 2), (3,))


@pytest.mark.parametrize("spans", [None, [], [(0, 9)], [(2, 3), (0, 1)], [(0, 2), (1, 3)], [(1, 1)]])
def test_bad_spans_are_refused(spans):
    with pytest.raises(ValueRefusedError):
        made("a", "b", "c").units("spans", spans)


def test_unknown_unit_offers_the_nearest():
    with pytest.raises(UnknownNameError) as error:
        made("a").units("words")
    assert error.value.nearest == "word"


def test_overlapping_groups_are_refused():
    with pytest.raises(ValueRefusedError):
        Units("spans", ((0, 1), (1,)), ("a", "b"))


@given(st.lists(st.text(max_size=6), min_size=1, max_size=12), st.sampled_from(["token", "word", "sentence", "turn"]))
def test_every_position_is_in_exactly_one_unit(texts, kind):
    tokens = made(*texts)
    units = tokens.units(kind)
    assert sorted(p for g in units.groups for p in g) == list(range(len(tokens)))
    assert "".join(units.labels) == tokens.text


def test_add_up_sums_within_units():
    import numpy as np

    units = made("a", "b", " c").units("word")
    assert units.add_up(np.array([1.0, 2.0, 4.0])).tolist() == [3.0, 4.0]


def test_head_and_extended_keep_text_and_spans():
    tokens = made("a", " b", " c")
    assert tokens.head(2).text == "a b"
    longer = tokens.head(2).extended([Token(9, " d", part="generated")])
    assert longer.text == "a b d" and longer[2].span == (3, 5) and longer.n_prompt == 2
