"""What modules of a pass give at some positions, whatever they read: their outputs in another pass put in the place of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from xai_widgets.adapters.hooks import first


@dataclass(frozen=True, eq=False)
class Rewrite:
    """What modules give at some positions of a row, whatever they read; see `Edit.made`."""

    row: int
    at: Sequence[int]
    made: Sequence[tuple[str, Tensor]]


def rewrite(blocks: Sequence[nn.Module], rewrites: Sequence[Rewrite]) -> None:
    """Hooks on modules of a view's blocks, the first of which is the one that the pass is taken up at."""
    by_module: dict[tuple[int, str], list[tuple[Rewrite, Tensor]]] = {}
    for one in rewrites:
        for i, (path, given) in enumerate(one.made):
            by_module.setdefault((i, path), []).append((one, given))
    for (i, path), found in by_module.items():

        def put(_module: nn.Module, _args: Any, output: Any, found: Any = tuple(found)) -> Any:  # noqa: ANN401
            new = first(output).clone()
            for one, given in found:
                new[one.row, list(one.at)] = given.to(new)
            return new if torch.is_tensor(output) else type(output)([new, *output[1:]])

        blocks[i].get_submodule(path).register_forward_hook(put)
