"""How long from mounting a strip of 1,000 tokens (and of 10,000) to its first paint, in headless Chromium?

    python benchmarks/bench_strip.py [--lengths 1000 10000] [--write]

The page is a saved answer (`to_html`) with the built view, read from disk without a network. The clock starts when the page clears
the place of the view, just before the view's `initialize` and `render`, and stops in the first task after the frame in
which the strip stands in the document, which is after layout and paint. Also given: from the start of navigation, which
adds starting the page, reading its data and compiling the view. A fresh page each run, Chromium started once.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import machine
import numpy as np
import questions
import report
import timing

import xai_widgets as xw

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.browser import chromium

WATCH = """
(() => {
  const times = {};
  let tell;
  window.__painted = new Promise((resolve) => (tell = resolve));
  const clear = Element.prototype.replaceChildren;
  Element.prototype.replaceChildren = function (...nodes) {
    if (this.hasAttribute("data-xai-widget")) times.mount ??= performance.now();
    return clear.apply(this, nodes);
  };
  const after = new MessageChannel();
  after.port1.onmessage = () => {
    times.painted = performance.now();
    times.shown = document.querySelectorAll("[role=listbox] [role=option]").length;
    tell(times);
  };
  const watch = new MutationObserver(() => {
    if (!document.querySelector("[role=listbox] [role=option]")) return;
    watch.disconnect();
    requestAnimationFrame(() => after.port2.postMessage(0));
  });
  watch.observe(document, { childList: true, subtree: true });
})();
"""


def main() -> None:
    """Measure and print."""
    parser = report.arguments(__doc__, repetitions=9)
    parser.add_argument("--lengths", type=int, nargs="+", default=[1000, 10000])
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    try:
        found = chromium.find()
    except chromium.NoChromiumError as error:
        raise SystemExit(str(error)) from error
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        lines = [f"{machine.processor()}, Chromium {browser.version} headless, window 1280 x 800, {machine.load()}", ""]
        shown: dict[str, int] = {}
        whole: dict[str, list[float]] = {}

        def way(name: str, url: str) -> timing.Way:
            def run() -> timing.Cost:
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.add_init_script(WATCH)
                page.goto(url)
                times = page.evaluate("window.__painted")  # polling would need eval, which the page's policy forbids
                page.close()
                shown[name] = times["shown"]
                whole.setdefault(name, []).append(times["painted"] / 1000)
                return timing.Cost((times["painted"] - times["mount"]) / 1000, 0.0)

            return run

        ways = {}
        for n in args.lengths:
            path = Path(folder) / f"{n}.html"
            answer(n).to_html(path)
            ways[f"{n:,} tokens"] = way(f"{n:,} tokens", path.as_uri())
        rows = timing.interleaved(ways, args.repetitions)
        browser.close()
    lines += [
        "| | best ms | median ms | from navigation, best ms | n | on the page at first paint |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {1000 * row.best:.0f} | {1000 * row.median:.0f} | {1000 * min(whole[name]):.0f} | {len(row.costs)} "
        f"| {shown[name]:,} |"
        for name, row in rows.items()
    ]
    lines += [f"\n{name} failed after {len(row.costs)} runs: {row.failed}" for name, row in rows.items() if row.failed]
    first = next(iter(rows.values()))
    wanted = f"ms from mount to first paint of {next(iter(rows))}"
    lines += ["", report.holds(wanted, 1000 * first.best, at_most=100.0), "", machine.load() + " at the end."]
    report.publish(__file__, "A long strip, first painted", lines, device="cpu", write=args.write)


def answer(n: int) -> xw.Answer:
    """`n` words of text with scores of no meaning."""
    words = questions.TEXT.split(" ")
    tokens = [(" " if i else "") + words[i % len(words)] for i in range(n)]
    return xw.show(np.random.default_rng(0).normal(size=(1, n)), tokens=tokens, axes=("target", "pos"))


if __name__ == "__main__":
    main()
