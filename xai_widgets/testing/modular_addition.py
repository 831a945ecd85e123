"""A GPT-2 that adds modulo a prime with waves, written by hand: "a + b =" is followed by (a + b) mod p, for all p x p sums.

It is what Nanda et al. 2023 (arXiv 2301.05217) and Zhong et al. 2023 (arXiv 2306.17844, "the pizza") found in trained models, with
w = 2 pi k / p for a frequency k:

- a number's embedding holds cos(w n) and sin(w n) for three frequencies;
- in block 0 the head of a frequency looks, from "=", at both numbers alike and gathers the sum of their waves there;
- in block 1 neuron j of a frequency is relu(cos(w a + w j) + cos(w b + w j)), j in 0..p-1. Weighted by cos(2 w j) and -sin(2 w j) they
  sum to |cos(w (a - b) / 2)| times cos(w (a + b)) and sin(w (a + b)): a product of waves, made of bends;
- the logit of c reads cos(w (a + b - c)) of the key frequencies, 1 and 2, and is largest where c = (a + b) mod p.

The sum is exact because turning a and b by one number and c by two only renames the neurons, so whatever harmonics the bends
make, those that are read are waves in a + b - c. Frequency 3 is a decoy: gathered and multiplied in the same way, and read by no word.
"""

from __future__ import annotations

from math import cos, exp, pi, sin
from typing import Final

from xai_widgets.testing.circuits import Circuit
from xai_widgets.testing.planted import Planted, PlantedEdge

P: Final = 7
KEY: Final = (1, 2)
DECOY: Final = 3
SHARPNESS: Final = 4.0
_N_POSITIONS: Final = 4
_ROUNDING: Final = 1e-9

SHARE: Final = exp(SHARPNESS) / (2 * exp(SHARPNESS) + _N_POSITIONS - 2)
"""Attention from "=" to each of both numbers."""


def _turn(k: int, n: float) -> float:
    return 2 * pi * k * n / P


_UNSCALED: Final = sum(max(0.0, cos(_turn(1, j))) * cos(_turn(1, 2 * j)) for j in range(P))
"""What the neurons of a frequency sum to for one wave of height 1; the same for each, as they are renamed only."""


def build() -> Circuit:
    """The weights. Heads of block 0 and neurons of block 1 come by frequency: head k - 1, neurons (k - 1) p to k p - 1."""
    frequencies = (*KEY, DECOY)
    waves = {f"wave{k}": 2 for k in frequencies}
    computed = {f"gathered{k}": 2 for k in frequencies} | {f"sum{k}": 2 for k in frequencies}
    c = Circuit(["+", "=", *map(str, range(P))], {"is_number": 1, "asks": 1, **waves}, computed, n_layers=2, n_heads=3)
    c.write("=", "asks")
    for n in range(P):
        c.write(str(n), "is_number")
        for k in frequencies:
            c.write(str(n), f"wave{k}", 0, cos(_turn(k, n)))
            c.write(str(n), f"wave{k}", 1, sin(_turn(k, n)))
        for k in KEY:
            c.answer(str(n), f"sum{k}", 0, cos(_turn(k, n)))
            c.answer(str(n), f"sum{k}", 1, sin(_turn(k, n)))
    scale = 1 / (2 * SHARE * _UNSCALED)
    for k in frequencies:
        c.attend(
            0, head=k - 1, query=c.read("asks"), key=c.read("is_number"), value=f"wave{k}", out=f"gathered{k}",
            sharpness=SHARPNESS,
        )  # fmt: skip
        for j in range(P):
            c.neuron(
                1,
                {(f"gathered{k}", 0): cos(_turn(k, j)), (f"gathered{k}", 1): -sin(_turn(k, j))},
                0,
                {(f"sum{k}", 0): scale * cos(_turn(k, 2 * j)), (f"sum{k}", 1): -scale * sin(_turn(k, 2 * j))},
            )
    return c


def logit(a: int, b: int, c: int) -> float:
    """Logit of c after "a + b =", worked out on paper."""
    return sum(abs(cos(_turn(k, (a - b) / 2))) * cos(_turn(k, a + b - c)) for k in KEY)


def left_out(a: int, b: int, wrong: int) -> tuple[float, ...]:
    """What the logit of the sum, less that of `wrong`, loses when [PAD] stands in place of each of the words "a + b =".

    Without a number nearly all attention goes to the other, whose double is said; without "=" all positions are looked at alike.
    """
    whole = logit(a, b, a + b) - logit(a, b, wrong)
    seen = exp(SHARPNESS) / (exp(SHARPNESS) + _N_POSITIONS - 1)

    def of_one(n: int) -> float:
        return sum(seen / (2 * SHARE) * (cos(_turn(k, 2 * n - (a + b))) - cos(_turn(k, 2 * n - wrong))) for k in KEY)

    return whole - of_one(b), 0.0, whole - of_one(a), whole * (1 - 1 / (_N_POSITIONS * SHARE))


def planted(a: int, other: int, b: int) -> tuple[Planted, ...]:
    """The parts that carry the answer from "a + b =" to "other + b =", where the logit of one sum less that of the other is followed.

    The key frequencies' heads and neurons at "=", each with its share: the last block's neurons add to it, frequency by frequency.
    """
    right, wrong = a + b, other + b

    def carried(n: int, k: int, j: int) -> float:
        """What neuron j of frequency k adds to the number when the first number is n."""
        height = max(0.0, cos(_turn(k, n + j)) + cos(_turn(k, b + j))) / (2 * _UNSCALED)
        return height * (cos(_turn(k, 2 * j + right)) - cos(_turn(k, 2 * j + wrong)))

    changes = {(k, j): carried(a, k, j) - carried(other, k, j) for k in KEY for j in range(P)}
    gap, last = sum(changes.values()), _N_POSITIONS - 1
    parts = [
        Planted("resid", 0, 0),
        Planted("resid", 1, last),
        Planted("attn_out", 0, last),
        Planted("mlp_out", 1, last),
    ]
    for k in KEY:
        brings = sum(changes[k, j] for j in range(P)) / gap
        parts.append(Planted("head", 0, last, k - 1, brings))
    for (k, j), change in changes.items():
        if abs(change) > _ROUNDING:
            parts.append(Planted("neuron", 1, last, (k - 1) * P + j, change / gap))
    return tuple(parts)


def edges(a: int, other: int, b: int) -> tuple[PlantedEdge, ...]:
    """The ways from the numbers' embeddings to the logits: by the value of each key frequency's head and the last block's neurons."""
    shares = {f"head 0.{part.index}": part.brings for part in planted(a, other, b) if part.kind == "head"}
    return (
        *(PlantedEdge("embedding", head, "v", share) for head, share in shares.items()),
        *(PlantedEdge(head, "MLP 1", "", share) for head, share in shares.items()),
        PlantedEdge("MLP 1", "logits"),
    )
