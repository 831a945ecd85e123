"""Fixtures of the browser tests: `lab.open(cells)` gives a notebook in a running JupyterLab."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
import pytest
from _pytest.runner import runtestprotocol
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from tests.browser import chromium
from tests.browser.lab import REPOSITORY, LabServer
from tests.browser.notebook import Notebook

RESULTS = REPOSITORY / "test-results"
_FAILED = pytest.StashKey[bool]()
_LOST = pytest.StashKey[bool]()
# JupyterLab 4.6 on a busy machine now and then sends a widget's messages to a thread of the kernel that it has had
# deleted (2 of some 400 tests here); the kernel drops them and writes this. No widget can notice or help.
LOST_BY_JUPYTERLAB = "Unknown subshell_id"
expect.set_options(timeout=30_000)  # a condition has this long to come true; two busy cores are slow, not wrong


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a browser test."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test once more if, and only if, it failed while the kernel's log says that JupyterLab lost a message."""
    if Path(__file__).parent not in item.path.parents:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(report.failed for report in reports) and item.stash.get(_LOST, False):
        item.stash[_FAILED] = item.stash[_LOST] = False
        item.warn(pytest.PytestWarning(f"{item.name}: JupyterLab lost a message ({LOST_BY_JUPYTERLAB}); run again"))
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember a failure, so that the fixture can take the page's picture before it closes."""
    report = yield
    if report.when == "call" and report.failed:
        item.stash[_FAILED] = True
    return report


# of the package, not of the session: Playwright holds this thread's event loop as long as it lives, and other tests
# run loops of their own
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    path = chromium.find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """One JupyterLab for all tests of this folder; each test gets a notebook and a kernel of its own."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    # asked to end, pytest would leave without a word and the server would live on
    before = signal.signal(signal.SIGTERM, end)
    server = LabServer(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()
    signal.signal(signal.SIGTERM, before)


WARM = """
import xai_widgets as xw
from tests.browser.held import gate, tidy
from xai_widgets.adapters.tiny import tiny
from xai_widgets.jobs import answering

answering.ASK_ABOVE_SECONDS = 900  # however busy this machine is: the test of the question back sets it low
lm = xw.load()
small = tiny("llama")
"""
"""What the shared kernel has done: the real model is `lm`, a tiny one `small`."""


@pytest.fixture(scope="package")
def warm_kernel(browser: Browser, lab_server: LabServer) -> str:
    """Id of one kernel for the tests that need a loaded model and leave it as it was. Loading once saves minutes."""
    context = browser.new_context()
    notebook = Notebook(context.new_page(), lab_server, [WARM], RESULTS / "warm", "warm")
    notebook.run_all()
    kernel = lab_server.kernel_of("warm.ipynb")
    lab_server.kept.add(kernel)
    context.close()
    return kernel


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    yield context
    context.close()


class Lab:
    """Opens pages for one test. They reach this test's server and files on disk, and nothing else.

    Attributes:
        server: the running JupyterLab.
        outside: addresses a page asked for beyond it (all refused). Empty is the promise "needs no network".
        opened: the notebooks so far.
    """

    def __init__(self, context: BrowserContext, server: LabServer, results: Path) -> None:
        """Close `context` off from everything but `server`; screenshots are named after `results`."""
        self._context, self._results = context, results
        self.server = server
        self.outside: list[str] = []
        self.opened: list[Notebook] = []
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
        context.route(re.compile(rf"^(https?|wss?)://(?!127\.0\.0\.1:{server.port}/)"), self._refuse)

    def open(self, cells: Sequence[str] | nbformat.NotebookNode, kernel: str | None = None) -> Notebook:
        """A notebook of these code cells, none of them run, with an idle kernel: its own, or a running one."""
        name = re.sub(r"[^\w-]+", "-", f"{self._results.name}-{len(self.opened)}")
        notebook = Notebook(self._context.new_page(), self.server, cells, self._results, name, kernel)
        self.opened.append(notebook)
        return notebook

    def open_file(self, path: Path) -> Page:
        """A page without JupyterLab and without a kernel, showing a file (a saved explanation)."""
        page = self._context.new_page()
        page.goto(path.resolve().as_uri())
        return page

    def screenshot(self, page: Page, name: str) -> Path:
        """Picture of a page, as `test-results/<test>-<name>.png`; returns the path."""
        path = self._results.with_name(f"{self._results.name}-{name}.png")
        page.screenshot(path=path, full_page=True)
        return path

    def _refuse(self, route: Route) -> None:
        self.outside.append(route.request.url)
        route.abort()


@pytest.fixture
def lab(request: pytest.FixtureRequest, context: BrowserContext, lab_server: LabServer) -> Iterator[Lab]:
    """What a browser test starts with. A failed test leaves `test-results/<test>-failed-N.png` and the page's errors."""
    stem = re.sub(r"[^\w.-]+", "-", f"{request.node.path.stem}-{request.node.name}")
    lab = Lab(context, lab_server, RESULTS / stem)
    said = lab_server.log.stat().st_size
    yield lab
    request.node.stash[_LOST] = LOST_BY_JUPYTERLAB in lab_server.log.read_bytes()[said:].decode(errors="replace")
    if request.node.stash.get(_FAILED, False):
        for number, notebook in enumerate(lab.opened):
            print(notebook.screenshot(f"failed-{number}"))  # noqa: T201 - pytest shows it beside the failure
            print(notebook.report())  # noqa: T201 - the same
        print("asked outside:", lab.outside)  # noqa: T201 - the same
        print("log:", lab_server.tail())  # noqa: T201 - the same
    for notebook in lab.opened:
        if notebook.dark:
            notebook.theme(dark=False)
        if notebook.kernel is not None:  # it goes on, for the next test
            notebook.interrupt()  # a failed test may have left a cell running
            notebook.python("tidy()")
    lab_server.end_sessions()
