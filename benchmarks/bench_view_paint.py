"""How long until a text of many tokens is on the screen, in headless Chromium, without a kernel.

    python benchmarks/bench_view_paint.py [--repeat 5]

Builds the gallery, opens it, and measures in the page: from the call of the view's `render` (state decoded, nothing drawn) to the
end of the first painted frame. Best and median of the repeats. The limit for 1,000 tokens is 100 ms.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import statistics
import subprocess
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).parents[1]
SIZES = (100, 1_000, 3_000, 10_000)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing for each file."""


def main(repeat: int, chromium: str) -> None:
    """Print a line for each size."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["node", "js/build.mjs", "--gallery", folder], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL
        )
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(f"http://127.0.0.1:{server.server_address[1]}/index.html?only=none")
            page.wait_for_function("'paint' in window")
            page.evaluate("window.paint(100)")
            for size in SIZES:
                times = [float(page.evaluate("n => window.paint(n)", size)) for _ in range(repeat)]
                print(f"{size:6,} tokens: best {min(times):6.1f} ms, median {statistics.median(times):6.1f} ms")
            browser.close()
        server.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options, _ = parser.parse_known_args()  # `make bench` gives all scripts the same arguments
    main(options.repeat, options.chromium)
