"""Roles and turns of chat messages, character by character, whatever the template does around them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xai_widgets.adapters.chat import render
from xai_widgets.adapters.tiny import byte_tokenizer, small_tokenizer
from xai_widgets.adapters.tokenization import TokenReader
from xai_widgets.core.errors import EmptyTextError, TokenizerError, ValueRefusedError

CONTENT = st.text(
    st.one_of(st.sampled_from("user assistant<|im_end|>\nYou are 😀{{}}"), st.characters(exclude_categories=["Cs"])),
    max_size=20,
)
MESSAGES = st.lists(
    st.builds(lambda r, c: {"role": r, "content": c}, st.sampled_from(["system", "user", "assistant"]), CONTENT),
    min_size=1,
    max_size=4,
)


def with_template(template: str):
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = template
    return tokenizer


TOKENIZERS = [small_tokenizer(), byte_tokenizer()]

TRIMMED = "{% for m in messages %}[{{ m.role }}] {{ m.content | trim }}\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
FORGETFUL = (
    "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' and not loop.last and '</think>' in m.content %}"
    "{{ m.content.split('</think>')[-1] }}{% else %}{{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}<answer>{% endif %}"
)
STRICT = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role here') }}{% endif %}{% for m in messages %}{{ m.content }}{% endfor %}"


@given(messages=MESSAGES)
@settings(deadline=None, max_examples=80)
def test_contents_are_found_where_they_stand(messages: list[dict[str, str]]) -> None:
    for tokenizer in TOKENIZERS:
        rendered = render(tokenizer, messages)
        assert [rendered.text[a:b] for a, b in rendered.contents] == [m["content"] for m in messages]
        assert list(rendered.starts) == sorted(rendered.starts) and len(rendered.starts) == len(messages) + 1
        for i, (start, end) in enumerate(rendered.contents):
            if start < end:
                assert rendered.turn_at(start) == rendered.turn_at(end - 1) == i
                assert rendered.role_at(start) == messages[i]["role"]


@given(messages=MESSAGES)
@settings(deadline=None, max_examples=40)
def test_a_trimming_template_keeps_roles_right(messages: list[dict[str, str]]) -> None:
    rendered = render(with_template(TRIMMED), messages)
    assert [rendered.text[a:b].strip() for a, b in rendered.contents] == [m["content"].strip() for m in messages]


def test_a_template_that_drops_earlier_thinking() -> None:
    messages = [
        {"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "hmm</think>4"}, {"role": "user", "content": "sure?"},
    ]  # fmt: skip
    rendered = render(with_template(FORGETFUL), messages)
    assert rendered.text == "<user>2+2?<assistant>4<user>sure?<answer>"
    assert [rendered.text[a:b] for a, b in rendered.contents] == ["2+2?", "4", "sure?"]
    assert [rendered.text[a : a + 6] for a in rendered.starts] == ["<user>", "<assis", "<user>", "<answe"]


def test_the_models_own_system_prompt_is_template_text() -> None:
    tokens = TokenReader(small_tokenizer(), 50_000, 8192).read([{"role": "user", "content": "You are"}])
    if "You are a helpful" not in tokens.text:
        pytest.skip("needs the default model in the cache: make model")
    mine = [t for t in tokens if t.role == "user"]
    assert "".join(t.text for t in mine) == "You are"
    assert mine[0].span == (tokens.text.rindex("You are"), tokens.text.rindex("You are") + 3)
    assert {t.turn for t in tokens} == {0, 1}
    assert tokens.units("turn").labels[1].startswith("<|im_start|>assistant")


def test_ids_are_those_of_the_template_itself() -> None:
    tokenizer = small_tokenizer()
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi 😀"}]
    theirs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True)
    assert TokenReader(tokenizer, 50_000, 8192).read(messages).ids.tolist() == list(theirs["input_ids"])


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([{"role": "user"}], ValueRefusedError),
        ([{"role": "user", "content": [{"type": "image"}]}], ValueRefusedError),
        ([{"role": "user", "content": "  "}], EmptyTextError),
        ([{"content": "x"}], ValueRefusedError),
    ],
)
def test_messages_that_are_refused(messages: list, error: type[Exception]) -> None:
    with pytest.raises(error):
        TokenReader(byte_tokenizer(), 1000, 1000).read(messages)


def test_no_template_says_what_to_do_and_a_refusing_one_is_quoted() -> None:
    tokenizer = with_template("")
    with pytest.raises(TokenizerError, match="no chat template") as caught:
        render(tokenizer, [{"role": "user", "content": "x"}])
    assert "one text" in caught.value.hint
    with pytest.raises(TokenizerError, match="no system role here"):
        render(with_template(STRICT), [{"role": "system", "content": "x"}])
