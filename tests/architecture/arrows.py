"""Who imports whom, read from the sources of both languages without running them.

Imports inside functions and under TYPE_CHECKING count like those at the top: an arrow is an arrow.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGE = "xai_widgets"


@dataclass(frozen=True)
class Import:
    """One import.

    Attributes:
        source: the importing module, as a path from the root of its tree, with its suffix.
        target: dotted name (Python); path from the root of the tree or a bare package name (TypeScript).
        line: where, from 1.
        at_top: whether it runs when the module is imported.
    """

    source: str
    target: str
    line: int
    at_top: bool = True

    def __str__(self) -> str:
        """As a clickable place and what is imported there."""
        return f"{self.source}:{self.line} imports {self.target}"


def python_imports(text: str, source: str) -> Iterator[Import]:
    """Every import of a Python module; relative ones made absolute. `source` is its path in the repository.

    `from a import b` counts as `a.b`, because `b` may be a module; who asks "is it inside `a`" is served either way.
    """
    tree = ast.parse(text)
    package = source.removesuffix(".py").split("/")[:-1]
    inside = {
        id(node)
        for scope in ast.walk(tree)
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or _only_for_types(scope)
        for node in ast.walk(scope)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*parents, *filter(None, [node.module])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        elif _is_import_call(node):
            names = [node.args[0].value]
        else:
            continue
        for name in names:
            yield Import(source, name, node.lineno, id(node) not in inside)


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _is_import_call(node: ast.AST) -> bool:
    """`import_module("name")` or `__import__("name")` with the name written out."""
    if not isinstance(node, ast.Call) or not node.args:
        return False
    called = ast.unparse(node.func).rsplit(".", 1)[-1]
    first = node.args[0]
    return (
        called in ("import_module", "__import__") and isinstance(first, ast.Constant) and isinstance(first.value, str)
    )


# `import x from "y"`, `import "y"`, `export * from "y"`, `import("y")`, over several lines
_FROM = re.compile(
    r"""(?:^|[;\s])(?:import|export)\b(?:[\w\s{},*$]*?\bfrom)?\s*(["'])(?P<name>[^"'\n]+)\1|\bimport\s*\(\s*(["'])(?P<call>[^"'\n]+)\3"""
)
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`\w])//[^\n]*", re.DOTALL)


def without_comments(text: str) -> str:
    """TypeScript with comments blanked, lines kept."""
    return _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def typescript_imports(text: str, source: str) -> Iterator[Import]:
    """Every import of a TypeScript module. `source` is its path below js/src; relative targets become such paths too."""
    text = without_comments(text)
    for found in _FROM.finditer(text):
        name = found["name"] or found["call"]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), name)) if name.startswith(".") else name
        yield Import(source, target, text.count("\n", 0, found.start("name" if found["name"] else "call")) + 1)


def python_sources() -> list[Path]:
    """Every module of the package."""
    return sorted((REPOSITORY / PACKAGE).rglob("*.py"))


def typescript_sources() -> list[Path]:
    """Every module of the browser side."""
    return sorted(p for p in (REPOSITORY / "js" / "src").rglob("*") if p.suffix in (".ts", ".tsx", ".js", ".mjs"))


def all_python_imports() -> list[Import]:
    """Of the whole package."""
    return [
        found
        for path in python_sources()
        for found in python_imports(path.read_text(encoding="utf-8"), path.relative_to(REPOSITORY).as_posix())
    ]


def all_typescript_imports() -> list[Import]:
    """Of the whole browser side."""
    root = REPOSITORY / "js" / "src"
    return [
        found
        for path in typescript_sources()
        for found in typescript_imports(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
    ]
