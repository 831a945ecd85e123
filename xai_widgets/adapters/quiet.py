"""Loading without transformers' bars and notices; its settings are as before afterwards."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


def _plain(items: Iterable[Any], **_: Any) -> Iterable[Any]:  # noqa: ANN401 - stands in for tqdm
    return items


@contextmanager
def quiet() -> Iterator[None]:
    """Switch progress bars and warnings of transformers and the hub client off inside."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from transformers import modeling_gguf_pytorch_utils as gguf
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    bars, hub_bars = logging.is_progress_bar_enabled(), not are_progress_bars_disabled()
    gguf_bar = getattr(gguf, "tqdm", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        gguf.tqdm = _plain  # it takes tqdm itself and asks no setting
        try:
            yield
        finally:
            gguf.tqdm = gguf_bar
            logging.set_verbosity(verbosity)
            if bars:
                logging.enable_progress_bar()
            (enable_progress_bars if hub_bars else disable_progress_bars)()


__all__ = ["quiet"]
