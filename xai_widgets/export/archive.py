"""An answer as a file: a zip of one JSON text and raw arrays. Opening it reads data and can run nothing."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

from xai_widgets.core.ask import Finding
from xai_widgets.core.errors import FileError
from xai_widgets.protocol.codec import decode, encode, encode_extra

FORMAT, VERSION = "xai_widgets answer", 1
_LARGEST = 2_000_000_000


def save(finding: Finding, path: str | Path) -> Path:
    """Write the file (replacing one of the same name only once it is complete) and return its path."""
    target = Path(path)
    packed = encode(finding, push_limit=2**62)
    head = {
        "format": FORMAT,
        "version": VERSION,
        "snapshot": packed["snapshot"],
        "extra": encode_extra(finding),
        "n_buffers": len(packed["buffers"]),
    }
    partial = target.with_name(target.name + ".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("answer.json", json.dumps(head, allow_nan=False, ensure_ascii=False))
        for i, buffer in enumerate(packed["buffers"]):
            file.writestr(f"{i}.bin", buffer)
    partial.replace(target)
    return target


def open_file(path: str | Path) -> Finding:
    """Read a file written by `save`.

    Raises:
        FileError: it is not there, damaged, of another kind, or from a newer version.
    """
    source = Path(path)
    try:
        with zipfile.ZipFile(source) as file:
            if sum(info.file_size for info in file.infolist()) > _LARGEST:
                raise FileError(
                    "The file is too large.",
                    given=str(source.name),
                    accepted=f"at most {_LARGEST // 10**6} MB unpacked",
                    hint="save fewer targets at once",
                )
            head = json.loads(file.read("answer.json"))
            _check(head, source)
            buffers = [file.read(f"{i}.bin") for i in range(int(head["n_buffers"]))]
    except FileNotFoundError as error:
        raise FileError(
            "There is no such file.", given=str(path), accepted="a file written by Answer.save", hint="check the path"
        ) from error
    except (
        OSError,
        zipfile.BadZipFile,
        KeyError,
        TypeError,
        ValueError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        zlib.error,
    ) as error:
        raise FileError(
            "The file can't be read.",
            given=f"{source.name}: {type(error).__name__}: {error}"[:300],
            accepted="a file written by Answer.save",
            hint="it is damaged or of another kind; save the answer again",
        ) from error
    return decode({"snapshot": head["snapshot"], "buffers": buffers}, head["extra"])


def _check(head: Any, source: Path) -> None:  # noqa: ANN401 - any JSON
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise FileError(
            "This is no saved answer.",
            given=str(source.name),
            accepted="a file written by Answer.save",
            hint="save one with answer.save(path)",
        )
    version = head.get("version")
    if (
        not isinstance(version, int)
        or version > VERSION
        or not isinstance(head["snapshot"], dict)
        or not isinstance(head["extra"], dict)
    ):
        raise FileError(
            "The file is from a newer version of xai_widgets."
            if isinstance(version, int) and version > VERSION
            else "The file does not say its version.",
            given=f"version {version}",
            accepted=f"version {VERSION} or older",
            hint="pip install -U xai_widgets",
        )
