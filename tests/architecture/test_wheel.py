"""What is shipped: one wheel that holds every module and the built views, and works where nothing else of ours is.

Proven here: the wheel installs by itself, without the network, into an empty environment; there, with no dependency at
all, `import xai_widgets` works; with the dependencies of this environment beside it (found by PYTHONPATH, because
installing torch again takes minutes), a widget can be made from it. Not proven here: that an index offers the
dependencies, and that a machine without Node can build (`make setup` in a clean clone does the first).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.architecture.arrows import PACKAGE, REPOSITORY, python_sources

VERSION = json.loads((REPOSITORY / "package.json").read_text())["version"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a fresh wheel and sdist; nothing is built by npm unless the views are missing or stale."""
    folder = tmp_path_factory.mktemp("dist")
    _python(sys.executable, "-m", "hatchling", "build", "-d", str(folder), cwd=REPOSITORY)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Python of an empty environment in which the wheel, and only the wheel, is installed."""
    folder = tmp_path_factory.mktemp("empty")
    _python(sys.executable, "-m", "venv", "--without-pip", str(folder / "venv"))
    bin_ = "Scripts" if os.name == "nt" else "bin"
    python = str(folder / "venv" / bin_ / "python")
    wheel = str(next(built.glob("*.whl")))
    _python(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel)
    return python


def test_the_wheel_holds_every_module_and_the_views_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
        views = {name for name in names if name.startswith(f"{PACKAGE}/static/")}
        assert any(name.endswith("/token_attribution.js") and wheel.getinfo(name).file_size > 1000 for name in views)
    modules = {path.relative_to(REPOSITORY).as_posix() for path in python_sources()}
    information = {name for name in names if name.startswith(f"{PACKAGE}-{VERSION}.dist-info/")}
    assert any(name.endswith("/LICENSE") for name in information)
    assert names - views - information - modules == {f"{PACKAGE}/py.typed"}
    assert modules <= names
    assert {Path(name).suffix for name in views} <= {".js", ".css"}


def test_the_sdist_can_build_the_views_again(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    sources = {p.relative_to(REPOSITORY).as_posix() for p in (REPOSITORY / "js" / "src").rglob("*") if p.is_file()}
    assert sources | {"js/build.mjs", "package.json", "package-lock.json", "hatch_build.py", "LICENSE"} <= names
    assert {"js/.built-from", "xai_widgets/static/token_attribution.js"} <= names, "or installing from it needs Node"
    assert not any(name.startswith(("node_modules/", ".venv/", "test-results/")) for name in names)


def test_the_version_is_said_once(built: Path) -> None:
    assert next(built.glob("*.whl")).name.startswith(f"{PACKAGE}-{VERSION}-")
    hits = [p for p in python_sources() if re.search(rf"(?<![\d.]){re.escape(VERSION)}(?![\d.])", p.read_text())]
    assert hits == []


def test_dependencies_have_floors_only() -> None:
    """A ceiling in a library is an install conflict in somebody's environment."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [name for extra in project["optional-dependencies"].values() for name in extra]
    others = [name for name in wanted if not name.startswith("xai-widgets[")]
    assert others
    assert [name for name in others if not re.fullmatch(r"[\w-]+>=[\d.]+", name)] == []


def test_it_imports_where_nothing_else_is_installed(installed: str, tmp_path: Path) -> None:
    script = "import sys, xai_widgets; print(xai_widgets.__file__); print(xai_widgets.__version__); dir(xai_widgets)"
    place, version = _python(installed, "-c", script, cwd=tmp_path).splitlines()
    assert Path(place).is_relative_to(Path(installed).parents[1])
    assert version == VERSION
    missing = _python(installed, "-c", "import importlib.util as u; print(u.find_spec('torch'))", cwd=tmp_path)
    assert missing.strip() == "None"


def test_a_widget_can_be_made_from_it(installed: str, tmp_path: Path) -> None:
    script = (
        "import sys, xai_widgets as xw; w = xw.TokenAttribution; assert len(str(w._esm)) > 1000\n"
        "a = xw.show([1.0, -1.0], tokens=['a', 'b']); assert a.scores.tolist() == [1.0, -1.0]\n"
        "print(xw.__file__); print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    # a folder on PYTHONPATH gives its packages and not its .pth files, so the editable install of this tree isn't there
    environment = {"PYTHONPATH": sysconfig.get_path("purelib")}
    place, loaded = _python(installed, "-c", script, cwd=tmp_path, environment=environment).splitlines()
    assert Path(place).is_relative_to(Path(installed).parents[1])
    assert loaded == "[]"


def _python(*command: str, cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
    environment = {**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, **(environment or {})}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
