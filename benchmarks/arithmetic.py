"""How many floating point operations does the question itself need? The floor no implementation can be faster than.

Counted: products with weights (2 a weight and token), attention (4 x d_attn x layers for each query and key), the output
matrix at the predicting positions only. Not counted: norms, activations, softmax, moving memory. N prompt tokens and k targets make
T = N + k - 1 positions; the last target token is never fed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sizes:
    """Operations of one model: for a token through the layers, for a position through the output matrix, for a pair."""

    token: int
    head: int
    pair: int

    @classmethod
    def of(cls, model: Any) -> Sizes:  # noqa: ANN401 - a transformers model
        """Read off a decoder-only model whose products are all `nn.Linear`."""
        from torch import nn

        head = model.get_output_embeddings()
        weights = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear) and m is not head)
        c = model.config
        width = c.num_attention_heads * (getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads)
        return cls(2 * weights, 2 * head.weight.numel(), 4 * width * c.num_hidden_layers)

    def layers(self, tokens: int, before: int = 0) -> int:
        """`tokens` tokens that follow `before` others, causal attention."""
        pairs = tokens * before + tokens * (tokens + 1) // 2
        return tokens * self.token + pairs * self.pair


def leave_one_out(s: Sizes, n: int, k: int) -> int:
    """Each token replaced once; of each changed input only what follows the change is run."""
    t = n + k - 1
    return s.layers(t) + sum(s.layers(t - i, before=i) for i in range(n)) + (n + 1) * k * s.head


def leave_one_out_whole(s: Sizes, n: int, k: int) -> int:
    """The same with every changed input run from its first token, as all peers do."""
    t = n + k - 1
    return (n + 1) * (s.layers(t) + k * s.head)


def gradient(s: Sizes, n: int, k: int, rows: int | None = None) -> int:
    """One forward pass and, for each of `rows` explained numbers (k if left out), one pass back to the embeddings.

    Back through a product costs what the product costs, since no gradient of a weight is wanted.
    """
    rows = k if rows is None else rows
    return (1 + rows) * s.layers(n + k - 1) + 2 * k * s.head


def lens(s: Sizes, n: int, n_streams: int) -> int:
    """One pass, and every stream of every position through the output matrix."""
    return s.layers(n) + n * n_streams * s.head


def patching(s: Sizes, n: int, n_layers: int) -> int:
    """Every stream at every position patched once: each a whole row from its layer on (half of all layers on average)."""
    half = (n_layers + 1) / 2 / n_layers
    return int(n_layers * n * (s.layers(n) * half + s.head))
