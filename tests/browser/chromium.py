"""Which Chromium the browser tests drive: the system's own, never a downloaded one."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
"""What distributions call it, in the order we look."""


class NoChromiumError(RuntimeError):
    """No browser to test in."""


def find() -> str:
    """Path of the browser: `$CHROMIUM`, else the first of `NAMES` on the path.

    Raises:
        NoChromiumError: there is none; says how to get one.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if found:
            return found
        raise NoChromiumError(f"CHROMIUM is {named!r}, which is no program on this machine.")
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    raise NoChromiumError(
        "The browser tests need Chromium or Chrome and found none. Install it (Debian, Ubuntu: apt-get install chromium), "
        "or set CHROMIUM to its path.",
    )


if __name__ == "__main__":
    try:
        print(find())  # noqa: T201 - the Makefile reads it
    except NoChromiumError as error:
        raise SystemExit(str(error)) from None
