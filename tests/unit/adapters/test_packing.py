"""The layout of changed inputs in rows: every token sees exactly what it would see in an input of its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xai_widgets.adapters import batching, packing
from xai_widgets.adapters.batching import Batch, Reading

N_TARGETS = 3
TARGETS = (1, 2)  # the last target token is never read


@st.composite
def readings_of_one_base(draw):
    base_prompt = draw(st.lists(st.integers(0, 3), min_size=1, max_size=8))
    readings = []
    for _ in range(draw(st.integers(1, 8))):
        keep = draw(st.integers(0, len(base_prompt)))
        prompt = base_prompt[:keep] + draw(st.lists(st.integers(0, 3), min_size=0 if keep else 1, max_size=4))
        hidden = draw(st.frozensets(st.integers(0, len(prompt) - 1), max_size=len(prompt)))
        readings.append(Reading((*prompt, *TARGETS), hidden, len(prompt) - 1))
    return Reading((*base_prompt, *TARGETS), frozenset(), len(base_prompt) - 1), readings


def expected(reading: Reading, place: int) -> list[tuple[int, int]]:
    """(position, token) of all that the query at `place` sees."""
    seen = [(i, reading.ids[i]) for i in range(place + 1) if i not in reading.hidden]
    return seen or [(place, reading.ids[place])]


def seen_by(batch: Batch, base: Reading, row: int, column: int) -> list[tuple[int, int, int]]:
    """(position, token, column in the row or -1) that a query sees; causal where the mask says keys only."""
    keys = np.ones(batch.base + batch.ids.shape[1], dtype=bool) if batch.visible is None else batch.visible[row]
    keys = keys[column] if keys.ndim == 2 else keys & (np.arange(len(keys)) <= batch.base + column)
    positions = np.broadcast_to(batch.positions, batch.ids.shape)
    found = []
    for key in np.flatnonzero(keys):
        own = int(key) - batch.base
        found.append(
            (int(key), base.ids[key], -1) if own < 0 else (int(positions[row, own]), int(batch.ids[row, own]), own)
        )
    return sorted(found)


def check(batches: list[Batch], base: Reading, readings: list[Reading], *, whole_path: bool) -> None:
    served: dict[int, list[int]] = {i: [] for i in range(len(readings))}
    for batch in batches:
        width = batch.ids.shape[1]
        positions = np.broadcast_to(batch.positions, batch.ids.shape)
        for i, first, slots in batch.serves:
            reading = readings[i]
            for j, slot in enumerate(slots):
                row, column = divmod(int(batch.wanted[slot]), width)
                place = reading.first + first + j
                assert positions[row, column] == place
                assert batch.ids[row, column] == reading.ids[place]
                seen = seen_by(batch, base, row, column)
                assert [(p, t) for p, t, _ in seen] == expected(reading, place)
                for p, _, own in seen if whole_path else ():
                    if own >= 0:
                        assert [(q, t) for q, t, _ in seen_by(batch, base, row, own)] == expected(reading, p)
                served[i].append(first + j)
    for i, reading in enumerate(readings):
        assert sorted(served[i]) == list(range(len(reading.ids) - reading.first))


@given(readings_of_one_base(), st.integers(1, 12), st.integers(1, 40))
def test_packed_queries_see_their_own_input_and_nothing_else(case, row_tokens, budget):
    base, readings = case
    batches = list(packing.packed(base, readings, range(len(readings)), budget, row_tokens))
    check(batches, base, readings, whole_path=True)
    assert packing.sizes(base, readings, range(len(readings)), budget, row_tokens) == [b.ids.size for b in batches]


@given(readings_of_one_base(), st.integers(1, 40))
def test_continuations_of_a_prefix_see_their_own_input(case, budget):
    base, readings = case
    batches = list(batching.on_prefix(base, readings, range(len(readings)), budget))
    check(batches, base, readings, whole_path=False)


@given(readings_of_one_base(), st.integers(1, 40), st.booleans())
def test_whole_inputs_see_themselves(case, budget, pad):
    base, readings = case
    batches = list(batching.whole(readings, range(len(readings)), budget, pad=pad))
    check(batches, base, readings, whole_path=False)
    if not pad:
        for batch in batches:
            assert len({len(readings[i].ids) for i, _, _ in batch.serves if not readings[i].sees_nothing}) <= 1


def leave_one_out(n: int) -> tuple[Reading, list[Reading]]:
    ids = tuple(range(10, 10 + n))
    base = Reading((*ids, *TARGETS), frozenset(), n - 1)
    return base, [Reading((*ids[:i], 0, *ids[i + 1 :], *TARGETS), frozenset(), n - 1) for i in range(n)]


def test_leave_one_out_runs_only_what_follows_the_change_with_little_padding():
    base, readings = leave_one_out(40)
    batches = list(packing.packed(base, readings, range(40), budget=1024))
    needed = sum(len(base.ids) - i for i in range(40))
    assert needed <= sum(batch.ids.size for batch in batches) <= 1.1 * needed


def test_hidden_positions_are_not_run_at_all():
    ids = tuple(range(10, 20))
    base = Reading((*ids, *TARGETS), frozenset(), 9)
    readings = [Reading(base.ids, frozenset({i}), 9) for i in range(9)]
    (batch,) = packing.packed(base, readings, range(9), budget=1 << 20)
    assert packing.Trie(base, readings, range(len(readings))).computed.count(True) == sum(
        len(base.ids) - i - 1 for i in range(9)
    )
    assert batch.base == 8


def test_inputs_that_share_more_than_the_base_share_those_tokens():
    base = Reading((1, 2, 3, 4, *TARGETS), frozenset(), 3)
    readings = [Reading((1, 9, 9, last, *TARGETS), frozenset(), 3) for last in (5, 6, 7)]
    trie = packing.Trie(base, readings, range(len(readings)))
    assert len(trie.token) == 2 + 3 * 3


def test_what_stands_at_a_hidden_place_does_not_matter():
    base = Reading((1, 2, 3, 4, *TARGETS), frozenset(), 3)
    readings = [Reading((1, other, 3, 4, *TARGETS), frozenset({1}), 3) for other in (2, 5, 6)]
    trie = packing.Trie(base, readings, range(len(readings)))
    assert trie.paths[0] == trie.paths[2]


@pytest.mark.parametrize("budget", [64, 256, 1024])
def test_a_batch_stays_within_its_budget_unless_one_input_is_longer(budget):
    base, readings = leave_one_out(60)
    for batch in packing.packed(base, readings, range(60), budget):
        assert batch.ids.size <= budget or len({i for i, _, _ in batch.serves}) == 1


def test_long_runs_of_hidden_positions_need_no_recursion():
    ids = tuple(range(5000))
    base = Reading((*ids, *TARGETS), frozenset(), 4999)
    reading = Reading((*ids, *TARGETS), frozenset(range(4999)), 4999)
    (batch,) = packing.packed(base, [reading], [0], 1024)
    check([batch], base, [reading], whole_path=True)


def test_many_inputs_are_laid_out_in_parts_of_bounded_size(monkeypatch):
    base, readings = leave_one_out(30)
    monkeypatch.setattr(packing, "TRIE_TOKENS", 100)
    parts = list(packing.tries(base, readings, range(30)))
    assert len(parts) == 10 and all(sum(len(readings[i].ids) for i in part.paths) <= 100 for part in parts)
    check(list(packing.packed(base, readings, range(30), 256)), base, readings, whole_path=True)
