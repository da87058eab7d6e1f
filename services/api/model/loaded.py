"""The model in memory: probabilities and explanations for a matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from bundle import Bundle, BundleError
from services.api.errors import BundleRefused
from services.api.model.encoding import encode
from services.api.model.source import ServedBundle
from services.api.model.wanted import WantedModel

__all__ = ["Model", "load_model"]

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Model:
    """One version, ready to predict."""

    name: str
    version: str
    bundle: Bundle
    booster: xgb.Booster
    source: str = "registry"
    """Where its bundle came from: one of ``source.SOURCES``."""

    def predict(self, matrix: Matrix) -> npt.NDArray[np.float32]:
        """Return (n,) probabilities of the positive class for (n, features).

        ``inplace_predict`` makes no copy of the rows, takes no lock, and gives the same numbers as a DMatrix does.
        """
        return np.asarray(self.booster.inplace_predict(matrix, validate_features=False), dtype=np.float32)

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


def load_model(served: ServedBundle, wanted: WantedModel) -> Model:
    """Read the bundle again, in the process that will use it, load the booster and let it predict its own example.

    Raises:
        BundleRefused: refused, not a booster, or an example without a probability.
    """
    try:
        bundle = wanted.read(served.folder, served.version)
        booster = xgb.Booster()
        booster.load_model(bytearray(bundle.model))
    except (BundleError, xgb.core.XGBoostError) as error:
        reason = str(error).partition("\n")[0]  # XGBoost's go on with a C++ stack
        raise BundleRefused(f"the bundle of {served.name} version {served.version} is refused: {reason}") from error
    booster.set_param({"nthread": 1})  # one row is too little work to share, and every worker has a core of its own
    model = Model(served.name, served.version, bundle, booster, served.source)
    _check_itself(model)
    return model


def _check_itself(model: Model) -> None:
    contract = model.bundle.contract
    if model.booster.num_features() != len(contract.features):
        raise BundleRefused(
            f"the booster of version {model.version} takes {model.booster.num_features()} features, its contract has "
            f"{len(contract.features)}"
        )
    probability = float(model.predict(encode([contract.example], contract))[0])
    if not 0 <= probability <= 1:
        raise BundleRefused(f"version {model.version} gives {probability} for its own example, not a probability")
