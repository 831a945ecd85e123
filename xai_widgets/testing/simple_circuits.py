"""The weights of small models that do one thing: weigh words, copy, repeat, look up once and twice, negate, saturate."""

from __future__ import annotations

from math import exp
from typing import Final

from xai_widgets.testing.circuits import Circuit

WEIGHTS: Final = {
    "the": 0.0,
    "film": 0.0,
    "was": 0.0,
    "but": 0.0,
    "great": 4.0,
    "fine": 1.0,
    "dull": -2.0,
    "bad": -3.0,
}


def bag_of_words() -> Circuit:
    """Each word has a weight, and one head takes their mean."""
    c = Circuit([*WEIGHTS, "yes"], {"weight": 1}, {"mean": 1}, n_layers=1)
    for word, weight in WEIGHTS.items():
        c.write(word, "weight", value=weight)
    c.average(0, "weight", "mean")
    c.answer("yes", "mean")
    return c


SHARPNESS: Final = 4.0
"""Score of a full match in attention: soft enough that gradients reach what is compared."""

COLOURS: Final = ("red", "blue", "green", "pink", "black")


def copy() -> Circuit:
    """A head marks what comes after 'mark'; 'say' looks for the mark and takes the colour there."""
    words = ["mark", "say", *COLOURS]
    c = Circuit(words, {"is_mark": 1, "asks": 1, "colour": 5}, {"after_mark": 1, "found": 5}, n_layers=2)
    c.write("mark", "is_mark")
    c.write("say", "asks")
    for i, colour in enumerate(COLOURS):
        c.write(colour, "colour", i)
        c.answer(colour, "found", i)
    c.attend(0, query=c.previous(), key=c.read("pos"), value="is_mark", out="after_mark", sharpness=20)
    c.attend(1, query=c.read("asks"), key=c.read("after_mark"), value="colour", out="found", sharpness=SHARPNESS)
    return c


LETTERS: Final = ("a", "b", "c", "d", "e")


def induction() -> Circuit:
    """A previous-token head notes which letter came before; the induction head looks for its own letter there."""
    c = Circuit(LETTERS, {"letter": 5}, {"before": 5, "found": 5}, n_layers=2)
    for i, letter in enumerate(LETTERS):
        c.write(letter, "letter", i)
        c.answer(letter, "found", i)
    c.attend(0, query=c.previous(), key=c.read("pos"), value="letter", out="before", sharpness=20)
    c.attend(1, query=c.read("letter"), key=c.read("before"), value="letter", out="found", sharpness=SHARPNESS)
    return c


CAPITALS: Final = {"france": "paris", "italy": "rome", "spain": "madrid"}


def lookup() -> Circuit:
    """A country is compared with the keys of pairs, and the city of the pair that matches is taken."""
    words = [*CAPITALS, *CAPITALS.values(), *(f"{k}={v}" for k, v in CAPITALS.items())]
    c = Circuit(words, {"wanted": 3, "key": 3, "city": 3}, {"found": 3}, n_layers=1)
    for i, (country, city) in enumerate(CAPITALS.items()):
        c.write(country, "wanted", i)
        c.write(f"{country}={city}", "key", i)
        c.write(f"{country}={city}", "city", i)
        c.answer(city, "found", i)
    c.attend(0, query=c.read("wanted"), key=c.read("key"), value="city", out="found", sharpness=SHARPNESS)
    return c


HOMES: Final = {"ann": "paris", "bob": "rome", "eve": "madrid"}


def two_hops() -> Circuit:
    """A head takes the city that a name is paired with; a second one asks with that city for the country it is paired with."""
    pairs = {f"{name}={city}": i for i, (name, city) in enumerate(HOMES.items())}
    places = {f"{city}={country}": i for i, (country, city) in enumerate(CAPITALS.items())}
    words = [*HOMES, *CAPITALS, *pairs, *places]
    c = Circuit(
        words,
        {"wanted": 3, "name": 3, "city": 3, "key": 3, "country": 3},
        {"home": 3, "found": 3},
        n_layers=2,
    )
    for i, (name, country) in enumerate(zip(HOMES, CAPITALS, strict=True)):
        c.write(name, "wanted", i)
        c.answer(country, "found", i)
    for word, i in pairs.items():
        c.write(word, "name", i)
        c.write(word, "city", i)
    for word, i in places.items():
        c.write(word, "key", i)
        c.write(word, "country", i)
    c.attend(0, query=c.read("wanted"), key=c.read("name"), value="city", out="home", sharpness=SHARPNESS)
    c.attend(1, query=c.read("home"), key=c.read("key"), value="country", out="found", sharpness=SHARPNESS)
    return c


def negation() -> Circuit:
    """A previous-token head brings 'not' to the next word, whose feeling four units turn around; one head takes the mean."""
    words = ["the", "film", "was", "today", "not", "good", "bad", "yes", "no"]
    c = Circuit(words, {"negates": 1, "feeling": 1}, {"negated": 1, "verdict": 1, "mean": 1}, n_layers=2)
    c.write("not", "negates")
    c.write("good", "feeling", value=1)
    c.write("bad", "feeling", value=-1)
    c.attend(0, query=c.previous(), key=c.read("pos"), value="negates", out="negated", sharpness=20)
    # feeling in -1..1 times (1 - 2 negated): one pair of units is on without a negation, the other with one; all are
    # off by a margin where no word has a feeling, so that no gradient is taken on an edge
    c.neuron(0, {"feeling": 2, "negated": -4}, -1, {"verdict": 1})
    c.neuron(0, {"feeling": -2, "negated": -4}, -1, {"verdict": -1})
    c.neuron(0, {"feeling": 2, "negated": 4}, -5, {"verdict": -1})
    c.neuron(0, {"feeling": -2, "negated": 4}, -5, {"verdict": 1})
    c.average(1, "verdict", "mean")
    c.answer("yes", "mean")
    c.answer("no", "mean", weight=-1)
    return c


def saturated() -> Circuit:
    """One head takes the mean of the evidence, and two units cut it off at 1."""
    words = ["there", "was", "a", "today", "fire", "smoke", "alarm"]
    c = Circuit(words, {"evidence": 1}, {"mean": 1, "verdict": 1}, n_layers=1)
    c.write("fire", "evidence", value=18)
    c.write("smoke", "evidence", value=18)
    c.average(0, "evidence", "mean")
    # min(1, mean) = mean - relu(mean - 1), for a mean that is never negative
    c.neuron(0, {"mean": 1}, 0, {"verdict": 1})
    c.neuron(0, {"mean": 1}, -1, {"verdict": -1})
    c.answer("alarm", "verdict")
    return c


def share(n_others: int) -> float:
    """Attention to the one full match among `n_others` positions that don't match."""
    return exp(SHARPNESS) / (exp(SHARPNESS) + n_others)
