"""golden_rows.safetensors: rows and what XGBoost predicted for them when the gate judged the model.

Whoever evaluates the model later must give these numbers, bit for bit. The rows are made, not taken from the data. The
file has the format safetensors (header in JSON, then the arrays as little-endian float32), with few possible
headers for a number of features and a target, so reading it is a comparison and not a parser.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from bundle.errors import MalformedBundle
from bundle.layout import GOLDEN_ROWS
from bundle.target import Target

__all__ = ["ROWS", "BoosterKind", "GoldenRows", "read_golden_rows"]

ROWS = 10_000

BoosterKind = Literal["gbtree", "dart"]
"""A plain sum of trees, or one with weights."""

KINDS: tuple[BoosterKind, ...] = ("gbtree", "dart")
ALIGNMENT = 8
"""Of the arrays in the file, by safetensors."""

FLOAT32 = np.dtype("<f4")

PREDICTIONS, PROBABILITIES = "predictions", "probabilities"
"""Name of the last array in the file, and its name before there were targets without probabilities."""

Floats = npt.NDArray[np.float32]


SUM_TOLERANCE = 1e-4
"""Of the probabilities of a row, which are 32-bit numbers."""


@dataclass(frozen=True)
class GoldenRows:
    """(ROWS, features) encoded rows with NaN for missing values, and what the model gives for them.

    Margins and predictions have the shape (ROWS,), or (ROWS, outputs) for a target with more than one output.
    """

    booster: BoosterKind
    rows: Floats
    margins: Floats
    predictions: Floats
    """Probabilities, or values of a regression."""

    def to_bytes(self) -> bytes:
        """Return the content of the file: the same for the same arrays."""
        arrays = (self.rows, self.margins, self.predictions)
        outputs = 1 if self.margins.ndim == 1 else self.margins.shape[1]
        head = _header(self.rows.shape[1], outputs, self.booster, PREDICTIONS)
        return head + b"".join(array.astype(FLOAT32).tobytes() for array in arrays)


def read_golden_rows(content: bytes, *, features: int, target: Target) -> GoldenRows:
    """Return the arrays in a file's content, without copying them.

    Args:
        features: how many the model has, by its contract.
        target: what it predicts, by its contract.

    Raises:
        MalformedBundle: not the one header or size for this number of features and outputs, an infinite value, or
            numbers that are not margins or predictions.
    """
    outputs = target.outputs
    headers = {_header(features, outputs, kind, name): kind for kind in KINDS for name in (PREDICTIONS, PROBABILITIES)}
    header = next((header for header in headers if content.startswith(header)), None)
    if header is None:
        raise MalformedBundle(
            f"{GOLDEN_ROWS} does not have the header of {ROWS:,} rows with {features} features and {outputs} output(s)"
        )
    start, count = len(header), ROWS * (features + 2 * outputs)
    if len(content) != start + count * FLOAT32.itemsize:
        raise MalformedBundle(f"{GOLDEN_ROWS} has {len(content):,} bytes, but its header is of another size")
    values = np.frombuffer(content, FLOAT32, offset=start)
    rows, margins, predictions = np.split(values, [ROWS * features, ROWS * (features + outputs)])
    shape = _shape(outputs)
    golden = GoldenRows(
        headers[header], rows.reshape(ROWS, features), margins.reshape(shape), predictions.reshape(shape)
    )
    _check_values(golden, target)
    return golden


def _check_values(golden: GoldenRows, target: Target) -> None:
    predictions = golden.predictions
    if np.isinf(golden.rows).any():
        raise MalformedBundle(f"{GOLDEN_ROWS} has an infinite value in its rows")
    if not np.isfinite(golden.margins).all():
        raise MalformedBundle(f"{GOLDEN_ROWS} has a margin that is not a number")
    if target.type == "regression":
        if not np.isfinite(predictions).all():
            raise MalformedBundle(f"{GOLDEN_ROWS} has a prediction that is not a number")
    elif not ((predictions >= 0) & (predictions <= 1)).all():
        raise MalformedBundle(f"{GOLDEN_ROWS} has a probability that is not between 0 and 1")
    elif target.type == "multiclass" and np.abs(predictions.sum(axis=1) - 1).max() > SUM_TOLERANCE:
        raise MalformedBundle(f"{GOLDEN_ROWS} has probabilities of a row that do not add up to 1")


def _shape(outputs: int) -> tuple[int, ...]:
    return (ROWS,) if outputs == 1 else (ROWS, outputs)


def _header(features: int, outputs: int, booster: BoosterKind, last: str) -> bytes:
    """Return the length of the JSON text in eight bytes, and the text: type, shape and place of every array."""
    entries: dict[str, object] = {"__metadata__": {"booster": booster}}
    start = 0
    for name, shape in (("rows", (ROWS, features)), ("margins", _shape(outputs)), (last, _shape(outputs))):
        end = start + int(np.prod(shape)) * FLOAT32.itemsize
        entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(ALIGNMENT, "little") + text
