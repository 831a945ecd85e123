"""What is asked in every benchmark: a plain English text, cut to N tokens, and what the model writes next."""

from __future__ import annotations

from dataclasses import dataclass

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.targets import Question, Target

TEXT = (
    "On the first warm day of March the two sisters opened the bakery again. The oven had been cold since autumn, and it "
    "took them most of the morning to clean the ashes out, sweep the floor and wipe the long wooden table. Anna, who was "
    "older, measured the flour and the salt. Clara carried water from the pump in the yard, because the pipes in the "
    "kitchen were still frozen. By noon the dough was resting under a blue cloth, and the smell of yeast had begun to "
    "fill the street. A man walking his dog stopped at the window and asked when the bread would be ready. Clara told him "
    "to come back at four. He laughed and said that he had waited all winter, so a few more hours would not hurt him. At "
    "three the first neighbours arrived with baskets, and an hour later there was a line from the door to the old stone "
    "bridge. The children got the small rolls with raisins, the schoolteacher took a dark loaf, and the doctor, who never "
    "ate sugar, bought a cake for his wife. When the last tray was empty the sisters sat down on the steps, counted the "
    "coins in the tin box and decided that they would stay in the village for another year. "
)
"""Written for this purpose."""

N_TARGETS = 8


@dataclass(frozen=True)
class Asked:
    """One prompt and its continuation, as ids and as texts that tokenize to these ids."""

    prompt: str
    continuation: str
    prompt_ids: tuple[int, ...]
    target_ids: tuple[int, ...]
    question: Question


def cut(lm: ModelAdapter, n: int) -> str:
    """The beginning of the text (repeated if need be) that is `n` tokens long."""
    ids = lm.tokenize(TEXT * (1 + n // 150)).ids[:n]
    prompt = str(lm.tokenizer.decode(ids.tolist()))
    if lm.tokenize(prompt).ids.tolist() != ids.tolist():
        raise SystemExit(
            f"The first {n} tokens of the benchmark's text don't tokenize back to themselves; use another length."
        )
    return prompt


def ask(lm: ModelAdapter, n: int, k: int = N_TARGETS, *, each: bool = True) -> Asked:
    """The log-probability of each of the `k` tokens the model writes after `n` tokens; `each=False`: of them all."""
    prompt = cut(lm, n)
    tokens = lm.tokenize(prompt)
    wrote = lm.generate(tokens, max_new_tokens=k).ids[n:].tolist()
    if len(wrote) < k:
        raise SystemExit(f"The model stopped after {len(wrote)} tokens; {k} are needed.")
    target = Target(tuple(wrote), tuple(lm.token_text(i) for i in wrote), each=each)
    return Asked(
        prompt, str(lm.tokenizer.decode(wrote)), tuple(tokens.ids.tolist()), tuple(wrote),
        Question(tokens, tokens.units(), target),
    )  # fmt: skip
