"""Decode the data of one input tensor, from JSON or from bytes, into a flat array or list."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from services.api.errors import MalformedBody
from services.api.prediction.inference.request import InputTensor, cut_text
from services.api.prediction.json_size import find_end

__all__ = ["BOOL", "BYTES", "DATATYPES", "FLOATS", "INTEGERS", "TensorDecoder"]


FLOATS = {"FP32": "<f4", "FP64": "<f8"}
INTEGERS = {
    **{f"INT{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
}
BOOL, BYTES = "BOOL", "BYTES"
DATATYPES = {BOOL: "|b1", **INTEGERS, **FLOATS}
"""Data types of fixed size, and what numpy calls them; BYTES is the other one."""

LENGTH_BYTES = 4
VALUE_TOKENS = 3
"""Tokens for each value of data in JSON: a text, a comma and the bracket of a nested list."""

NESTED = re.compile(rb"\s*\[\s*\[")


class TensorDecoder:
    """Decodes the data of tensors whose shape and data type are checked. The data may be flat, or nested like the
    shape."""

    def __init__(self) -> None:
        """Compile the types of JSON data, flat and nested."""
        kinds: dict[str, Any] = {
            BOOL: bool,
            BYTES: str | None,
            **dict.fromkeys(INTEGERS, int),
            **dict.fromkeys(FLOATS, float | None),
        }
        values: Any = list
        self._flat: dict[str, Any] = {name: msgspec.json.Decoder(values[kind]) for name, kind in kinds.items()}
        self._nested: dict[str, Any] = {
            name: msgspec.json.Decoder(values[values[kind]]) for name, kind in kinds.items()
        }

    def numbers(self, tensor: InputTensor) -> npt.NDArray[Any]:
        """Return the values in row-major order, as an array of the data type.

        Raises:
            MalformedBody: the data do not have the shape or the data type.
        """
        return _from_bytes(tensor) if tensor.is_binary else _as_array(tensor, self._from_json(tensor))

    def texts(self, tensor: InputTensor) -> list[bytes | None]:
        """Return the values of BYTES in UTF-8, which is not checked. An empty text is a missing value, None: the binary
        form has no null.

        Raises:
            MalformedBody: the data do not have the shape or the data type.
        """
        if tensor.is_binary:
            return [text or None for text in _unpack(tensor)]
        return [text.encode(errors="surrogatepass") if text else None for text in self._from_json(tensor)]

    def _from_json(self, tensor: InputTensor) -> list[Any]:
        if find_end(bytes(tensor.data), VALUE_TOKENS * tensor.size + 2) is not None:  # before they become objects
            raise MalformedBody(f"input {tensor.name}: its shape has {tensor.size:,} values, but its data more")
        try:
            if NESTED.match(tensor.data):
                values = _flatten(tensor, self._nested[tensor.datatype].decode(tensor.data))
            else:
                values = self._flat[tensor.datatype].decode(tensor.data)
        except msgspec.ValidationError as error:
            raise MalformedBody(f"input {tensor.name}: data of {tensor.datatype}: {cut_text(error)}") from error
        if len(values) != tensor.size:
            raise MalformedBody(
                f"input {tensor.name}: its shape has {tensor.size:,} values, but its data {len(values):,}"
            )
        return values


def _flatten(tensor: InputTensor, rows: list[list[Any]]) -> list[Any]:
    width = tensor.shape[1] if len(tensor.shape) > 1 else None
    if any(len(row) != width for row in rows):
        raise MalformedBody(f"input {tensor.name}: its nested data do not have the shape {list(tensor.shape)}")
    return list(chain.from_iterable(rows))


def _as_array(tensor: InputTensor, values: list[Any]) -> npt.NDArray[Any]:
    try:
        if tensor.datatype in FLOATS:  # through 64 bits, in which None becomes NaN
            with np.errstate(over="ignore"):  # infinity is refused with the contract
                return np.array(values, dtype=np.float64).astype(DATATYPES[tensor.datatype])
        return np.array(values, dtype=DATATYPES[tensor.datatype])
    except OverflowError as error:
        raise MalformedBody(f"input {tensor.name}: a value does not fit into {tensor.datatype}") from error


def _from_bytes(tensor: InputTensor) -> npt.NDArray[Any]:
    kind = np.dtype(DATATYPES[tensor.datatype])
    expected = kind.itemsize * tensor.size
    if len(tensor.data) != expected:
        raise MalformedBody(
            f"input {tensor.name}: {tensor.size:,} values of {tensor.datatype} are {expected:,} bytes, "
            f"not {len(tensor.data):,}"
        )
    if tensor.datatype == BOOL and np.frombuffer(tensor.data, dtype=np.uint8).max() > 1:
        raise MalformedBody(f"input {tensor.name}: each BOOL is one byte, 0 or 1")
    return np.frombuffer(tensor.data, dtype=kind)


def _unpack(tensor: InputTensor) -> list[bytes]:
    """Return the elements, each of which is its length in four bytes and then its text."""
    data, start, texts = bytes(tensor.data), 0, []
    for _ in range(tensor.size):
        begin = start + LENGTH_BYTES
        start = begin + int.from_bytes(data[start:begin], "little")
        texts.append(data[begin:start])
    if start != len(data):
        raise MalformedBody(
            f"input {tensor.name}: {tensor.size:,} texts with their lengths are {start:,} bytes, not {len(data):,}"
        )
    return texts
