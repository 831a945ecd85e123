"""How long does `import xai_widgets` take, does it load torch, and how large are the view modules and the wheel?

    python benchmarks/bench_import.py [--write]

Every import is timed inside a fresh process of its own, with a warm disk. Names of the package load on first use, so the time
until `explain` can be called and until a view can be made are given too.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import machine
import report
import timing

REPOSITORY = Path(__file__).parent.parent
IMPORT = """
import json, sys, time
start, used = time.perf_counter(), time.process_time()
{statements}
print(json.dumps([time.perf_counter() - start, time.process_time() - used, "torch" in sys.modules, len(sys.modules)]))
"""
OURS, TORCH = "import xai_widgets", "import torch"
WAYS = {
    OURS: OURS,
    "and its verbs": "import xai_widgets; xai_widgets.explain",
    "and its view": "import xai_widgets; xai_widgets.explain; import xai_widgets.widgets.token_attribution",
    TORCH: TORCH,
}


def main() -> None:
    """Measure and print."""
    args = report.arguments(__doc__, repetitions=7).parse_args()
    loaded: dict[str, bool] = {}
    modules: dict[str, int] = {}

    def fresh(name: str, statements: str) -> timing.Way:
        def run() -> timing.Cost:
            code = IMPORT.format(statements=statements)
            done = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
            )
            seconds, used, loaded[name], modules[name] = json.loads(done.stdout)
            return timing.Cost(seconds, used)

        return run

    rows = timing.interleaved({name: fresh(name, text) for name, text in WAYS.items()}, args.repetitions)
    lines = [
        f"{machine.processor()}, Python {platform.python_version()}, {machine.load()}; each run in a fresh process", "",
        *timing.table(rows), "",
        report.holds("seconds of import xai_widgets", rows[OURS].best, at_most=0.3),
        f"- {'**MISSED**: torch is' if loaded[OURS] else 'holds: torch is not'} loaded by it ({modules[OURS]} modules)",
        "", "### Sizes", "", "| file | kB (1000 bytes) |", "|---|---|",
    ]  # fmt: skip
    static = sorted((REPOSITORY / "xai_widgets" / "static").glob("*"))
    lines += [f"| {path.name} | {path.stat().st_size / 1000:.1f} |" for path in static]
    lines += [f"| {name} | {size / 1000:.1f} |" for name, size in wheel().items()]
    largest = max((path.stat().st_size / 1000 for path in static if path.suffix == ".js"), default=float("nan"))
    lines += ["", report.holds("kB of the largest view module", largest, at_most=60.0)]
    report.publish(__file__, "Import and size", lines, device="cpu", write=args.write)


def wheel() -> dict[str, int]:
    """Name and bytes of a wheel built now."""
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(build, cwd=REPOSITORY, capture_output=True, check=True)
        return {path.name: path.stat().st_size for path in Path(folder).glob("*.whl")}


if __name__ == "__main__":
    main()
