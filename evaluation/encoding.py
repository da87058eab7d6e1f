"""Encode validated rows as the matrix for the booster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bundle import Contract

__all__ = ["encode"]


def encode(rows: Sequence[Mapping[str, Any]], contract: Contract) -> npt.NDArray[np.float32]:
    """Return (n, features) float32 in the contract's order: categories as codes, null and unknown ones as NaN.

    The numbers are the same as in the encoding of the pipelines; a test in tests/contracts compares the two.
    """
    matrix = np.empty((len(rows), len(contract.features)), dtype=np.float32)
    for index, feature in enumerate(contract.features):
        name, codes = feature.name, feature.categories
        values: list[Any] = [row.get(name) for row in rows] if feature.optional else [row[name] for row in rows]
        if codes is not None:
            values = [codes.get(value) for value in values]
        matrix[:, index] = np.array(values, dtype=np.float64)
    return matrix
