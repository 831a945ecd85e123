"""A stream read by a prompt of choice: put in the place of a placeholder's stream, and written on from there.

Ghandeharioun et al. 2024, "Patchscopes: a unifying framework for inspecting hidden representations of language models" (arXiv
2401.06102), with the same model on both sides and no map between. The stream stays in its place while the model writes: every
new token comes from a pass over prompt and written tokens in which that position's stream is exchanged again, so all
later layers' keys and values of it are the patched ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai_widgets.adapters.base import Edit, ModelAdapter
from xai_widgets.core.ask import NextToken
from xai_widgets.core.context import Context
from xai_widgets.core.errors import TooLongError, ValueRefusedError
from xai_widgets.core.lens import Scoped
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.tokens import Tokens
from xai_widgets.explainers.lens.logit_lens import LogitLens


@INSPECTORS.register("patchscope")
class Patchscope:
    """Streams of one text, read by prompts.

    Args:
        lens: whose pass they are taken from.
    """

    def __init__(self, lens: LogitLens) -> None:
        """Nothing runs yet."""
        self.lens = lens

    def read(
        self,
        stream: int,
        pos: int,
        prompt: str,
        context: Context,
        *,
        at: int | None = None,
        into: int | None = None,
        tokens: int = 8,
        k: int = 5,
    ) -> Scoped:
        """Two passes for each token that is written.

        Args:
            stream, pos: what is read: 0 is what enters the first block.
            prompt: the other prompt. at: position in it whose stream is exchanged; None: its last `?`, else its last token.
            into: the stream there; None: the same as `stream`.
            tokens: to write at most; the one that ends a text is the last. k: next tokens to name.

        Raises:
            ValueRefusedError: no such stream or position, or no token to write. EmptyTextError, TooLongError: the prompt.
        """
        adapter = self.lens.adapter
        trace = self.lens.trace(context)
        into = stream if into is None else into
        given = adapter.tokenize(prompt)
        at = placeholder(given) if at is None else at + len(given) if at < 0 else at
        for name, value, size in (
            ("stream", stream, trace.n_streams), ("position", pos, len(self.lens.tokens)),
            ("stream to put it in", into, trace.n_streams), ("position to put it at", at, len(given)),
        ):  # fmt: skip
            if not 0 <= value < size:
                hint = "0 enters the first layer, 1 leaves it" if "stream" in name else "counted from 0"
                raise ValueRefusedError(name, given=str(value), accepted=f"0 to {size - 1}", hint=hint)
        if tokens < 1 or tokens != int(tokens):
            raise ValueRefusedError(
                "tokens", given=repr(tokens), accepted="1 or more", hint="how many to write at most"
            )
        if len(given) + tokens > adapter.max_length:
            raise TooLongError(len(given) + tokens, adapter.max_length)
        edit = Edit(into, (at,), trace.streams(stream)[pos : pos + 1].clone())
        ids, written = given.ids.tolist(), list[int]()
        candidates: tuple[NextToken, ...] = ()
        before: tuple[NextToken, ...] = ()
        while len(written) < tokens:
            context.step(len(written), tokens, "tokens")
            plain = adapter.trace([*ids, *written], context)
            ((_, logits),) = adapter.resumed(plain, [edit], context)
            if not written:
                candidates, before = best(adapter, logits[0], k), best(adapter, plain.logits[0], k)
            token = int(logits[0].argmax())
            written.append(token)
            if token in adapter.stop_ids:
                break
        whole = adapter.with_generated(given, written)
        text = "".join(token.text for token in list(whole)[len(given) :])
        return Scoped(stream, pos, tuple(t.text for t in given), at, into, text, tuple(written), candidates, before)


def placeholder(prompt: Tokens) -> int:
    """Position of the last token that is a `?`, else of the last token."""
    marks = [i for i, token in enumerate(prompt) if token.text.strip() == "?"]
    return marks[-1] if marks else len(prompt) - 1


def best(adapter: ModelAdapter, logits: Tensor, k: int) -> tuple[NextToken, ...]:
    """The k most probable tokens."""
    own = logits.float()
    prob = torch.softmax(own, -1)
    ids: Sequence[int] = own.topk(min(k, len(own))).indices.tolist()
    return tuple(NextToken(i, adapter.token_text(i), float(prob[i]), float(own[i])) for i in ids)
