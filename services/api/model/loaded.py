"""The loaded model: probabilities and explanations for a matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from bundle import Bundle, BundleError
from services.api.errors import BundleRefused
from services.api.model.encoding import encode
from services.api.model.evaluator import Evaluator, choose_evaluator
from services.api.model.requested import RequestedModel
from services.api.model.source import ServedBundle

__all__ = ["Model", "load_model"]

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Model:
    """One version, ready to predict."""

    name: str
    version: str
    bundle: Bundle
    booster: xgb.Booster
    evaluator: Evaluator
    source: str = "registry"
    """Where its bundle came from: one of ``source.SOURCES``."""

    def predict(self, matrix: Matrix) -> npt.NDArray[np.float32]:
        """Return (n,) probabilities of the positive class for (n, features), without a lock: threads may share this."""
        return self.evaluator.predict(matrix)

    def explain(self, matrix: Matrix) -> npt.NDArray[np.float32]:
        """Return (n, features + 1) SHAP values in log-odds; the last column is the base value.

        Source: Lundberg et al., From local explanations to global understanding with explainable AI for trees, 2020.
        """
        contract = self.bundle.contract
        rows = xgb.DMatrix(
            matrix,
            feature_names=[feature.name for feature in contract.features],
            feature_types=contract.feature_types,
            enable_categorical=True,
            nthread=1,
        )
        return np.asarray(self.booster.predict(rows, pred_contribs=True, validate_features=False), dtype=np.float32)

    @property
    def label_names(self) -> tuple[str, str]:
        """The negative and the positive label."""
        return self.bundle.contract.target.classes

    @property
    def threshold(self) -> float:
        """A probability at or above it gets the positive label."""
        return self.bundle.contract.target.threshold


def load_model(served: ServedBundle, requested: RequestedModel) -> Model:
    """Read the bundle again in this process, load the booster, and check that it predicts its own example.

    Raises:
        BundleRefused: not verified, not a booster, or no probability for the example.
    """
    try:
        bundle = requested.read(served.folder, served.version)
        booster = xgb.Booster({"nthread": 1})  # also while it loads: threads of OpenMP do not survive a fork
        booster.load_model(bytearray(bundle.model))
    except (BundleError, xgb.core.XGBoostError) as error:
        reason = str(error).partition("\n")[0]  # XGBoost appends a C++ stack
        raise BundleRefused(f"the bundle of {served.name} version {served.version} is refused: {reason}") from error
    booster.set_param({"nthread": 1})  # one row is too little work to share, and every worker has its own core
    evaluator = choose_evaluator(booster, bundle.model, bundle.contract)
    model = Model(served.name, served.version, bundle, booster, evaluator, served.source)
    _check_itself(model)
    return model


def _check_itself(model: Model) -> None:
    contract = model.bundle.contract
    if model.booster.num_features() != len(contract.features):
        raise BundleRefused(
            f"the booster of version {model.version} has {model.booster.num_features()} features, but its contract has "
            f"{len(contract.features)}"
        )
    probability = float(model.predict(encode([contract.example], contract))[0])
    if not 0 <= probability <= 1:
        raise BundleRefused(
            f"version {model.version} predicts {probability} for its own example, which is not a probability"
        )
