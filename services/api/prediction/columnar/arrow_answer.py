"""The response to a prediction request as an Arrow IPC stream."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

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
from services.api.prediction.predict import Predicted

__all__ = ["ArrowAnswer"]

FLOAT, UTF8 = 3, 5
SINGLE = Number(INT16, 1)
PADDING = 64
"""Buffers begin at multiples of it, as Arrow recommends."""


class ArrowAnswer:
    """Writes responses of one model: label, probability and, if requested, the contributions of the features."""

    def __init__(self, model: Model) -> None:
        """Prepare the constant parts."""
        self._model = json.dumps(describe_model(model))
        self._features = [f"contribution.{feature.name}" for feature in model.bundle.contract.features]
        texts = [label.encode() for label in model.label_names]
        offsets = np.array([0, len(texts[0]), len(texts[0]) + len(texts[1])], dtype="<i4")
        batch, body = _batch(2, [(b"", offsets.tobytes(), b"".join(texts))])
        self._labels = write_message(DICTIONARY, {0: Number(INT64, 0), 1: batch}, body)

    def write(self, predicted: Predicted, *, feedback_token: str, request_id: str) -> bytes:
        """Return the stream, with the model, the token and the id in the schema's metadata."""
        rows = len(predicted.probabilities)
        values: list[npt.NDArray[np.float32]] = [predicted.probabilities]
        names = ["probability"]
        if predicted.contributions is not None:
            names += ["base_value", *self._features]
            values += [predicted.contributions[:, -1], *predicted.contributions[:, :-1].T]
        metadata = {"model": self._model, "feedback_token": feedback_token, "request_id": request_id}
        columns = [(b"", predicted.positive.tobytes())]
        columns += [(b"", column.astype("<f4", copy=False).tobytes()) for column in values]
        batch, body = _batch(rows, columns)
        return b"".join((_schema(names, metadata), self._labels, write_message(RECORDS, batch, body), END))


def _schema(names: Sequence[str], metadata: dict[str, str]) -> bytes:
    """Return the message with the columns: the label, and 32-bit numbers with these names."""
    int8: Written = {0: Number(INT32, 8), 1: Number(BOOL, True)}
    label: Written = {0: "label", 2: Number(UINT8, UTF8), 3: {}, 4: {0: Number(INT64, 0), 1: int8}, 5: []}
    numbers: list[Written] = [{0: name, 2: Number(UINT8, FLOAT), 3: {0: SINGLE}, 5: []} for name in names]
    texts = [{0: key, 1: value} for key, value in metadata.items()]
    return write_message(SCHEMA, {1: [label, *numbers], 2: texts})


def _batch(rows: int, columns: Sequence[Sequence[bytes]]) -> tuple[Written, bytes]:
    """Return the metadata of a record batch without missing values, and its buffers, which are given by column."""
    parts, places, offset = [], [], 0
    for buffer in (buffer for column in columns for buffer in column):
        places.append((offset, len(buffer)))
        parts += [buffer, bytes(-len(buffer) % PADDING)]
        offset += len(buffer) + -len(buffer) % PADDING
    nodes = Structs(np.array([(rows, 0)] * len(columns)))
    return {0: Number(INT64, rows), 1: nodes, 2: Structs(np.array(places))}, b"".join(parts)
