"""A notebook open in JupyterLab, as a test sees it: cells to run, outputs to look at, a kernel to restart.

What a person does to a view (clicks, keys) goes through Playwright on `page` or `cell(i)`. What surrounds it (running a
cell, restarting, changing the theme) goes through JupyterLab's own commands, which end in a promise, so that nothing
waits for a guessed time.

    nb = lab.open(["import xai_widgets as xw", "xw.show([[1.0, -1.0]], tokens=['a', 'b'])"])
    nb.run_all()
    nb.view(1).get_by_role("listbox").wait_for()
    nb.screenshot("light")
"""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import ConsoleMessage, Error, Locator, Page, expect

from tests.browser.lab import LabServer
from tests.browser.view import View

CELL_TIMEOUT = 180_000.0
"""Milliseconds a cell may run before a test gives up: loading a model on a busy machine with two cores takes a while."""

# the notebook's panel; the current widget may be an output shown beside it
_PANEL = "[...window.jupyterapp.shell.widgets('main')].find(panel => panel.sessionContext && panel.context)"
# asks by name, because the current widget is a placeholder until the notebook has been read
_READY = f"""name => {{
  const panel = window.jupyterapp?.shell?.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  return panel?.context?.path === name && panel.context.isReady && {_PANEL}.content.widgets.length > 0
    && kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}}"""


class Notebook:
    """One notebook in one browser page.

    Attributes:
        page: the Playwright page.
        path: the file on disk.
        kernel: id of the running kernel it was opened with, if any.
        page_errors: texts of uncaught errors of the page, in order.
        console: texts of console errors and warnings, in order.
        dark: the theme was made dark here.
    """

    def __init__(
        self,
        page: Page,
        server: LabServer,
        cells: Sequence[str] | nbformat.NotebookNode,
        results: Path,
        name: str = "x",
        kernel: str | None = None,
    ) -> None:
        """Write the notebook, open it alone in the lab and wait for an idle kernel.

        Args:
            page: an empty page. server: the lab. results: screenshots go there.
            cells: texts of code cells, or a whole notebook.
            name: of the file. kernel: id of a kernel to talk to; by default a new one.
        """
        self.page, self.server, self.results, self.kernel = page, server, results, kernel
        self.path = server.root / f"{name}.ipynb"
        self.page_errors: list[str] = []
        self.console: list[str] = []
        self.dark = False
        page.on("pageerror", self._on_page_error)
        page.on("console", self._on_console)
        whole = isinstance(cells, nbformat.NotebookNode)
        book = cells if whole else nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, self.path)
        if kernel is not None:
            server.connect(self.path.name, kernel)
        self.reload()

    # -- cells -------------------------------------------------------------------------------------------------------

    def run(self, index: int, *, wait: bool = True, check: bool = True) -> None:
        """Run one cell.

        Args:
            index: position of the cell.
            wait: return when it has ended; otherwise at once (then use `wait_idle`).
            check: fail if the cell raised.
        """
        # run-cell keeps the selection where it is, unlike Shift+Enter; the promise of its command ends with the cell
        script = f"""async ([index, wait]) => {{
          const book = {_PANEL}.content;
          book.deselectAll();
          book.activeCellIndex = index;
          const done = window.jupyterapp.commands.execute('notebook:run-cell');
          if (wait) await done;
        }}"""
        self.page.evaluate(script, [index, wait])
        if wait and check:
            self._no_error(index)

    def run_all(self, *, check: bool = True) -> None:
        """Run every cell in order and wait for the end."""
        for index in range(self.page.evaluate(f"{_PANEL}.content.widgets.length")):
            self.run(index, check=check)

    def add(self, source: str) -> int:
        """Append a code cell; returns its index."""
        script = f"""source => {{
          const shared = {_PANEL}.content.model.sharedModel;
          const index = shared.cells.length;
          shared.insertCell(index, {{cell_type: 'code', source}});
          return index;
        }}"""
        index: int = self.page.evaluate(script, source)
        self.cell(index).wait_for(state="attached")
        return index

    def set_source(self, index: int, source: str) -> None:
        """Replace the text of a cell; its output stays, as when a person types."""
        self.page.evaluate(
            f"([index, source]) => {_PANEL}.content.model.cells.get(index).sharedModel.setSource(source)",
            [index, source],
        )

    def cell(self, index: int) -> Locator:
        """The cell's element, input and output."""
        return self.page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{index}']")

    def view(self, index: int) -> Locator:
        """The output area of the cell: where its widget is. Playwright waits for what is looked up inside."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def shown(self, index: int) -> View:
        """The explanation in a cell's output."""
        return View(self.view(index))

    def beside(self) -> View:
        """The explanation in an output that was opened in a panel of its own."""
        return View(self.page.locator(".jp-LinkedOutputView"))

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """The cell's outputs as nbformat has them (`output_type`, `data`, `text`, ...); a text cell has none."""
        found: list[dict[str, Any]] = self.page.evaluate(
            f"i => {_PANEL}.content.model.cells.get(i).outputs?.toJSON() ?? []", index
        )
        return found

    def text(self, index: int) -> str:
        """What the cell printed, and the plain-text form of what it showed."""
        parts = []
        for output in self.outputs(index):
            piece = output.get("text") or output.get("data", {}).get("text/plain", "")
            parts.append("".join(piece))
        return "".join(parts)

    # -- the kernel --------------------------------------------------------------------------------------------------

    def python(self, expression: str) -> Any:
        """Value of a Python expression in the kernel (a literal: numbers, texts, lists, dictionaries).

        Waits its turn behind a running cell. Fails with the kernel's error when the expression raises.
        """
        script = f"""async expression => {{
          const kernel = {_PANEL}.sessionContext.session.kernel;
          const future = kernel.requestExecute({{
            code: '', silent: true, store_history: false, user_expressions: {{value: expression}},
          }});
          return (await future.done).content.user_expressions?.value;
        }}"""
        answer = self.page.evaluate(script, expression)
        if answer is None:  # an interrupt ends what waits behind it, too
            answer = self.page.evaluate(script, expression)
        if answer["status"] != "ok":
            raise AssertionError(f"{expression}: {answer['ename']}: {answer['evalue']}")
        return ast.literal_eval(answer["data"]["text/plain"])

    def wait_for_python(self, expression: str, within: float = 30.0) -> None:
        """Return when an expression is true in the kernel, asked again and again; fails after `within` seconds."""
        end = time.monotonic() + within
        while not self.python(f"bool({expression})"):
            assert time.monotonic() < end, f"never true: {expression}"

    def kernel_status(self) -> str:
        """`idle`, `busy`, `dead`, ...; `none` when there is no kernel."""
        status: str = self.page.evaluate(f"{_PANEL}.sessionContext.session?.kernel?.status ?? 'none'")
        return status

    def running(self, index: int) -> Locator:
        """The star that stands before a cell while it runs.

        The kernel's status says less: JupyterLab shows idle after each message that was answered beside the cell.
        """
        return self.cell(index).locator(".jp-InputArea-prompt", has_text="[*]")

    def wait_idle(self, timeout: float = CELL_TIMEOUT) -> None:
        """Return when the kernel runs nothing (also when it hasn't begun: wait for a sign of the run first)."""
        self.page.wait_for_function(
            f"() => {_PANEL}.sessionContext.session?.kernel?.status === 'idle'", timeout=timeout
        )

    def wait_busy(self, timeout: float = CELL_TIMEOUT) -> None:
        """Return when the kernel runs something."""
        self.page.wait_for_function(
            f"() => {_PANEL}.sessionContext.session?.kernel?.status === 'busy'", timeout=timeout
        )

    def wait_until(self, script: str, argument: object = None, timeout: float = CELL_TIMEOUT) -> None:
        """Return when a JavaScript function of one argument returns something true in the page."""
        self.page.wait_for_function(script, arg=argument, timeout=timeout)

    def restart(self) -> None:
        """Restart the kernel, as the menu does after its question, and wait until it is idle. Outputs stay."""
        self.page.evaluate(f"() => {_PANEL}.sessionContext.restartKernel()")
        self.wait_idle()

    def interrupt(self) -> None:
        """Interrupt the kernel, like the stop button."""
        self.page.evaluate(f"() => {_PANEL}.sessionContext.session.kernel.interrupt()")

    def end_kernel(self) -> None:
        """Shut the kernel down and leave the notebook without one."""
        self.page.evaluate(f"() => {_PANEL}.sessionContext.shutdown()")
        self.wait_until(f"() => !{_PANEL}.sessionContext.session")

    # -- the page ----------------------------------------------------------------------------------------------------

    def theme(self, *, dark: bool) -> None:
        """Change the theme of the running lab, a setting of the server that the fixture sets back at the end of the test."""
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", "false" if dark else "true")
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(
            0
        )  # it covers the page while the theme is fetched
        self.dark = dark

    def save(self) -> nbformat.NotebookNode:
        """Save with the save command and read the file back."""
        self.page.evaluate(f"() => {_PANEL}.context.save()")
        return nbformat.read(self.path, as_version=4)

    def reload(self) -> None:
        """Open the page anew (the kernel of an earlier visit goes on) and wait for an idle kernel.

        The file browser is folded away: the notebook has the whole width.
        """
        self.page.goto(f"{self.server.url}/lab/tree/{self.path.name}?reset&token={self.server.token}")
        self.wait_until(_READY, self.path.name)
        self.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")

    def screenshot(self, name: str, target: Locator | None = None) -> Path:
        """Picture of the page, or of one element, as `test-results/<test>-<name>.png`; returns the path."""
        path = self.results.with_name(f"{self.results.name}-{name}.png")
        path.parent.mkdir(exist_ok=True)
        if target is None:
            self.page.screenshot(path=path)
        else:
            target.screenshot(path=path)
        return path

    def report(self) -> str:
        """What the page said, for the log of a failed test."""
        found = {"page errors": self.page_errors, "console": self.console[-20:]}
        return json.dumps(found, indent=1, ensure_ascii=False)

    def _no_error(self, index: int) -> None:
        for output in self.outputs(index):
            if output["output_type"] == "error":
                trace = "\n".join(output["traceback"])
                raise AssertionError(f"cell {index} raised {output['ename']}: {output['evalue']}\n{trace}")

    def _on_page_error(self, error: Error) -> None:
        self.page_errors.append(str(error))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.console.append(f"{message.type}: {message.text}")
