"""A map of attention in blocks of rows, so that none is ever held whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import torch
from torch import Tensor

from xai_widgets.adapters.base import AttentionCall

CPU_NUMBERS: Final = 1 << 19
"""Weights computed at once: 2 MB, near a CPU's cache. SmolLM2, 2,048 tokens, all heads of a layer: see benchmarks."""
GPU_NUMBERS: Final = 1 << 24

Pool = Literal["max", "mean"]


def spans(call: AttentionCall, heads: int, multiple: int = 1, numbers: int = CPU_NUMBERS) -> Iterator[tuple[int, int]]:
    """First and last row of blocks of about `numbers` weights; they start at multiples of `multiple`."""
    size = max(multiple, numbers // max(1, call.n_key * heads) // multiple * multiple)
    for start in range(0, call.n_query, size):
        yield start, min(start + size, call.n_query)


def in_blocks(call: AttentionCall, multiple: int = 1) -> Iterator[tuple[int, Tensor]]:
    """All rows of all heads, as (first row, weights [head, row, key]); keys after the last visible one may be left out."""
    on_gpu = call.rows(0, 1).is_cuda
    for start, stop in spans(call, call.n_heads, multiple, GPU_NUMBERS if on_gpu else CPU_NUMBERS):
        yield start, call.rows(start, stop)


def pooled(weights: Tensor, cell: int, n_cells: int, how: Pool) -> Tensor:
    """Weights [head, row, key] as squares of `cell` positions a side: [head, rows / cell, n_cells].

    `max`: the largest weight in a square. `mean`: over all its places, hidden ones counted as zero; squares at the edge
    over the places they have.
    """
    heads, n_rows, n_keys = weights.shape
    rows, columns = -(-n_rows // cell), -(-n_keys // cell)
    padded = torch.nn.functional.pad(weights, (0, columns * cell - n_keys, 0, rows * cell - n_rows))
    # rows first: whole rows are compared at once, and what is left is small
    bands = padded.view(heads, rows, cell, columns * cell)
    if how == "max":
        found = bands.amax(2).view(heads, rows, columns, cell).amax(-1)
    else:
        found = bands.sum(2).view(heads, rows, columns, cell).sum(-1)
    return torch.nn.functional.pad(found, (0, n_cells - columns))


def places(n_query: int, n_key: int, cell: int, device: torch.device) -> Tensor:
    """How many places each square has: `cell` squared but at the edges. float32 [row, column]."""
    rows = torch.full((-(-n_query // cell),), float(cell), device=device)
    columns = torch.full((-(-n_key // cell),), float(cell), device=device)
    rows[-1] = n_query - cell * (len(rows) - 1)
    columns[-1] = n_key - cell * (len(columns) - 1)
    return rows[:, None] * columns
