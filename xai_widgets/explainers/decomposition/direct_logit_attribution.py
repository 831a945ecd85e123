"""Direct logit attribution: the logit split over embedding, attention blocks, heads, MLPs, neurons and biases.

Every block adds to the residual stream, and at a fixed scale of the final norm the logit is linear in the last stream, so each part
has a share and the shares sum to the logit (Elhage et al. 2021, "A mathematical framework for transformer circuits"; nostalgebraist
2020). A share is what a part says directly: what later blocks make of it counts as theirs. The scale is this run's own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch

from xai_widgets.adapters.base import AttentionCall, LogitParts, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError, ModelError, TargetError, ValueRefusedError
from xai_widgets.core.parts import HeadSources, LogitShares, Neuron
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.tokens import Tokens

WORDS: Final = 10


@INSPECTORS.register("direct_logit_attribution")
class DirectLogitAttribution:
    """Who wrote what the model says after one position of a text. Serial, like the model it asks.

    Args:
        adapter: the model. tokens: the text.
        pos: the position whose next token is explained; None: the last.

    Raises:
        CapabilityError: this model's logits can't be taken apart. ValueRefusedError: no such position.
    """

    def __init__(self, adapter: ModelAdapter, tokens: Tokens, pos: int | None = None) -> None:
        """Nothing runs yet."""
        adapter.require("parts")
        self.adapter, self.tokens = adapter, tokens
        self.pos = len(tokens) - 1 if pos is None else pos
        if not 0 <= self.pos < len(tokens):
            raise ValueRefusedError(
                "position", given=str(pos), accepted=f"0 to {len(tokens) - 1}", hint="positions are counted from 0"
            )
        self.fingerprint = adapter.fingerprint
        self._parts: LogitParts | None = None
        self._logits: torch.Tensor | None = None

    def look(
        self,
        context: Context,
        ids: Sequence[int] | None = None,
        contrast_ids: Sequence[int] = (),
        scale: float | None = None,
    ) -> LogitShares:
        """Shares of every component and head.

        Args:
            context: asked at each layer.
            ids: the targets; None: the most probable next token. contrast_ids: one for each target, or none.
            scale: of the last norm; None: this run's own, at which the shares sum to the logit. That of another run makes the two
                comparable (`LogitShares.minus`).

        Raises:
            TargetError: another number of contrasts than of targets, or the same token as both. ValueRefusedError: no such token.
        """
        start = time.perf_counter()
        parts, logits = self._read(context)
        ids = [int(logits.nan_to_num(neginf=-1e30).argmax())] if ids is None else list(ids)
        contrast_ids = list(contrast_ids)
        self._check(ids, contrast_ids)
        own = logits[ids] - logits[contrast_ids] if contrast_ids else logits[ids]
        gap = float((parts.shares(self.pos, ids, contrast_ids).sum(1) - own).abs().max())
        parts = parts if scale is None else parts.rescaled(scale)
        values = parts.shares(self.pos, ids, contrast_ids)
        n_layers = max(layer for _, layer in parts.components) + 1
        found: dict[int, torch.Tensor] = {}
        rests = torch.zeros(len(ids), n_layers)
        missing, neurons = {}, {}
        for layer in range(n_layers):
            context.step(layer, n_layers, "heads")
            no_heads, no_neurons = parts.unsplit(layer)
            if no_neurons:
                neurons[layer] = no_neurons
            if no_heads:
                missing[layer] = no_heads
                continue
            heads, rest = parts.heads(layer, self.pos, ids, contrast_ids)
            found[layer], rests[:, layer] = heads.cpu(), rest.cpu()
        context.step(n_layers, n_layers, "heads")
        by_head = torch.full((len(ids), n_layers, max((h.shape[1] for h in found.values()), default=0)), torch.nan)
        for layer, heads in found.items():
            by_head[:, layer, : heads.shape[1]] = heads
        size = float(logits[torch.isfinite(logits)].abs().max())
        return LogitShares(
            pos=self.pos, ids=tuple(ids), contrast_ids=tuple(contrast_ids),
            components=tuple(kind if layer < 0 else f"{kind} {layer}" for kind, layer in parts.components),
            kinds=tuple(kind for kind, _ in parts.components), layers=tuple(layer for _, layer in parts.components),
            values=_numpy(values), logits=_numpy(own), heads=_numpy(by_head), rests=_numpy(rests),
            missing=missing, neurons=neurons, softcap=parts.softcap,
            gap=gap / max(size, 1e-30), seconds=time.perf_counter() - start, scale=parts.scale(self.pos),
        )  # fmt: skip

    def neurons(
        self, context: Context, layer: int, target: int, contrast: int | None = None, k: int = 10, words: int = WORDS
    ) -> list[Neuron]:
        """The `k` neurons of an MLP with the largest shares of a token's logit, whatever their sign, largest first.

        Args:
            context: asked before. layer: of the MLP. target, contrast: token ids. words: how many each neuron is read in.

        Raises:
            CapabilityError: this layer has no MLP of plain neurons. ValueRefusedError: no such layer or token.
        """
        parts, _ = self._read(context)
        contrasts = [] if contrast is None else [contrast]
        self._check([target], contrasts)
        self._check_layer(parts, layer)
        shares = parts.neurons(layer, self.pos, [target], contrasts)[0][0]
        strongest = shares.abs().topk(min(k, len(shares))).indices.tolist()
        activations = parts.activations(layer, self.pos)
        said = parts.words(layer, self.pos, strongest)
        most, least = said.topk(min(words, said.shape[1])), (-said).topk(min(words, said.shape[1]))
        return [
            Neuron(
                layer, index, float(activations[index]), float(shares[index]),
                _numpy(most.indices[i], np.int32), _numpy(most.values[i]),
                _numpy(least.indices[i], np.int32), _numpy(-least.values[i]),
            )
            for i, index in enumerate(strongest)
        ]  # fmt: skip

    def head(
        self, context: Context, layer: int, head: int, target: int, contrast: int | None = None, longest: int = 0
    ) -> HeadSources:
        """Where a head looks from the position, and its share of a token's logit by where it comes from.

        Args:
            context: asked at each layer up to this one. layer, head: which. target, contrast: token ids.
            longest: texts of up to so many tokens get the head's whole map too.

        Raises:
            CapabilityError: this layer can't be split over heads, or its weights are not to be had. ValueRefusedError: no such
            layer, head or token.
        """
        parts, _ = self._read(context)
        contrasts = [] if contrast is None else [contrast]
        self._check([target], contrasts)
        self._check_layer(parts, layer)
        share = parts.heads(layer, self.pos, [target], contrasts)[0][0]
        if not 0 <= head < len(share):
            raise ValueRefusedError(
                "head", given=str(head), accepted=f"0 to {len(share) - 1}", hint="heads are counted from 0"
            )
        self.adapter.require("attention")
        calls: list[AttentionCall] = []
        self.adapter.attention(self.tokens.ids.tolist(), calls.append, context, [layer])
        calls = [call for call in calls if call.n_heads == len(share) and call.n_query == len(self.tokens)]
        if not calls:
            raise CapabilityError(
                f"Attention of layer {layer}",
                reason=self.adapter.attention_gaps().get(layer, "its weights have another form than its heads"),
                hint="look at another layer",
            )
        found = [(call, *parts.sources(call, head, self.pos, [target], contrasts)) for call in calls]
        call, weights, shares, reason = next((f for f in found if f[2] is not None), found[0])
        whole = call.rows(0, call.n_query, head)[0] if len(self.tokens) <= longest else None
        return HeadSources(
            layer, head, float(share[head]), _numpy(weights), None if shares is None else _numpy(shares[0]),
            reason, None if whole is None else _numpy(whole),
        )  # fmt: skip

    def _read(self, context: Context) -> tuple[LogitParts, torch.Tensor]:
        """The pass that is taken apart, made once, and its logits at the position."""
        if self._parts is None or self._logits is None:
            self._parts = self.adapter.parts(self.tokens.ids.tolist(), [self.pos], context)
            self._logits = self._parts.logits(self.pos)
        elif self.adapter.fingerprint != self.fingerprint:
            raise ModelError(
                "The model changed since this text was looked at.", given="other weights than those of the picture",
                accepted="the same weights", hint="look again: edit the text, or run the cell again",
            )  # fmt: skip
        return self._parts, self._logits

    @staticmethod
    def _check_layer(parts: LogitParts, layer: int) -> None:
        n_layers = max(at for _, at in parts.components) + 1
        if not 0 <= layer < n_layers:
            raise ValueRefusedError(
                "layer", given=str(layer), accepted=f"0 to {n_layers - 1}", hint="blocks are counted from 0"
            )

    def _check(self, ids: Sequence[int], contrast_ids: Sequence[int]) -> None:
        for token in (*ids, *contrast_ids):
            if not 0 <= token < self.adapter.d_vocab:
                raise ValueRefusedError(
                    "token",
                    given=str(token),
                    accepted=f"0 to {self.adapter.d_vocab - 1}",
                    hint="give an id of the vocabulary",
                )
        if not ids or (contrast_ids and len(contrast_ids) != len(ids)):
            raise TargetError(
                "Targets and contrasts are compared one by one.", given=f"{len(ids)} targets, {len(contrast_ids)} contrasts",
                accepted="at least one target, and as many contrasts or none", hint="give one contrast for each target",
            )  # fmt: skip
        for target, contrast in zip(ids, contrast_ids, strict=False):
            if target == contrast:
                raise TargetError(
                    "Target and contrast are the same token, so there is no difference to explain.",
                    given=self.adapter.token_text(target), accepted="two different tokens", hint="choose another contrast",
                )  # fmt: skip


def _numpy(tensor: torch.Tensor, dtype: type = np.float32) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(dtype)
