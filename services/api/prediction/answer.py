"""The response to a prediction request, with the model, data and code that it comes from."""

from __future__ import annotations

import orjson

from services.api.model.loaded import Model
from services.api.prediction.predict import Predicted

__all__ = ["JsonAnswer", "describe_model"]


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
            orjson.dumps(self._predictions(predicted)),
            feedback_token.encode(),
            request_id.encode(),
        )

    def _predictions(self, predicted: Predicted) -> list[dict[str, object]]:
        labels = self._labels
        predictions: list[dict[str, object]] = [
            {"label": labels[positive], "probability": probability}
            for positive, probability in zip(predicted.positive.tolist(), predicted.probabilities.tolist(), strict=True)
        ]
        if predicted.contributions is not None:
            for prediction, values in zip(predictions, predicted.contributions.tolist(), strict=True):
                prediction["contributions"] = dict(zip(self._features, values[:-1], strict=True))
                prediction["base_value"] = values[-1]
        return predictions
