"""How does a run in another environment take its turn? A worker process stays alive and runs once when told to."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import environments
from questions import Asked
from timing import Cost, Way

from xai_widgets.adapters.base import ModelAdapter


class PeerError(RuntimeError):
    """A peer failed; the text is what it said."""


class Peer:
    """One peer's process.

    Args:
        name: in `environments.PEERS`. folder: the model saved by `save_pretrained`. device, threads: as ours.

    Raises:
        NoEnvironmentError: the peer can't be installed here.
    """

    def __init__(self, name: str, folder: Path, device: str, threads: int) -> None:
        """Start the process; its model loads while we go on."""
        self.name = name
        python = environments.python_of(name)
        worker = str(Path(__file__).with_name("_peer_worker.py"))
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            [python, worker, name, str(folder), device, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True,
        )  # fmt: skip

    def way(self, method: str, asked: Asked, **options: Any) -> Way:  # noqa: ANN401 - the peer's own
        """A way for `timing.interleaved`; the explainer is made in the first run, untimed."""
        return self._turn({"method": method, "prompt": asked.prompt, "continuation": asked.continuation}, options)

    def task(self, name: str, **about: Any) -> Way:  # noqa: ANN401 - any JSON
        """Something the worker has a function of that name for."""
        return self._turn({"task": name, **about}, {})

    def page(self, ids: list[int], layers: list[int] | None) -> Way:
        """Attention of these layers (None: all) as a page; the maps are there beforehand, untimed."""
        return self._turn({"ids": ids}, {"layers": layers})

    def _turn(self, about: dict[str, Any], options: dict[str, Any]) -> Way:
        line = about | {"options": options}

        def run() -> Cost:
            said = self._tell(line)
            return Cost(**said)

        return run

    def close(self) -> None:
        """End the process."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(timeout=60)
        self._said.close()

    def _tell(self, line: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(line) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._said.seek(0)
            last = [text for text in self._said.read().splitlines() if text.strip()][-1:]
            raise PeerError(f"{self.name} ended: {last[0] if last else 'it said nothing'}")
        said: dict[str, Any] = json.loads(answer)
        if "error" in said:
            raise PeerError(f"{self.name}: {said['error']}")
        return said


@contextmanager
def started(lm: ModelAdapter, names: list[str], device: str) -> Iterator[tuple[dict[str, Peer], list[str]]]:
    """Workers of these peers on a saved copy of the model, and a line for each that can't be had."""
    import torch

    found: dict[str, Peer] = {}
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="xai-benchmark-") as folder:
        lm.model.save_pretrained(folder)
        lm.tokenizer.save_pretrained(folder)
        try:
            for name in names:
                try:
                    found[name] = Peer(name, Path(folder), device, torch.get_num_threads())
                except environments.NoEnvironmentError as error:
                    lines.append(f"- {error}")
            yield found, lines
        finally:
            for peer in found.values():
                peer.close()
