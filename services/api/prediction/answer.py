"""The response to a prediction request, with the model, data and code that it comes from."""

from __future__ import annotations

import orjson

from services.api.model.loaded import Model
from services.api.prediction.targets.target import Predicted, ServedTarget

__all__ = ["JsonAnswer", "describe_model"]

BLOCK_ROWS = 4096
"""Rows that are written at a time."""


def describe_model(model: Model) -> dict[str, str]:
    """Return the name, version and lineage of a model."""
    lineage = model.bundle.manifest.lineage
    return {
        "name": model.name,
        "version": model.version,
        "run_id": lineage.run_id,
        "git_commit": lineage.git_commit,
        "data_md5": lineage.data_md5,
    }


class JsonAnswer:
    """Writes responses of one model. What is the same in all of them is converted to JSON once."""

    def __init__(self, model: Model, target: ServedTarget) -> None:
        """Prepare the constant parts."""
        self._rows = target.rows
        self._begin = b'{"model":%b,"predictions":' % orjson.dumps(describe_model(model))

    def write(self, predicted: Predicted, *, feedback_token: str, request_id: str) -> bytes:
        """Return the body. The token and the id contain no character that JSON escapes."""
        return b'%b%b,"feedback_token":"%b","request_id":"%b"}' % (
            self._begin,
            self._write_predictions(predicted),
            feedback_token.encode(),
            request_id.encode(),
        )

    def _write_predictions(self, predicted: Predicted) -> bytes:
        """Return the list in JSON; of many rows, only a part at a time becomes Python objects."""
        rows = len(predicted.outputs)
        if rows <= BLOCK_ROWS:
            return orjson.dumps(self._rows(predicted, 0, rows))
        blocks = range(0, rows, BLOCK_ROWS)
        parts = (orjson.dumps(self._rows(predicted, start, start + BLOCK_ROWS)) for start in blocks)
        return b"[%b]" % b",".join(part[1:-1] for part in parts)
