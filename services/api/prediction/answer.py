"""The response to a prediction request, with the model, data and code that it comes from."""

from __future__ import annotations

import orjson

from services.api.model.loaded import Model
from services.api.prediction.predict import Predicted

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

    def __init__(self, model: Model) -> None:
        """Prepare the constant parts."""
        self._features = [feature.name for feature in model.bundle.contract.features]
        self._labels = model.label_names
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
        rows = len(predicted.probabilities)
        if rows <= BLOCK_ROWS:
            return orjson.dumps(self._predictions(predicted, 0, rows))
        blocks = range(0, rows, BLOCK_ROWS)
        parts = (orjson.dumps(self._predictions(predicted, start, start + BLOCK_ROWS)) for start in blocks)
        return b"[%b]" % b",".join(part[1:-1] for part in parts)

    def _predictions(self, predicted: Predicted, start: int, stop: int) -> list[dict[str, object]]:
        labels = self._labels
        positives, probabilities = predicted.positive[start:stop].tolist(), predicted.probabilities[start:stop].tolist()
        predictions: list[dict[str, object]] = [
            {"label": labels[positive], "probability": probability}
            for positive, probability in zip(positives, probabilities, strict=True)
        ]
        if predicted.contributions is not None:
            for prediction, values in zip(predictions, predicted.contributions[start:stop].tolist(), strict=True):
                prediction["contributions"] = dict(zip(self._features, values[:-1], strict=True))
                prediction["base_value"] = values[-1]
        return predictions
