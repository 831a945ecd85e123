"""Small tokenizers of the three families whose offsets differ, built in memory; a slow one; a SentencePiece-like with BOS."""

from __future__ import annotations

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

_TEXT = [
    "The capital of France is Paris.",
    "the cat sat on the mat",
    "a man, a plan: café über naïve",
    "Hello world! hello",
] * 4


def byte_level(*, trim: bool) -> PreTrainedTokenizerFast:
    """GPT-2's way; `trim` as many real ones have it: spaces are missing from the offsets."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.ByteLevel(trim_offsets=trim)
    trainer = BpeTrainer(
        vocab_size=340,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<unk>", "<end>"],
        show_progress=False,
    )
    backend.train_from_iterator(_TEXT, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", eos_token="<end>")


def byte_fallback() -> PreTrainedTokenizerFast:
    """Llama 2's way: a mark for each space and one in front, `<0xNN>` for characters it has not learned, `<s>` added."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256)), "▁", *"Thecapitlofrnsd,.!"]
    merges = [
        ("▁", "T"),
        ("▁T", "h"),
        ("▁Th", "e"),
        ("▁", "c"),
        ("i", "s"),
        ("▁", "is"),
        ("▁", "t"),
        ("h", "e"),
        ("▁t", "he"),
        ("▁", "▁"),
    ]
    pieces += [a + b for a, b in merges]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    backend = Tokenizer(
        models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    )
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    backend.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


def word_piece() -> PreTrainedTokenizerFast:
    """BERT's way: spaces belong to no token, words it has not learned are one unknown token."""
    words = [
        "[UNK]",
        "[END]",
        *"abcdefghijklmnopqrstuvwxyz",
        *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"),
        "the",
        "capital",
        "##is",
        ".",
        ",",
        "!",
    ]
    backend = Tokenizer(models.WordPiece(vocab={w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", eos_token="[END]")


def compatibility() -> PreTrainedTokenizerFast:
    """NFKC first: several tokens can come from one character (a ligature, a fraction)."""
    tokenizer = byte_level(trim=False)
    tokenizer.backend_tokenizer.normalizer = normalizers.NFKC()
    return tokenizer


FAMILIES = {
    "byte level": lambda: byte_level(trim=False),
    "byte level, trimmed": lambda: byte_level(trim=True),
    "byte fallback": byte_fallback,
    "word piece": word_piece,
    "compatibility": compatibility,
}
