"""Is this a model we may explain, and what can be trusted on it? Found out by running it on a short input."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from xai_widgets.adapters.base import Capability, CapabilityName
from xai_widgets.adapters.forward import last_logits, plain_logits
from xai_widgets.core.errors import CapabilityError, ModelError, TokenizerError

if TYPE_CHECKING:
    from xai_widgets.adapters.huggingface import HuggingFaceAdapter
    from xai_widgets.adapters.lent import Lent

_SHORT, _LONG = 6, 64
_PARITY = 1e-4


@dataclass(frozen=True)
class Facts:
    """What a first run told.

    Attributes:
        d_vocab: width of the logits. n_embeddings: rows of the input embedding. d_embedding: their width.
        logits: whether a view gives the user's own numbers.
    """

    d_vocab: int
    n_embeddings: int
    d_embedding: int
    logits: Capability


class RewriteError(RuntimeError):
    """Raised inside a forward pass, before a weight would be written."""


class _WriteGuard(TorchDispatchMode):
    """Stops an operation that is about to write into protected memory, before it does."""

    def __init__(self, protected: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self._protected = {t.untyped_storage()._cdata for t in protected if not t.is_meta}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        kwargs = kwargs or {}
        for i, argument in enumerate(func._schema.arguments):
            if argument.alias_info is None or not argument.alias_info.is_write:
                continue
            value = kwargs.get(argument.name) if argument.name in kwargs or i >= len(args) else args[i]
            for tensor in value if isinstance(value, (list, tuple)) else [value]:
                if (
                    isinstance(tensor, torch.Tensor)
                    and not tensor.is_meta
                    and tensor.untyped_storage()._cdata in self._protected
                ):
                    raise RewriteError(str(func))
        return func(*args, **kwargs)


@contextmanager
def guarded(model: nn.Module) -> Iterator[None]:
    """Weights and saved buffers can't be written inside; `ModelError` if something tries."""
    saved = list(model.state_dict(keep_vars=True).values())
    try:
        with _WriteGuard([t for t in saved if isinstance(t, torch.Tensor)]):
            yield
    except RewriteError as error:
        raise ModelError(
            "This model rewrites its own weights when it runs, so looking at it would change it.",
            given=f"{type(model).__name__}, which calls {error} on a weight in its forward pass",
            accepted="models whose forward pass leaves the weights alone (rwkv's does not)",
            hint="explain a copy you don't need: nothing was changed so far",
        ) from error


def check_model(adapter: HuggingFaceAdapter) -> Facts:
    """Refuse what can't be explained; measure sizes, parity and a first speed.

    Raises:
        ModelError: NaN in the weights; a forward pass that writes weights; no logits.
        CapabilityError: encoder-decoder, classifier, or a model that looks at later tokens.
    """
    model = getattr(adapter.model, "_orig_mod", adapter.model)
    if getattr(model.config, "is_encoder_decoder", False):
        raise _kind(model, "it is an encoder-decoder")
    rows, width = check_embedding(adapter)
    device = adapter.device_of_inputs
    pair = _pair(rows)
    with adapter.session() as own, torch.no_grad():
        with guarded(model):
            logits = _logits(own, pair, device)
        if logits.ndim != 3 or logits.shape[:2] != (2, _SHORT):
            raise _kind(model, f"its logits have shape {tuple(logits.shape)}, not one row for each position")
        check_logits(logits)
        # the two sequences differ in their last token only: no position before it may notice
        first, other = logits[:, :-1].float()
        rounding = 1e-4 if logits.dtype in (torch.float32, torch.float64) else 2e-2
        if float((first - other).abs().max()) > rounding * max(float(first.abs().max()), 1e-6):
            raise _kind(model, "its logits at a position depend on later tokens")
        same = _parity(adapter, model, pair, logits, device)
        _measure_speed(adapter, own, rows, device)
    return Facts(int(logits.shape[-1]), rows, width, same)


def check_embedding(adapter: Lent) -> tuple[int, int]:
    """Rows and width of the input embedding.

    Raises:
        ModelError: there is none, or weights hold NaN.
    """
    model = getattr(adapter.model, "_orig_mod", adapter.model)
    if not callable(getattr(model, "get_input_embeddings", None)) or model.get_input_embeddings() is None:
        raise ModelError(
            "This model has no input embedding.",
            given=type(model).__name__,
            accepted="a transformers causal language model",
            hint="load it with AutoModelForCausalLM",
        )
    _check_numbers(model)
    weight = model.get_input_embeddings().weight
    return int(weight.shape[0]), int(weight.shape[-1])


def _logits(own: nn.Module, pair: list[list[int]], device: torch.device) -> torch.Tensor:
    try:
        return plain_logits(own, pair, device)
    except RewriteError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        if isinstance(error, AttributeError) and "'logits'" in str(error):
            raise _kind(own, "it gives no logits (a base model without a head?)") from error
        if len(pair) > 1 and (alone := _logits(own, pair[:1], device)).ndim != 3:  # some classifiers take one text only
            raise _kind(own, f"its logits have shape {tuple(alone.shape)}, not one row for each position") from error
        raise ModelError(
            f"The model fails on a short input: {type(error).__name__}: {str(error)[:200]}.",
            given=f"{_SHORT} token ids",
            accepted="a model that runs: model(input_ids=...)",
            hint="run it yourself on a short input first; its configuration and weights may not fit together",
        ) from error


def _parity(
    adapter: HuggingFaceAdapter, model: nn.Module, pair: list[list[int]], ours: torch.Tensor, device: torch.device
) -> Capability:
    """Whether the user's own module gives the same logits; not asked of a model in training or with compiled parts."""
    if any(m.training for m in model.modules()) or any(m._compiled_call_impl is not None for m in model.modules()):
        return Capability(True, "not compared with the model's own pass: it is in training or compiled")
    began = time.perf_counter()
    theirs = plain_logits(model, pair, device)
    gap, size = float((theirs - ours).abs().max()), max(float(theirs.abs().max()), 1.0)
    adapter.speed.record(2 * _SHORT, 1, time.perf_counter() - began)
    if gap > _PARITY * size:
        return Capability(
            False, f"a private view of this model gives other logits than the model itself (difference {gap:.2g})"
        )
    return Capability(True)


def _measure_speed(adapter: HuggingFaceAdapter, own: nn.Module, rows: int, device: torch.device) -> None:
    """A longer pass: with the short one before it, the price of a pass and that of a token can be told apart."""
    ids = _some_ids(rows, min(_LONG, adapter.max_length))
    began = time.perf_counter()
    last_logits(own, ids, device)[0].sum().item()
    adapter.speed.record(len(ids), 1, time.perf_counter() - began)


def _check_numbers(model: nn.Module) -> None:
    """Refuse weights with NaN; a sum finds it at memory speed."""
    for name, tensor in model.state_dict().items():
        if (
            not isinstance(tensor, torch.Tensor)
            or not tensor.is_floating_point()
            or tensor.is_meta
            or tensor.element_size() < 2
        ):
            continue
        if not bool(torch.isfinite(tensor.sum())) and bool(torch.isnan(tensor).any()):
            n = int(torch.isnan(tensor).sum())
            raise ModelError(
                f"The model's weights hold NaN: {n:,} of them in {name}.",
                given=f"{name} {tuple(tensor.shape)}",
                accepted="weights that are numbers",
                hint="training may have diverged: go back to an earlier checkpoint, or lower the learning rate",
            )


def check_logits(logits: torch.Tensor) -> None:
    """Refuse logits with NaN. Infinite ones may be meant: some models rule words out so."""
    if bool(torch.isnan(logits).any()):
        raise ModelError(
            "The model's logits are not numbers.",
            given="logits with NaN",
            accepted="logits that are numbers",
            hint="the weights may have diverged in training, or overflow in float16: try bfloat16 or float32",
        )


def check_tokenizer(tokenizer: Any, n_embeddings: int) -> None:  # noqa: ANN401 - any tokenizer
    """Refuse a vocabulary the model has no embeddings for.

    Tokens added later (a padding token the model was never resized for) are let pass: they are refused when used.
    """
    added = set(tokenizer.added_tokens_decoder)
    top = max((i for i in tokenizer.get_vocab().values() if i not in added), default=0)
    if top >= n_embeddings:
        raise TokenizerError(
            "The tokenizer does not fit the model: its vocabulary is larger than the model's embedding.",
            given=f"ids up to {top:,}",
            accepted=f"ids 0 to {n_embeddings - 1:,}",
            hint="use the tokenizer the model was trained with",
        )


def measure(adapter: HuggingFaceAdapter, facts: Facts) -> dict[CapabilityName, Capability]:
    """Every capability that most methods need, tried out; what could not be tried says why."""
    from xai_widgets.adapters import gradients

    found: dict[CapabilityName, Capability] = {"logits": facts.logits}
    found.update(adapter.scorer.probe())
    found.update(gradients.probe(adapter))
    if any(parameter.is_inference() for parameter in adapter.model.parameters()):
        reason = "the weights were created under torch.inference_mode(); load the model outside it"
        for name in ("gradients", "batched_gradients"):
            found[name] = Capability(False, reason)
    found["generation"] = facts.logits
    return found


def _kind(model: nn.Module, reason: str) -> CapabilityError:
    return CapabilityError(
        f"Explaining {type(model).__name__}",
        reason=reason + "; this needs a decoder-only language model",
        hint="load a causal language model with AutoModelForCausalLM",
    )


def _pair(rows: int) -> list[list[int]]:
    """Two short sequences that differ in their last token."""
    ids = _some_ids(rows, _SHORT)
    return [ids, [*ids[:-1], (ids[-1] + 1) % rows]]


def _some_ids(rows: int, n: int) -> list[int]:
    """Spread over the vocabulary, the same each time."""
    return [(7 + 31 * i * max(rows // 997, 1)) % rows for i in range(n)]


__all__ = [
    "Facts",
    "RewriteError",
    "check_embedding",
    "check_logits",
    "check_model",
    "check_tokenizer",
    "guarded",
    "measure",
]
