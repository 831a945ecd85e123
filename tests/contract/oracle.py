"""The explained number by plain torch on the user's own model: one full pass an input, nothing shared, nothing batched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from xai_widgets.core.targets import Question, Target


def number(logits: Tensor, target: Target) -> Tensor:
    """[batch, row] from logits [batch, target token, d_vocab]: log-probabilities or logits, less the contrast's."""
    scores = logits if target.quantity in ("logit", "logit_diff") else logits.log_softmax(-1)
    index = torch.arange(len(target))
    found = scores[:, index, list(target.ids)]
    if target.contrast_ids:
        found = found - scores[:, index, list(target.contrast_ids)]
    return found if target.each else found.sum(-1, keepdim=True)


def of_ids(model: Any, ids: Tensor, target: Target, visible: Tensor | None = None) -> Tensor:
    """[batch, row] for prompts ids [batch, pos]; `visible` [batch, pos] is 0 where no position may look."""
    batch, n = ids.shape
    tail = torch.tensor(target.ids[:-1], dtype=torch.long).expand(batch, -1)
    whole = torch.cat([ids, tail], dim=1)
    mask = torch.ones_like(whole)
    if visible is not None:
        mask[:, :n] = visible
    positions = torch.arange(whole.shape[1]).expand(batch, -1)
    with torch.no_grad():
        logits = model(input_ids=whole, attention_mask=mask, position_ids=positions, use_cache=False).logits
    return number(logits[:, n - 1 :], target)


def by_embeddings(model: Any, question: Question) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Embeddings of the input [1, pos, d_model], and the function from such (in a batch) to [batch, row]."""
    table, target, n = model.get_input_embeddings(), question.target, question.n_pos
    with torch.no_grad():
        here = table(torch.tensor(question.tokens.ids)[None])
        tail = table(torch.tensor([target.ids[:-1]], dtype=torch.long)) if len(target) > 1 else here[:, :0]

    def function(embeddings: Tensor) -> Tensor:
        whole = torch.cat([embeddings, tail.expand(len(embeddings), -1, -1)], dim=1)
        return number(model(inputs_embeds=whole, use_cache=False).logits[:, n - 1 :], target)

    return here, function
