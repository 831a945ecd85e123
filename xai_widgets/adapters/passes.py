"""One forward pass of a view with logits only where they are wanted.

The output embedding is the widest product of the model (27% on top of SmolLM2's layers when every position reaches it), so a
pre-hook hands it the wanted positions alone. Whatever the model does to logits afterwards (scale, soft cap) still happens.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from xai_widgets.adapters.hooks import hooked
from xai_widgets.core.errors import ModelError


class Recorder(Protocol):
    """Keeps how long passes took, for estimates."""

    def record(self, tokens: int, passes: int, seconds: float, *, backward: bool = False) -> None:
        """Keep one measurement."""
        ...


class Lender(Protocol):
    """What scorer and gradients need of an adapter."""

    max_length: int
    d_vocab: int
    n_layers: int
    d_model: int

    @property
    def speed(self) -> Recorder:
        """Where times go."""
        ...

    @property
    def dtype(self) -> str:
        """`float32`, `bfloat16`, ..."""
        ...

    @property
    def device_of_inputs(self) -> torch.device:
        """Where ids go."""
        ...

    def session(self) -> AbstractContextManager[nn.Module]:
        """A fresh private view, alone."""
        ...

    def embedding_of(self, view: nn.Module) -> nn.Module:
        """The input embedding of a view."""
        ...

    def head_of(self, view: nn.Module) -> nn.Module:
        """The output embedding of a view."""
        ...


def run(
    adapter: Lender,
    view: nn.Module,
    ids: Tensor,
    wanted: Tensor,
    *,
    positions: Tensor | None = None,
    mask: Tensor | None = None,
    cache: Any = None,  # noqa: ANN401 - transformers' Cache
    keep_cache: bool = False,
    embeddings: Tensor | None = None,
    at_head: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Any]:
    """Logits [n, d_vocab] at `wanted` (flat indices into [row, pos] of `ids`), and the cache if it is kept.

    Args:
        adapter: gives the view's embedding and output modules.
        view: a private view of the model (hooks.view).
        ids: [row, pos]. positions: the same shape or [1, pos]; None: 0, 1, 2 ...
        mask: [row, key] of 0 and 1, or additive [row, 1, pos, key]; None: plain causal.
        cache: keys and values of earlier positions. keep_cache: return those of this pass too.
        embeddings: [row, first, d_model] put in the place of what the embedding module gives at the first positions;
            ids are still passed, because some models look at them elsewhere.
        at_head: gets the hidden states [1, n, d_model] that enter the output embedding, gives what shall enter in
            their place. Not called where the output embedding gets something else than one state a position.
    """
    reached: list[bool] = []

    def only_wanted(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        hidden = args[0]
        if not torch.is_tensor(hidden) or hidden.shape[:2] != ids.shape:
            return None
        reached.append(True)
        chosen = hidden.reshape(-1, hidden.shape[-1])[wanted.to(hidden.device)].unsqueeze(0)
        return (at_head(chosen) if at_head else chosen, *args[1:])

    handles = [adapter.head_of(view).register_forward_pre_hook(only_wanted)]
    if embeddings is not None:

        def put(_module: nn.Module, _args: tuple[Any, ...], own: Tensor) -> Tensor:
            # cat makes a new tensor even where nothing follows: a model that scales it in place leaves our leaf alone
            return torch.cat([embeddings.to(own), own[:, embeddings.shape[1] :]], 1)

        handles.append(adapter.embedding_of(view).register_forward_hook(put))
    if positions is None:
        positions = torch.arange(ids.shape[1], device=ids.device).unsqueeze(0)
    given = {"attention_mask": mask, "position_ids": positions, "past_key_values": cache}
    names = accepted(view)
    given = {name: value for name, value in given.items() if value is not None and name in names}
    with hooked(*handles):
        output = view(input_ids=ids, use_cache=keep_cache or cache is not None, return_dict=True, **given)
    logits = output.logits
    expected = (1, len(wanted)) if reached else tuple(ids.shape)
    if tuple(logits.shape[:2]) != expected:
        raise ModelError(
            "The model does not give one row of logits for each token it reads.",
            given=f"logits of shape {list(logits.shape)} for input of shape {list(ids.shape)}",
            accepted="a causal language model", hint="prompt tuning and prompts added inside the model are not supported",
        )  # fmt: skip
    if reached:
        logits = logits.reshape(-1, logits.shape[-1])
    else:
        logits = logits.reshape(-1, logits.shape[-1])[wanted.to(logits.device)]
    return logits, (getattr(output, "past_key_values", None) if keep_cache else None)


def accepted(view: nn.Module) -> frozenset[str]:
    """Names of the arguments the model's forward has; of the model inside, if the outer one passes everything on."""
    inner = view.get_base_model() if hasattr(view, "get_base_model") else view
    return frozenset(inspect.signature(type(inner).forward).parameters)
