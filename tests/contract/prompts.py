"""Inputs every agreement is shown on: plain, single-token, emoji cut into bytes, other scripts, markup, code, chat."""

from __future__ import annotations

from typing import Any

CHAT = [
    [{"role": "user", "content": "Name a river in France."}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Is 7 a prime?"}],
    [
        {"role": "user", "content": "Hi 👋"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "What colour is the sky?"},
    ],
]

PROMPTS: list[Any] = [
    "The",
    "Paris",
    "👋",
    "\n",
    "The capital of France is",
    "Even Suzanne has",
    "2 + 2 =",
    "The keys to the cabinet",
    "I love 🍕 and 🐈‍⬛ because",
    "Ça coûte 3 €, n'est-ce pas",
    "Москва находится в",
    "東京は日本の",
    "مرحبا بالعالم",
    "<b>bold</b> & <script>",
    "def add(a, b):\n    return",
    "line one\nline two\n\nline",
    "  leading and   inner spaces",
    "no no no no no",
    "THE QUICK BROWN FOX JUMPS",
    "e\u0301 is e with an accent; \u00e9 is",
    "Once upon a time, in a small village by the sea, there lived",
    *CHAT,
]
"""24 inputs."""

FEW: list[Any] = ["The", "The capital of France is", "I love 🍕 and 🐈‍⬛ because", CHAT[1]]
"""For the real model in the quick tests: one of each kind."""


def name(prompt: Any) -> str:
    """For a test's id."""
    return repr(prompt if isinstance(prompt, str) else prompt[-1]["content"]).encode("ascii", "replace").decode()[1:25]
