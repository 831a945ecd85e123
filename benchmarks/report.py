"""Where do a benchmark's lines go? To the screen, and with --write to its own section of RESULTS.md.

    python benchmarks/report.py

lists the sections of RESULTS.md and when each was measured.
"""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
_HEAD = """# Benchmarks: measured

Written by `make bench BENCH_ARGS=--write`; each section by the script it names, which also prints it. Every ratio comes from one run
in which the ways took turns, after a run that does not count. Best is the fastest of n runs; peak is resident memory
(on a GPU: allocated) above the start of the call; "processor" is the least processor time of a run, which other work on the machine
disturbs less than wall time; "cores used" is processor over wall time of that way's own process, so less than the number of
threads means a busy machine. Targets that don't hold say so.
"""


def arguments(doc: str | None, *, repetitions: int = 3) -> argparse.ArgumentParser:
    """The options all benchmarks share: --device, --model, --repetitions, --shared, --write."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu or cuda; what needs no model ignores it")
    parser.add_argument(
        "--model", help="hub id or folder, to try a benchmark on another model; left out: the default model"
    )
    parser.add_argument(
        "--repetitions", type=int, default=repetitions, help="timed runs of each way, after one untimed"
    )
    parser.add_argument("--shared", action="store_true", help="one thread and its processor time, on a busy machine")
    parser.add_argument("--write", action="store_true", help="replace this benchmark's section of RESULTS.md")
    return parser


def holds(what: str, value: float | None, *, at_least: float | None = None, at_most: float | None = None) -> str:
    """A line that says whether a target holds: `- holds: ...`, `- MISSED: ...` or `- not known: ...`."""
    bound = f"at least {at_least:g}" if at_least is not None else f"at most {at_most:g}"
    if value is None or value != value:  # noqa: PLR0124 - not a number
        return f"- not known: {what}, {bound} wanted"
    good = value >= at_least if at_least is not None else at_most is not None and value <= at_most
    return f"- {'holds' if good else '**MISSED**'}: {what} {value:.3g}, {bound} wanted"


def publish(script: str, title: str, lines: list[str], *, device: str, write: bool) -> None:
    """Print the lines; with `write` put them into RESULTS.md in place of this script's earlier ones for this device."""
    kind = "cuda" if device.startswith("cuda") else "cpu"
    key = Path(script).name
    given = " ".join(["python", f"benchmarks/{key}", *(a for a in sys.argv[1:] if a != "--write")])
    text = "\n".join([f"## {title}", "", f"`{given}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "", *lines])
    print(text, flush=True)
    if not write:
        return
    old = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    marked = f"<!-- {key} {kind} -->\n{text}\n<!-- end -->"
    sections = dict(re.findall(r"(?s)<!-- (\S+ \w+) -->\n(.*?)\n<!-- end -->", old))
    sections[f"{key} {kind}"] = text
    parts = [f"<!-- {name} -->\n{body}\n<!-- end -->" for name, body in sorted(sections.items())]
    assert marked in parts
    RESULTS.write_text(_HEAD + "\n" + "\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    found = re.findall(r"(?m)^## (.*)\n\n(`.*)$", RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    for title_, line in found:
        print(f"{title_}: {line}")
