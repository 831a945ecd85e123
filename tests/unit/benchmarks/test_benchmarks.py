"""The yardsticks themselves: counted operations, interleaved runs, the words of a target, and a report that keeps other sections."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from xai_widgets.adapters.tiny import tiny

FOLDER = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """Imports a module of `benchmarks`, whose scripts find each other because they stand in one folder."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def load_module(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load_module


@pytest.mark.parametrize("family", ["llama", "gpt_neox"])
def test_the_limit_counts_what_torch_counts(load, family) -> None:
    sizes = load("arithmetic").Sizes.of(tiny(family).model)
    n = 7
    model = tiny(family).model
    model.set_attn_implementation("eager")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.arange(n)[None], use_cache=False)
    counted = counter.get_total_flops()
    whole_square = n * sizes.token + n * sizes.head + n * n * sizes.pair
    rotary = counted - whole_square  # position angles: a product torch counts and no implementation repeats by row
    assert 0 <= rotary <= 0.001 * counted


def test_the_shared_prefix_is_counted_once(load) -> None:
    arithmetic = load("arithmetic")
    only_tokens = arithmetic.Sizes(token=1, head=0, pair=0)
    only_pairs = arithmetic.Sizes(token=0, head=0, pair=1)
    # 3 prompt tokens and 2 targets: 4 positions; changed inputs run 4, 3 and 2 of them
    assert arithmetic.leave_one_out(only_tokens, 3, 2) == 4 + 4 + 3 + 2
    assert arithmetic.leave_one_out_whole(only_tokens, 3, 2) == 4 * 4
    assert arithmetic.leave_one_out(only_pairs, 3, 2) == 10 + 10 + (2 + 3 + 4) + (3 + 4)
    assert arithmetic.gradient(only_tokens, 3, 2) == 3 * 4
    assert arithmetic.gradient(only_tokens, 3, 2, rows=1) == 2 * 4


def test_ways_take_turns_and_a_failure_is_said(load, capsys) -> None:
    timing = load("timing")
    seen: list[str] = []

    def way(name, seconds):
        def run():
            seen.append(name)
            if name == "b" and seen.count("b") == 2:
                raise ValueError("no more")
            return timing.Cost(seconds + seen.count(name), 0.5, 10 * seen.count(name))

        return run

    rows = timing.interleaved({"a": way("a", 1.0), "b": way("b", 1.0), "slow": way("slow", 100.0)}, 3)
    assert seen == ["a", "b", "slow", "a", "b", "a", "a"]
    assert [c.seconds for c in rows["a"].costs] == [3.0, 4.0, 5.0]
    assert (rows["a"].best, rows["a"].median, rows["a"].peak) == (3.0, 4.0, 40)
    assert rows["slow"].best == 101.0
    lines = timing.table(rows, first="a")
    assert any(line.startswith("| b | not measured") for line in lines)
    assert any("no more" in line for line in lines)
    assert timing.ratio(rows, ["b", "slow"], "a") == (101.0 / 3.0, "slow")
    capsys.readouterr()


def test_memory_above_the_start_is_seen(load) -> None:
    timing = load("timing")
    cost = timing.once(lambda: torch.ones(64 << 20, dtype=torch.uint8))
    if cost.peak is None:
        pytest.skip("this system has no /proc/self/clear_refs; run it on Linux")
    assert 0.9 * (64 << 20) <= cost.peak <= 1.5 * (64 << 20)


def test_a_missed_target_says_so(load) -> None:
    holds = load("report").holds
    assert holds("x", 2.0, at_least=1.4) == "- holds: x 2, at least 1.4 wanted"
    assert "MISSED" in holds("x", 1.39, at_least=1.4)
    assert "MISSED" in holds("x", 2.31, at_most=2.3)
    assert "not known" in holds("x", None, at_most=2.3)
    assert "not known" in holds("x", float("nan"), at_most=2.3)


def test_a_report_replaces_its_own_section_only(load, tmp_path, monkeypatch, capsys) -> None:
    report = load("report")
    monkeypatch.setattr(report, "RESULTS", tmp_path / "RESULTS.md")
    for script, device, text in (
        ("a.py", "cpu", "old"),
        ("b.py", "cpu", "kept"),
        ("a.py", "cuda", "gpu"),
        ("a.py", "cpu", "new"),
    ):
        report.publish(script, "T", [text], device=device, write=True)
    written = report.RESULTS.read_text()
    assert "\nold\n" not in written
    assert [written.count(word) for word in ("\nkept\n", "\ngpu\n", "\nnew\n")] == [1, 1, 1]
    capsys.readouterr()


@pytest.mark.parametrize("script", sorted(path.name for path in FOLDER.glob("bench_*.py")))
def test_every_benchmark_says_what_it_measures(script) -> None:
    done = subprocess.run([sys.executable, FOLDER / script, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 100
