"""The first picture of a text's attention: how much is sent, how long it takes, how much memory; against bertviz and circuitsvis.

    python benchmarks/bench_attention_page.py [--lengths 128 512] [--long 2048 4096 8192] [--write]

Theirs: the page as HTML, made of maps that are in memory beforehand (their pass through the model is not counted), in an environment
of their own, with 16 GiB of address space at most. Ours: from the text to what the kernel sends, the pass through the model
included; the view's script and style, which are sent once a notebook, stand apart. Ours shows every head and has the rest when
it is asked for; theirs has all numbers in the page. At long texts what theirs do is recorded, each once.
"""

from __future__ import annotations

import json
from importlib.resources import files

import machine
import peers
import questions
import report
import timing

import xai_widgets as xw
from xai_widgets.adapters.base import ModelAdapter

OURS = "xai_widgets, all heads"
LIMITS = {128: 500, 512: 2000}
"""kB sent at most, by tokens."""


def main() -> None:
    """Measure at each length and print."""
    parser = report.arguments(__doc__)
    parser.add_argument("--lengths", type=int, nargs="*", default=[128, 512])
    parser.add_argument("--long", type=int, nargs="*", default=[2048, 4096, 8192])
    args = parser.parse_args()
    if args.shared:
        timing.share_machine()
    lm = xw.load(args.model, device=args.device)
    lines = [machine.line(args.device), ""]
    with peers.started(lm, ["bertviz", "circuitsvis"], args.device) as (found, missing):
        lines += missing
        for n in [*args.lengths, *args.long]:
            lines += [*measured(lm, found, n, args.repetitions if n in args.lengths else 1, args.device), ""]
    lines.append(
        f"Script and style of our view, once a notebook: {script() / 1e3:.0f} kB. {machine.load()} at the end."
    )
    report.publish(__file__, "First picture of attention, sent", lines, device=args.device, write=args.write)


def measured(lm: ModelAdapter, found: dict[str, peers.Peer], n: int, repetitions: int, device: str) -> list[str]:
    """Lines about one length."""
    once = lm.tokenize(questions.TEXT).ids.tolist()
    ids = (once * (1 + n // len(once)))[:n]
    layer = [lm.n_layers // 2]
    ways = {OURS: timing.local(lambda: picture(lm, ids), device)}
    for name, peer in found.items():
        ways[f"{name}, one layer"] = peer.page(ids, layer)
        if name == "bertviz":  # circuitsvis draws one layer at a time
            ways[f"{name}, all layers"] = peer.page(ids, None)
    rows = timing.interleaved(ways, repetitions, warm=int(repetitions > 1))
    lines = [f"### {n:,} tokens", "", "| | MB sent | best s | peak GB | n |", "|---|---|---|---|---|"]
    for name, row in rows.items():
        if row.failed:
            lines.append(f"| {name} | failed: {row.failed[:90]} ||||")
            continue
        peak = "" if row.peak is None else f"+{row.peak / 1e9:.2f}"
        lines.append(f"| {name} | {row.costs[0].size / 1e6:.3g} | {row.best:.2f} | {peak} | {len(row.costs)} |")
    sent = rows[OURS].costs[0].size / 1e3
    what = f"kB sent at {n} tokens"
    lines += ["", report.holds(what, sent, at_most=LIMITS[n]) if n in LIMITS else f"- {what}: {sent:.0f}"]
    return lines


def picture(lm: ModelAdapter, ids: list[int]) -> bytes:
    """What the kernel sends of this text."""
    view = xw.Attention(lm, ids)
    assert view.overview
    found = view.explanation
    return json.dumps(found["snapshot"]).encode() + b"".join(found["buffers"])


def script() -> int:
    """Bytes of the view's script and style."""
    folder = files("xai_widgets") / "static"
    return sum(len((folder / f"attention.{kind}").read_bytes()) for kind in ("js", "css"))


if __name__ == "__main__":
    main()
