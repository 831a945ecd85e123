"""How long does `import xai_widgets` take, does it load torch, and how large are the view modules and the wheel?

    python benchmarks/bench_import.py [--write]
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
import {module}
print(json.dumps([time.perf_counter() - start, time.process_time() - used, "torch" in sys.modules, len(sys.modules)]))
"""
OURS, TORCH = "import xai_widgets", "import torch"


def main() -> None:
    """Measure and print."""
    args = report.arguments(__doc__, repetitions=7).parse_args()
    loaded: dict[str, list[bool]] = {OURS: [], TORCH: []}
    modules: dict[str, int] = {}

    def fresh(name: str) -> timing.Way:
        def run() -> timing.Cost:
            code = IMPORT.format(module=name.split()[1])
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
            seconds, used, torch, modules[name] = json.loads(done.stdout)
            loaded[name].append(torch)
            return timing.Cost(seconds, used)

        return run

    rows = timing.interleaved({OURS: fresh(OURS), TORCH: fresh(TORCH)}, args.repetitions)
    lines = [
        f"{machine.processor()}, Python {platform.python_version()}, {machine.load()}; each run in a fresh process", "",
        *timing.table(rows), "",
        report.holds("seconds of import xai_widgets", rows[OURS].best, at_most=0.3),
        f"- {'**MISSED**: torch is' if any(loaded[OURS]) else 'holds: torch is not'} loaded by it ({modules[OURS]} modules)",
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
