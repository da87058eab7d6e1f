# mypy: ignore-errors
# Its packages are in an environment of its own.
"""KServe's ModelServer with a custom model, as its documentation shows.

Usage: serve.py PORT MODEL
"""

import sys

import xgboost as xgb
from kserve import Model, ModelServer
from kserve.utils.utils import get_predict_input, get_predict_response


class Benchmark(Model):
    """One booster."""

    def __init__(self, name: str, path: str) -> None:
        """Load it."""
        super().__init__(name)
        self.booster = xgb.Booster({"nthread": 1})
        self.booster.load_model(path)
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):  # noqa: ARG002 (KServe's)
        """Predict the instances of a request."""
        rows = get_predict_input(payload)
        return get_predict_response(payload, self.booster.inplace_predict(rows, validate_features=False), self.name)


if __name__ == "__main__":
    server = ModelServer(http_port=int(sys.argv[1]), workers=1, enable_grpc=False, enable_latency_logging=False)
    server.start([Benchmark("benchmark", sys.argv[2])])
