"""The response to a prediction request as an Arrow IPC stream."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from services.api.model.loaded import Model
from services.api.prediction.answer import describe_model
from services.api.prediction.columnar.arrow_messages import DICTIONARY, END, RECORDS, SCHEMA, write_message
from services.api.prediction.columnar.flatbuffers import (
    BOOL,
    INT16,
    INT32,
    INT64,
    UINT8,
    Number,
    Structs,
    Written,
)
from services.api.prediction.targets.target import Predicted, ServedTarget

__all__ = ["ArrowAnswer"]

FLOAT, UTF8 = 3, 5
SINGLE = Number(INT16, 1)
PADDING = 64
"""Buffers begin at multiples of it, as Arrow recommends."""


class ArrowAnswer:
    """Writes responses of one model: the label if there are classes, numbers, and explanations if requested."""

    def __init__(self, model: Model, target: ServedTarget) -> None:
        """Prepare the constant parts."""
        self._model, self._target = json.dumps(describe_model(model)), target
        self._labels = _dictionary(target.classes) if target.classes else b""

    def write(self, predicted: Predicted, *, feedback_token: str, request_id: str) -> bytes:
        """Return the stream, with the model, the token and the id in the schema's metadata."""
        target, codes = self._target, predicted.codes
        names = target.number_columns if predicted.contributions is None else target.all_columns
        metadata = {"model": self._model, "feedback_token": feedback_token, "request_id": request_id}
        columns = [] if codes is None else [(b"", codes.tobytes())]
        columns += [(b"", column.astype("<f4", copy=False).tobytes()) for column in target.numbers(predicted)]
        batch, body = _batch(len(predicted.outputs), columns)
        schema = _schema(names, metadata, has_label=codes is not None)
        return b"".join((schema, self._labels, write_message(RECORDS, batch, body), END))


def _schema(names: Sequence[str], metadata: dict[str, str], *, has_label: bool) -> bytes:
    """Return the message with the columns: the label, and 32-bit numbers with these names."""
    int8: Written = {0: Number(INT32, 8), 1: Number(BOOL, True)}
    label: Written = {0: "label", 2: Number(UINT8, UTF8), 3: {}, 4: {0: Number(INT64, 0), 1: int8}, 5: []}
    numbers: list[Written] = [{0: name, 2: Number(UINT8, FLOAT), 3: {0: SINGLE}, 5: []} for name in names]
    texts = [{0: key, 1: value} for key, value in metadata.items()]
    return write_message(SCHEMA, {1: [label, *numbers] if has_label else numbers, 2: texts})


def _dictionary(labels: Sequence[str]) -> bytes:
    """Return the message with the texts of the labels' codes."""
    texts = [label.encode() for label in labels]
    offsets = np.cumsum([0, *map(len, texts)], dtype="<i4")
    batch, body = _batch(len(texts), [(b"", offsets.tobytes(), b"".join(texts))])
    return write_message(DICTIONARY, {0: Number(INT64, 0), 1: batch}, body)


def _batch(rows: int, columns: Sequence[Sequence[bytes]]) -> tuple[Written, bytes]:
    """Return the metadata of a record batch without missing values, and its buffers, which are given by column."""
    parts, places, offset = [], [], 0
    for buffer in (buffer for column in columns for buffer in column):
        places.append((offset, len(buffer)))
        parts += [buffer, bytes(-len(buffer) % PADDING)]
        offset += len(buffer) + -len(buffer) % PADDING
    nodes = Structs(np.array([(rows, 0)] * len(columns)))
    return {0: Number(INT64, rows), 1: nodes, 2: Structs(np.array(places))}, b"".join(parts)
