"""A tuned lens as two files in a folder, as the tuned-lens package 0.2.0 has them: `config.json` and `params.pt`.

`params.pt` holds `<stream>.weight` [d_model, d_model] and `<stream>.bias` [d_model] of every stream but the last; the translated
stream is h + weight h + bias. It is read as tensors only: nothing in it is run.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.errors import FileError
from xai_widgets.explainers.lens.tuned_lens import Base, TunedLens

CONFIG: Final = "config.json"
PARAMS: Final = "params.pt"
KIND: Final = "linear_tuned_lens"


def unembed_hash(adapter: ModelAdapter) -> str | None:
    """The package's hash of the output matrix: of its corners, printed with one digit. None where there is no such matrix."""
    weight = getattr(adapter.model.get_output_embeddings(), "weight", None)
    if not torch.is_tensor(weight) or weight.is_meta:
        return None
    with np.printoptions(threshold=1000, edgeitems=3, linewidth=75, suppress=False, floatmode="maxprec"):
        text = np.array_str(weight.detach().cpu().float().numpy(), precision=1)
    return hashlib.sha256(text.encode()).hexdigest()


def write(lens: TunedLens, folder: Path) -> Path:
    """Both files; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    n, d = lens.biases.shape
    params = {}
    for i in range(n):
        # clones: a slice would be saved with all it was cut from
        params[f"{i}.weight"] = lens.weights[i].detach().cpu().clone()
        params[f"{i}.bias"] = lens.biases[i].detach().cpu().clone()
    config = {
        "base_model_name_or_path": lens.base.name,
        "d_model": d,
        "num_hidden_layers": n,
        "bias": True,
        "base_model_revision": lens.base.revision,
        "unembed_hash": lens.base.unembed_hash,
        "lens_type": KIND,
    }
    torch.save(params, folder / PARAMS)
    (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")
    return folder


def read(folder: Path) -> TunedLens:
    """The lens in a folder, for whatever model.

    Raises:
        FileError: something is missing, or is not what the format says.
    """
    for name in (CONFIG, PARAMS):
        if not (folder / name).is_file():
            raise _refused(f"there is no {name} in {folder}")
    config = _config(folder / CONFIG)
    n, d = config["num_hidden_layers"], config["d_model"]
    try:
        params = torch.load(folder / PARAMS, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise _refused(f"{PARAMS} can't be read as tensors ({type(error).__name__})") from error
    bias = bool(config.get("bias", True))
    shapes = {f"{i}.weight": (d, d) for i in range(n)} | ({f"{i}.bias": (d,) for i in range(n)} if bias else {})
    if not isinstance(params, dict) or set(params) != set(shapes):
        raise _refused(f"{PARAMS} does not hold one translator for each of {n} layers")
    for name, shape in shapes.items():
        value = params[name]
        if not torch.is_tensor(value) or tuple(value.shape) != shape or not bool(torch.isfinite(value).all()):
            raise _refused(f"{name} is not {' x '.join(map(str, shape))} finite numbers")
    weights = torch.stack([params[f"{i}.weight"].float() for i in range(n)])
    biases: Tensor = torch.stack([params[f"{i}.bias"].float() for i in range(n)]) if bias else torch.zeros(n, d)
    return TunedLens(weights, biases, Base(
        str(config["base_model_name_or_path"]), config.get("base_model_revision"), config.get("unembed_hash")
    ))  # fmt: skip


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise _refused(f"{CONFIG} is not JSON") from error
    named = isinstance(config, dict) and isinstance(config.get("base_model_name_or_path"), str)
    sizes = [config.get(name) for name in ("num_hidden_layers", "d_model")] if named else []
    if not named or not all(type(size) is int and size > 0 for size in sizes):
        raise _refused(f"{CONFIG} does not name the model and its sizes")
    if config.get("lens_type", KIND) != KIND:
        raise _refused(f"it is a lens of type {config['lens_type']!r}")
    assert isinstance(config, dict)
    return config


def _refused(reason: str) -> FileError:
    return FileError(
        f"This is no tuned lens that can be read: {reason}.", given="", accepted=f"a folder with {CONFIG} and {PARAMS} of type {KIND}",
        hint="give the folder that TunedLens.save or the tuned-lens package 0.2.0 wrote",
    )  # fmt: skip
