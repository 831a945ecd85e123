"""Circuits in JupyterLab, with a real kernel: read, another size, a node, an edge, edit, a file of another library, keep."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Lab
from tests.browser.notebook import Notebook

CLEAN, CORRUPTED = "The capital of France is", "The capital of Italy is"
FOREIGN = Path(__file__).parents[1] / "fixtures" / "circuit_tracer" / "graph.json"


def graph_in(root: Locator) -> Locator:
    """The graph, not the chart of sizes."""
    return root.get_by_role("application", name=re.compile("^the circuit"))


def shown(nb: Notebook, cell: int) -> Locator:
    """The view in a cell's output, once its circuit is checked."""
    root = nb.cell(cell).locator(".xw")
    expect(graph_in(root)).to_be_visible()
    expect(root).to_contain_text(re.compile(r"Circuit of [\d,]+ of [\d,]+ edges keeps"))
    return root


def test_read_size_node_and_edge(lab: Lab, warm_kernel: str) -> None:
    """The real model: what the view says is what a script gets."""
    nb = lab.open([f"c = xw.Circuit(lm, {CLEAN!r}, {CORRUPTED!r}, method='eap')\nc"], warm_kernel)
    nb.run(0)
    root = shown(nb, 0)
    expect(root.get_by_role("progressbar")).to_have_count(0)
    check = nb.python("(c.found.check.kept, round(c.found.check.faithfulness, 2), len(c.graph))")
    expect(root).to_contain_text(f"Circuit of {check[0]} of {check[2]:,} edges keeps {check[1]:.2f}")
    nb.screenshot("circuit", root)

    size = root.locator(".xw-circ-size input").last
    size.fill("20")
    size.press("Enter")
    kept = nb.python("(c.keep(20).kept, round(c.keep(20).faithfulness, 2))")
    expect(root).to_contain_text(f"Circuit of {kept[0]} of {check[2]:,} edges keeps {kept[1]:.2f}")

    graph = graph_in(root)
    graph.focus()
    graph.press("ArrowDown")
    graph.press("Enter")
    edges = root.get_by_role("region", name="edges of the pinned node")
    expect(edges).to_be_visible()
    edges.get_by_role("button").filter(has_text=re.compile("head|MLP|embedding|logits")).first.click()
    card = root.get_by_role("region", name="the pinned edge")
    expect(card).to_contain_text("Paris")
    nb.screenshot("edge", root)
    nb.theme(dark=True)
    nb.screenshot("dark", root)
    assert nb.page_errors == []
    assert lab.outside == []


def test_prompts_that_say_the_same_are_refused_under_the_last_picture(lab: Lab, warm_kernel: str) -> None:
    """The reason is said, and the picture stays."""
    nb = lab.open(
        ["c = xw.Circuit(small, 'the cat <b>sat</b>', 'the dog <b>sat</b>', target=65, contrast=90)\nc"], warm_kernel
    )
    nb.run(0)
    root = shown(nb, 0)
    assert root.locator("b:has-text('sat')").count() == 0
    root.get_by_role("button", name=re.compile("^edit")).click()
    prompt = root.get_by_role("textbox").nth(1)
    prompt.fill("the cat <b>sat</b>")
    prompt.press("Enter")
    expect(root.get_by_role("alert")).to_contain_text("nothing to explain")
    expect(graph_in(root)).to_be_visible()


def test_a_graph_of_circuit_tracer_and_a_saved_page(lab: Lab, warm_kernel: str, tmp_path: Path) -> None:
    """A file is shown without a model; markup in it stays text. A page opens from disk with the same graph."""
    path = tmp_path / "circuit.html"
    code = "xw.Circuit(small, 'the cat sat', 'the dog sat', target=65, contrast=90)"
    nb = lab.open([f"xw.open({str(FOREIGN)!r})", f"c = {code}\nc.to_html({str(path)!r})\nc"], warm_kernel)
    nb.run_all()
    root = nb.cell(0).locator(".xw")
    expect(graph_in(root)).to_be_visible()
    expect(root).to_contain_text("dallas-austin")
    expect(root).to_contain_text("<b>Dallas</b>")
    nb.screenshot("file", root)
    shown(nb, 1)
    page = lab.open_file(path)
    saved = page.locator(".xw")
    expect(graph_in(saved)).to_be_visible()
    expect(saved).to_contain_text("edges keeps")
    assert nb.page_errors == []
    assert lab.outside == []
