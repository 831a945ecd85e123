"""Arrays to bytes and back: little-endian, C order, narrow types only."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xai_widgets.core.errors import FileError
from xai_widgets.protocol.schema import ArrayHeader

_WIRE: dict[str, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "int32": np.dtype("<i4"),
    "uint8": np.dtype("u1"),
}


def put(array: np.ndarray, buffers: list[bytes]) -> ArrayHeader:
    """Append the array's bytes to `buffers` and return its header.

    Floats become float32 (float16 stays: it is for drawing), integers int32, booleans uint8; NaN and infinity live here and nowhere else.

    Raises:
        TypeError: the array is of another kind (our own mistake, not the caller's).
        OverflowError: an integer does not fit in 32 bits.
    """
    if array.dtype.kind == "b" or array.dtype == np.uint8:
        name = "uint8"
    elif array.dtype.kind in "iu":
        name = "int32"
        if array.size and (array.max() > np.iinfo(np.int32).max or array.min() < np.iinfo(np.int32).min):
            raise OverflowError("an integer on the wire has at most 32 bits")
    elif array.dtype.kind == "f":
        name = "float16" if array.dtype == np.float16 else "float32"
    else:
        raise TypeError(f"no wire type for {array.dtype}")
    with np.errstate(over="ignore"):  # beyond float32 is infinity, which a buffer can hold
        buffers.append(np.ascontiguousarray(array, dtype=_WIRE[name]).tobytes())
    return {"dtype": name, "shape": list(array.shape), "buffer": len(buffers) - 1}  # type: ignore[typeddict-item]


def get(header: ArrayHeader, buffers: list[bytes] | list[memoryview]) -> np.ndarray:
    """The array a header describes; a header that does not fit its bytes raises `FileError`."""
    try:
        dtype, shape, index = _WIRE[header["dtype"]], [int(n) for n in header["shape"]], int(header["buffer"])
        data = buffers[index]
        size = memoryview(data).nbytes
        if index < 0 or any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != size:
            raise ValueError(f"{shape} of {header['dtype']} is not {size} bytes")
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise FileError(
            "An array does not match its description.",
            given=str(header)[:200],
            accepted="a header and a buffer of the same size",
            hint="the data is damaged; compute it again",
        ) from error
    native: np.ndarray = np.frombuffer(data, dtype=dtype).reshape(shape)
    out: np.ndarray = native.astype(native.dtype.newbyteorder("="), copy=True)
    return out
