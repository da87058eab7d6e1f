# mypy: ignore-errors
# Its packages are in an environment of its own.
"""A BentoML service with one worker; it reads the model's path from BENCHMARK_MODEL."""

import os

import bentoml
import numpy as np
import xgboost as xgb


@bentoml.service(workers=1, traffic={"timeout": 60})
class Benchmark:
    """One booster."""

    def __init__(self) -> None:
        """Load it."""
        self.booster = xgb.Booster({"nthread": 1})
        self.booster.load_model(os.environ["BENCHMARK_MODEL"])

    @bentoml.api
    def predict(self, data: np.ndarray) -> np.ndarray:
        """Predict rows."""
        return self.booster.inplace_predict(data.astype(np.float32), validate_features=False)
