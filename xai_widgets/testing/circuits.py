"""GPT-2 models whose weights are written by hand, so that what they compute can be said in a sentence.

The architecture is transformers' own `GPT2LMHeadModel` with ReLU. Its layer norms are made linear: with epsilon 1e8 and a
weight of 1e4 they multiply by 1 up to 1e-7, and they subtract the mean, which is kept at zero by one spare dimension that
every writer fills with minus the sum of what it writes. Attention has one head a block as wide as the model, or several
that share the width.

Parts that blocks write hold ten times the value meant, and whoever reads them divides by ten. So an embedding that wrote into
such a part directly, in a direction no word has, would count for a tenth, as in a trained model, whose embeddings
are small beside what blocks write. Without this, norms of gradients see mostly that direct way at the last position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

MAX_POSITIONS: Final = 24
_EPSILON: Final = 1e8
_GAIN: Final = 10.0

Place: TypeAlias = str | tuple[str, int]
"""An entry of a part: its name and index, or the name alone for the first."""

PAD, UNKNOWN = "[PAD]", "[UNK]"


class Circuit:
    """Weights under construction: name parts of the residual stream, then say who writes what where.

    Args:
        words: the vocabulary, "[PAD]" and "[UNK]" are put before it.
        embedded: parts of the residual stream that embeddings write, with their widths. `pos` (the position as a one-hot
            vector) is there from the start.
        computed: parts that blocks write.
        n_layers: blocks; untouched ones add nothing. n_heads: of each block; untouched ones add nothing.
    """

    def __init__(
        self,
        words: Sequence[str],
        embedded: Mapping[str, int],
        computed: Mapping[str, int],
        n_layers: int,
        n_heads: int = 1,
    ) -> None:
        """All weights zero, positions written."""
        import torch

        self.words = [PAD, UNKNOWN, *words]
        self.slices: dict[str, slice] = {}
        end = 0
        self.gain = {"pos": 1.0, **dict.fromkeys(embedded, 1.0), **dict.fromkeys(computed, _GAIN)}
        for name, width in {"pos": MAX_POSITIONS, **embedded, **computed}.items():
            self.slices[name] = slice(end, end + width)
            end += width
        self.n_heads, self.d_head = n_heads, -(-(end + 1) // n_heads)
        self.d_model = n_heads * self.d_head
        d, v = self.d_model, len(self.words)
        self.token = torch.zeros(v, d)
        self.position = torch.zeros(MAX_POSITIONS, d)
        self.position[:, self.slices["pos"]] = torch.eye(MAX_POSITIONS)
        self.attention = [{name: torch.zeros(d, d) for name in "qkvo"} for _ in range(n_layers)]
        self.mlp: list[list[tuple[dict[Place, float], float, dict[Place, float]]]] = [[] for _ in range(n_layers)]
        self.head = torch.zeros(v, d)

    def id(self, word: str) -> int:
        """Vocabulary index of a word."""
        return self.words.index(word)

    def at(self, part: str, index: int = 0) -> int:
        """Residual dimension of an entry of a part."""
        return self.slices[part].start + index

    def write(self, word: str, part: str, index: int = 0, value: float = 1.0) -> None:
        """The word's embedding has `value` there."""
        self.token[self.id(word), self.at(part, index)] = value

    def attend(
        self, layer: int, *, query: Tensor, key: Tensor, value: str, out: str, sharpness: float, head: int = 0
    ) -> None:
        """A head: scores are sharpness x (query . key), and what it finds in part `value` goes to part `out`.

        Args:
            layer, head: block, and which of its heads.
            query, key: maps [d_model, n] from the residual stream to what is compared; see `read` and `previous`.
            value, out: parts of equal width.
            sharpness: score of a full match.
        """
        weights, first, n = self.attention[layer], head * self.d_head, query.shape[1]
        source, width = self.slices[value], self.slices[value].stop - self.slices[value].start
        assert max(n, width) <= self.d_head, "what is compared and what is moved must fit into the head"
        weights["q"][:, first : first + n] = query * sharpness * self.d_head**0.5
        weights["k"][:, first : first + n] = key
        for i in range(width):
            weights["v"][source.start + i, first + i] = 1.0
            weights["o"][first + i, self.at(out, i)] = self.gain[out] / self.gain[value]

    def average(self, layer: int, value: str, out: str) -> None:
        """A head that looks at all positions alike and writes the mean of part `value` to part `out`."""
        import torch

        nothing = torch.zeros(self.d_model, 1)
        self.attend(layer, query=nothing, key=nothing, value=value, out=out, sharpness=0.0)

    def read(self, part: str) -> Tensor:
        """The map [d_model, width] that takes out a part."""
        import torch

        s = self.slices[part]
        taken = torch.zeros(self.d_model, s.stop - s.start)
        taken[s] = torch.eye(s.stop - s.start) / self.gain[part]
        return taken

    def previous(self) -> Tensor:
        """The map [d_model, positions] from a position to the one before it (position 0 to nothing)."""
        import torch

        moved = torch.zeros(self.d_model, MAX_POSITIONS)
        moved[self.slices["pos"]] = torch.eye(MAX_POSITIONS).roll(-1, dims=1)
        moved[self.at("pos", 0)] = 0
        return moved

    def answer(self, word: str, part: str, index: int = 0, weight: float = 1.0) -> None:
        """The word's logit is weight x that entry, at the last position."""
        self.head[self.id(word), self.at(part, index)] = weight / self.gain[part]

    def neuron(self, layer: int, reads: Mapping[Place, float], bias: float, writes: Mapping[Place, float]) -> None:
        """A hidden unit relu(sum of weight x entry + bias) that adds to entries; a part's name alone is its first entry."""
        self.mlp[layer].append((dict(reads), bias, dict(writes)))

    def model(self) -> Any:  # noqa: ANN401 - transformers' GPT2LMHeadModel
        """The finished model, in evaluation mode, float32."""
        import torch
        from transformers import GPT2Config, GPT2LMHeadModel

        d, v = self.d_model, len(self.words)
        n_inner = max([1, *(len(units) for units in self.mlp)])
        model = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=v,
                n_positions=MAX_POSITIONS,
                n_embd=d,
                n_layer=len(self.attention),
                n_head=self.n_heads,
                n_inner=n_inner,
                activation_function="relu",
                layer_norm_epsilon=_EPSILON,
                tie_word_embeddings=False,
                bos_token_id=None,
                eos_token_id=None,
                pad_token_id=0,
            )
        ).eval()
        spare = d - 1
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.fill_(_EPSILON**0.5 if ".ln_" in name and name.endswith("weight") else 0.0)
            model.transformer.wte.weight.copy_(_balanced(self.token, spare))
            model.transformer.wpe.weight.copy_(_balanced(self.position, spare))
            for block, weights, units in zip(model.transformer.h, self.attention, self.mlp, strict=True):
                block.attn.c_attn.weight.copy_(torch.cat([weights["q"], weights["k"], weights["v"]], dim=1))
                block.attn.c_proj.weight.copy_(_balanced(weights["o"], spare))
                for i, (reads, bias, writes) in enumerate(units):
                    for place, weight in reads.items():
                        part, entry = _entry(place)
                        block.mlp.c_fc.weight[self.at(part, entry), i] = weight / self.gain[part]
                    block.mlp.c_fc.bias[i] = bias
                    for place, weight in writes.items():
                        part, entry = _entry(place)
                        block.mlp.c_proj.weight[i, self.at(part, entry)] = weight * self.gain[part]
                block.mlp.c_proj.weight.copy_(_balanced(block.mlp.c_proj.weight, spare))
            model.lm_head.weight.copy_(self.head)
        return model

    def tokenizer(self) -> Any:  # noqa: ANN401 - transformers' PreTrainedTokenizerFast
        """A tokenizer of whole words between spaces, with offsets."""
        from tokenizers import Tokenizer, models, pre_tokenizers
        from transformers import PreTrainedTokenizerFast

        inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(self.words)}, unk_token=UNKNOWN))
        inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        return PreTrainedTokenizerFast(tokenizer_object=inner, unk_token=UNKNOWN, pad_token=PAD)


def _entry(place: Place) -> tuple[str, int]:
    return (place, 0) if isinstance(place, str) else place


def _balanced(written: Tensor, spare: int) -> Tensor:
    """Rows that sum to zero: the spare entry takes what the others add up to."""
    written = written.detach().clone()
    written[:, spare] = 0
    written[:, spare] = -written.sum(-1)
    return written
