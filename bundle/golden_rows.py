"""golden_rows.safetensors: rows and what XGBoost predicted for them when the gate judged the model.

Whoever evaluates the model later must give these numbers, bit for bit. The rows are made, not taken from the data. The
file has the format safetensors (header in JSON, then the arrays as little-endian float32), with exactly one possible
header for a number of features, so reading it is a comparison and not a parser.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from bundle.errors import MalformedBundle
from bundle.layout import GOLDEN_ROWS

__all__ = ["ROWS", "BoosterKind", "GoldenRows", "read_golden_rows"]

ROWS = 10_000

BoosterKind = Literal["gbtree", "dart"]
"""A plain sum of trees, or one with weights."""

KINDS: tuple[BoosterKind, ...] = ("gbtree", "dart")
ALIGNMENT = 8
"""Of the arrays in the file, by safetensors."""

FLOAT32 = np.dtype("<f4")

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class GoldenRows:
    """(ROWS, features) encoded rows with NaN for missing values, and (ROWS,) margins and probabilities."""

    booster: BoosterKind
    rows: Floats
    margins: Floats
    probabilities: Floats

    def to_bytes(self) -> bytes:
        """Return the content of the file: the same for the same arrays."""
        arrays = (self.rows, self.margins, self.probabilities)
        return _header(self.rows.shape[1], self.booster) + b"".join(array.astype(FLOAT32).tobytes() for array in arrays)


def read_golden_rows(content: bytes, *, features: int) -> GoldenRows:
    """Return the arrays in a file's content, without copying them.

    Args:
        features: how many the model has, by its contract.

    Raises:
        MalformedBundle: not the one header or size for this number of features, an infinite value, or numbers that are
            not margins or probabilities.
    """
    headers = {kind: _header(features, kind) for kind in KINDS}
    booster = next((kind for kind in KINDS if content.startswith(headers[kind])), None)
    if booster is None:
        raise MalformedBundle(f"{GOLDEN_ROWS} does not have the header of {ROWS:,} rows with {features} features")
    start, count = len(headers[booster]), ROWS * (features + 2)
    if len(content) != start + count * FLOAT32.itemsize:
        raise MalformedBundle(f"{GOLDEN_ROWS} has {len(content):,} bytes, but its header is of another size")
    values = np.frombuffer(content, FLOAT32, offset=start)
    rows, margins, probabilities = np.split(values, [ROWS * features, ROWS * (features + 1)])
    if np.isinf(rows).any():
        raise MalformedBundle(f"{GOLDEN_ROWS} has an infinite value in its rows")
    if not np.isfinite(margins).all():
        raise MalformedBundle(f"{GOLDEN_ROWS} has a margin that is not a number")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise MalformedBundle(f"{GOLDEN_ROWS} has a probability that is not between 0 and 1")
    return GoldenRows(booster, rows.reshape(ROWS, features), margins, probabilities)


def _header(features: int, booster: BoosterKind) -> bytes:
    """Return the length of the JSON text in eight bytes, and the text: type, shape and place of every array."""
    entries: dict[str, object] = {"__metadata__": {"booster": booster}}
    start = 0
    for name, shape in (("rows", [ROWS, features]), ("margins", [ROWS]), ("probabilities", [ROWS])):
        end = start + int(np.prod(shape)) * FLOAT32.itemsize
        entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(ALIGNMENT, "little") + text
