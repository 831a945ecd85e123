"""Where does a peer library live? In an environment of its own in the user's cache folder, made when first asked for.

    python benchmarks/environments.py            makes them all (some minutes and about 2 GB each)

Peers are never installed beside this package: each brings dozens of dependencies of its own. torch goes in first, by itself and in
the version this repository runs with, so that no peer chooses another build and all sides multiply with the same library.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

TORCH: Final = "torch==2.13.0"
TRANSFORMERS: Final = "transformers==5.23.0"
PEERS: Final = {
    "bertviz": "bertviz==1.4.1",
    "circuitsvis": "circuitsvis==1.43.3",
    "inseq": "inseq==0.7.1",
    "interpreto": "interpreto==0.5.2",
    "nnsight": "nnsight==0.8.1",
    "transformer_lens": "transformer-lens==4.3.0",
}
"""What is compared with, pinned: a table means something only for versions it names."""

_MADE = "made-of.txt"


class NoEnvironmentError(RuntimeError):
    """A peer can't be installed here; the text says what was tried and why it failed."""


def folder(peer: str) -> Path:
    """Where the environment of a peer is or would be."""
    from xai_widgets.adapters.default_model import cache_folder

    return cache_folder() / "benchmarks" / peer


def python_of(peer: str) -> str:
    """Path of the Python that has the peer installed; made on the first call (minutes), then found at once.

    Raises:
        NoEnvironmentError: it can't be made, for example because no package index is in reach.
    """
    place, wanted = folder(peer), "\n".join((sys.version.split()[0], TORCH, TRANSFORMERS, PEERS[peer]))
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    made = place / _MADE
    if made.is_file() and made.read_text() == wanted and python.is_file():
        return str(python)
    print(f"Making an environment for {PEERS[peer]} in {place} (some minutes, once) ...", file=sys.stderr, flush=True)
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    for step in ([sys.executable, "-m", "venv", str(place)], [*pip, TORCH], [*pip, TORCH, TRANSFORMERS, PEERS[peer]]):
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
            raise NoEnvironmentError(
                f"{peer} is not measured: its environment can't be made, `{' '.join(step[-4:])}` failed with: {said[-1]}"
            )
    made.write_text(wanted)
    return str(python)


if __name__ == "__main__":
    for name in PEERS:
        try:
            print(f"{name}: {python_of(name)}")
        except NoEnvironmentError as error:
            print(error)
