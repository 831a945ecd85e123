"""Derivatives of the explained number by the input's embeddings: all rows and steps from one graph.

The graph's leaf is ours: a hook puts it in the place of the embedding module's output, so nothing of the user's gets a gradient
and frozen models work. Two parts are differentiated one after the other. From the logits back to where the output
embedding is entered, the rows are independent (each depends on its own position), so one backward pass serves them
all; carrying [row, d_vocab] gradients through the widest product once instead of once a row. From there to the embeddings
the rows go together as one batch (`is_grads_batched`), or one by one where a model's operations can't be batched.
"""

from __future__ import annotations

import time
from typing import Final

import torch
from torch import Tensor, nn

from xai_widgets.adapters import footprint, hooks, memory, passes, quantities
from xai_widgets.adapters.base import Capability, CapabilityName, Gradient
from xai_widgets.adapters.passes import Lender
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.errors import ModelError, OutOfMemoryError
from xai_widgets.core.targets import Question

CPU_TOKENS: Final = 320
"""Tokens of one forward on a CPU; its backward carries rows times as many. SmolLM2, 39 tokens, 8 rows: 0.81 s a step at one step a
call, 0.62 at 4, 0.59 at 8 and at 13, and 60 MB more for each step."""
GPU_TOKENS: Final = 8192
VALUE_TOKENS: Final = 1024
"""Tokens of one forward on a CPU where no gradient follows."""


def gradient(adapter: Lender, question: Question, embeddings: Tensor, context: Context) -> Gradient:
    """Values and gradients when the input's embeddings are replaced by each of `embeddings`.

    Args:
        adapter: gives `session`, `head_of`, `embedding_of`, `device_of_inputs`, `speed`, `capabilities`.
        question: the input (its ids are passed as usual) and the target; target tokens keep their own embeddings.
        embeddings: [step, pos, d_model]; all steps run in one batch, in halves where memory runs out.
        context: checked for cancelling before the forward, before the backward pass and between rows of a loop.

    Returns:
        values [row, step], grads [row, step, pos, d_model], float32, detached, on the embedding's device.

    Raises:
        ModelError: the weights can't be differentiated (created under torch.inference_mode).
        OutOfMemoryError: not even one step fits, row by row.
    """
    capability = getattr(adapter, "capabilities", {}).get("batched_gradients", Capability(True))
    context.check()
    for batched in (True, False) if capability.works else (False,):
        with adapter.session() as view, torch.inference_mode(False), torch.enable_grad():
            try:
                return _gradient(adapter, view, question, embeddings, context, batched=batched)
            except (RuntimeError, MemoryError) as error:
                if "Inference tensors" in str(error):
                    raise ModelError(
                        "The model's weights can't be differentiated.",
                        given="weights created under torch.inference_mode", accepted="weights created outside it",
                        hint="load the model outside torch.inference_mode; torch.no_grad is fine",
                    ) from error  # fmt: skip
                if not memory.ran_out(error):
                    raise
        memory.give_back()  # out of the handler, whose traceback holds on to tensors
    n_steps = embeddings.shape[0]
    if n_steps == 1:
        raise OutOfMemoryError("the backward pass", n_tokens=question.n_pos + len(question.target.ids) - 1)
    parts = [gradient(adapter, question, part, context) for part in embeddings.split(-(-n_steps // 2))]
    return Gradient(torch.cat([p.values for p in parts], 1), torch.cat([p.grads for p in parts], 1))


def _gradient(
    adapter: Lender, view: nn.Module, question: Question, embeddings: Tensor, context: Context, *, batched: bool
) -> Gradient:
    target, device = question.target, adapter.device_of_inputs
    ids = torch.tensor([[*question.tokens.ids.tolist(), *target.ids[:-1]]], device=device)
    n_steps, length, n_tokens = embeddings.shape[0], ids.shape[1], len(target.ids)
    ids = ids.expand(n_steps, -1)
    wanted = _predicting(n_steps, length, question.n_pos).to(device)
    reference = _reference(adapter, view, question)
    # a copy may require grad where its source, made under inference_mode, may not
    leaf = embeddings.detach().to(device, copy=True).requires_grad_()
    hidden: list[Tensor] = []

    def cut(states: Tensor) -> Tensor:
        hidden[:] = [states, states.detach().requires_grad_()]
        return hidden[1]

    start = time.perf_counter()
    logits, _ = passes.run(adapter, view, ids, wanted, embeddings=leaf, at_head=cut)
    numbers = quantities.rows(logits.reshape(n_steps, n_tokens, -1), target, reference)  # [step, row]
    _synchronize(numbers)
    middle = time.perf_counter()
    adapter.speed.record(tokens=n_steps * length, passes=1, seconds=middle - start)
    context.check()
    n_rows = numbers.shape[1]
    if hidden:
        ends, head = hidden
        (at_head,) = torch.autograd.grad(numbers.sum(), head)  # [1, step * target token, d_model]
        seeds = _seeds(at_head, n_steps, n_tokens, n_rows)
    else:
        ends, seeds = numbers, torch.eye(n_rows, device=numbers.device)[:, None].expand(-1, n_steps, -1)
    del logits
    if batched and n_rows > 1:
        (grads,) = torch.autograd.grad(ends, leaf, seeds, is_grads_batched=True)
    else:
        parts = []
        for row in range(n_rows):
            context.check()
            parts.append(torch.autograd.grad(ends, leaf, seeds[row], retain_graph=row + 1 < n_rows)[0])
        grads = torch.stack(parts)
    _synchronize(grads)
    adapter.speed.record(
        tokens=n_rows * n_steps * length, passes=n_rows, seconds=time.perf_counter() - middle, backward=True
    )
    return Gradient(numbers.detach().T.contiguous(), grads.detach().float())


def values_at(adapter: Lender, question: Question, embeddings: Tensor, context: Context) -> Tensor:
    """The values of `gradient` without the gradients: float32 [row, step], in batches of the scorer's size."""
    target, device = question.target, adapter.device_of_inputs
    ids = torch.tensor([[*question.tokens.ids.tolist(), *target.ids[:-1]]], device=device)
    length, n_tokens = ids.shape[1], len(target.ids)
    at_once = max(1, (VALUE_TOKENS if torch.device(device).type == "cpu" else GPU_TOKENS) // length)
    parts = []
    with adapter.session() as view, torch.no_grad():
        reference = _reference(adapter, view, question)
        for part in embeddings.to(device).split(at_once):
            context.check()
            wanted = _predicting(len(part), length, question.n_pos).to(device)
            start = time.perf_counter()
            try:
                logits, _ = passes.run(adapter, view, ids.expand(len(part), -1), wanted, embeddings=part)
            except (RuntimeError, MemoryError) as error:
                if not memory.ran_out(error):
                    raise
                raise OutOfMemoryError("the forward pass", n_tokens=length) from error
            parts.append(quantities.rows(logits.reshape(len(part), n_tokens, -1), target, reference))
            _synchronize(logits)
            adapter.speed.record(tokens=len(part) * length, passes=1, seconds=time.perf_counter() - start)
    return torch.cat(parts).T.contiguous()


def _predicting(n_steps: int, length: int, n_pos: int) -> Tensor:
    """Flat indices into [step, pos] of the predicting positions of each step."""
    return (torch.arange(n_steps)[:, None] * length + torch.arange(n_pos - 1, length)).reshape(-1)


def _seeds(at_head: Tensor, n_steps: int, n_tokens: int, n_rows: int) -> Tensor:
    """[row, 1, step * target token, d_model]: each row's gradient at its own predicting positions, zero at the others."""
    if n_rows == 1:
        return at_head.unsqueeze(0)
    own = torch.eye(n_rows, device=at_head.device, dtype=at_head.dtype)
    return (own[:, None, None, :, None] * at_head.reshape(1, 1, n_steps, n_tokens, -1)).reshape(n_rows, *at_head.shape)


def _synchronize(tensor: Tensor) -> None:
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)


def _reference(adapter: Lender, view: nn.Module, question: Question) -> Tensor | None:
    """Log-probabilities [target token, d_vocab] that `kl` compares with: of the reference text or the unchanged input."""
    if question.target.quantity != "kl":
        return None
    prompt = (question.target.reference or question.tokens).ids.tolist()
    ids = torch.tensor([[*prompt, *question.target.ids[:-1]]], device=adapter.device_of_inputs)
    with torch.no_grad():
        logits, _ = passes.run(
            adapter, hooks.view(view), ids, torch.arange(len(prompt) - 1, ids.shape[1], device=ids.device)
        )
        return torch.log_softmax(logits.float(), -1)


def steps_per_batch(adapter: Lender, question: Question) -> int:
    """How many embedding rows one `gradient` call should carry: by a token budget, and on a GPU by the memory free."""
    length = question.n_pos + len(question.target.ids) - 1
    device = torch.device(adapter.device_of_inputs)
    if device.type != "cuda":
        return max(1, CPU_TOKENS // length)
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(GPU_TOKENS // length, int(free * 0.4) // peak_bytes(adapter, question, 1)))


def cost(adapter: Lender, question: Question, steps: int, forward_only: int = 0) -> Cost:
    """What `steps` gradients of all rows and `forward_only` more forward passes come to, in batches of `steps_per_batch`."""
    length = question.n_pos + len(question.target.ids) - 1
    size = steps_per_batch(adapter, question)
    return Cost(
        passes=-(-steps // size) + -(-forward_only // size),
        tokens=(steps + forward_only) * length,
        backward_tokens=steps * length * question.target.n_rows,
        peak_bytes=peak_bytes(adapter, question, min(size, steps)),
    )


def peak_bytes(adapter: Lender, question: Question, n_steps: int) -> int:
    """About how much memory one `gradient` call of so many steps takes (an estimate)."""
    n_tokens = len(question.target.ids)
    tokens = n_steps * (question.n_pos + n_tokens - 1)
    return footprint.of_gradient(adapter, tokens, question.target.n_rows, n_steps * n_tokens)


def probe(adapter: Lender) -> dict[CapabilityName, Capability]:
    """Whether gradients reach the first embedding, and whether batched ones equal the loop, on a short input."""
    ids = torch.tensor([[(260 + 41 * i) % adapter.d_vocab for i in range(6)]], device=adapter.device_of_inputs)
    wanted = torch.arange(3, 6, device=ids.device)
    with adapter.session() as view, torch.inference_mode(False), torch.enable_grad():
        try:
            with torch.no_grad():
                leaf = adapter.embedding_of(view)(ids)
            leaf = leaf.detach().requires_grad_()
            logits, _ = passes.run(adapter, view, ids, wanted, embeddings=leaf)
            ends = logits.float().logsumexp(-1)  # of all logits: the largest may be a constant
            loop = torch.stack([torch.autograd.grad(e, leaf, retain_graph=True)[0] for e in ends])
        except Exception as error:  # noqa: BLE001 - whatever a model raises here is a "no", said with its reason
            no = Capability(False, f"{type(error).__name__}: {str(error)[:200]}")
            return {"gradients": no, "batched_gradients": no}
        top = float(loop.abs().max())
        if not torch.isfinite(loop).all() or float(loop[:, :, 0].abs().max()) == 0.0:
            no = Capability(False, "no finite gradient reaches the first token's embedding")
            return {"gradients": no, "batched_gradients": no}
        try:
            (batch,) = torch.autograd.grad(ends, leaf, torch.eye(3, device=ends.device), is_grads_batched=True)
            gap = float((batch - loop).abs().max()) / top
        except Exception as error:  # noqa: BLE001
            return {
                "gradients": Capability(True),
                "batched_gradients": Capability(False, f"{type(error).__name__}: {str(error)[:200]}"),
            }
        close = gap <= (1e-3 if loop.dtype == torch.float32 else 1e-1)
        return {
            "gradients": Capability(True),
            "batched_gradients": Capability(
                close, "" if close else f"batched gradients differ from single ones by {gap:.2g} of the largest"
            ),
        }
