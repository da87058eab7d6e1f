"""The loaded model: predictions and explanations for a matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from bundle import Bundle, BundleError
from evaluation.evaluator import Evaluator, create_evaluator
from services.api.errors import BundleRefused
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
    """Without its golden rows, which nobody needs once it is examined."""

    evaluator: Evaluator
    source: str = "registry"
    """Where its bundle came from: one of ``source.SOURCES``."""

    def predict(self, matrix: Matrix) -> npt.NDArray[np.float32]:
        """Return (n,) or (n, outputs) predictions for (n, features), without a lock: threads may share this.

        ``Target.outputs`` says what they are.
        """
        return self.evaluator.predict(matrix)

    def explain(self, matrix: Matrix) -> npt.NDArray[np.float32]:
        """Return (n, features + 1) or (n, outputs, features + 1) SHAP values; the last column is the base value.

        The first call in a worker imports XGBoost, which takes a second.
        """
        from evaluation import booster

        return booster.explain(self.booster, matrix, self.bundle.contract)

    @cached_property
    def booster(self) -> Any:
        """XGBoost's booster, loaded when it is first used."""
        from evaluation import booster

        return booster.load_booster(self.bundle.model)


def load_model(
    served: ServedBundle, requested: RequestedModel, *, examine: Callable[[Bundle], str] | None = None
) -> Model:
    """Read the bundle again in this process, examine it, and load what evaluates it.

    Args:
        served: which version, and where its files are.
        requested: which model it must be, and whose signature it must have.
        examine: ``examination.examine`` in another process; None for this process.

    Raises:
        BundleRefused: not verified, not a booster of the contract, or no prediction for the example.
    """
    try:
        bundle = requested.read(served.folder, served.version)
        reason = (examine or _examine_here)(bundle)
        evaluator = create_evaluator(bundle.model, bundle.contract, reason)
    except (BundleError, BundleRefused) as error:
        raise BundleRefused(f"the bundle of {served.name} version {served.version} is refused: {error}") from error
    return Model(served.name, served.version, replace(bundle, golden_rows=None), evaluator, served.source)


def _examine_here(bundle: Bundle) -> str:
    from evaluation.examination import examine

    return examine(bundle)
