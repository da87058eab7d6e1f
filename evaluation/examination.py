"""Examine a model before it is served: does it predict what the gate recorded, and who may evaluate it?

lignum is asked first. XGBoost is imported only if lignum may not evaluate the model, or if another release of XGBoost
than the installed one wrote it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import numpy.typing as npt

from bundle import Bundle, InvalidModel
from bundle.golden_rows import GoldenRows
from evaluation.evaluator import (
    DIFFERENT,
    FAILED,
    NO_GOLDEN_ROWS,
    UNSUPPORTED,
    VERIFIED,
    XGBOOST_DIFFERENT,
    load_lignum,
    predict_with_lignum,
)
from evaluation.example import check_example

__all__ = ["examine", "examine_xgboost"]

SINGLE_ROWS = 1000
"""How many golden rows lignum predicts one at a time, which takes another way through its code than many rows."""

XGBOOST = "xgboost-cpu"

Floats = npt.NDArray[np.float32]

log = logging.getLogger("espalier.evaluation")


def examine(bundle: Bundle) -> str:
    """Return one of ``evaluator.REASONS``.

    Raises:
        InvalidModel: not a booster, other features or outputs than in the contract, or no prediction for the example.
    """
    golden = bundle.golden_rows
    if golden is None:
        return examine_xgboost(bundle, NO_GOLDEN_ROWS)
    if golden.booster != "gbtree" or bundle.contract.target.quantiles:
        return examine_xgboost(bundle, UNSUPPORTED)
    try:
        model = load_lignum(bundle.model, bundle.contract)
        is_equal = _equals(model, golden)
    except Exception as error:  # whatever is wrong with lignum, XGBoost can predict
        log.warning("lignum cannot evaluate this model", extra={"error": str(error).partition("\n")[0][:200]})
        return examine_xgboost(bundle, FAILED)
    if not is_equal:
        log.warning("lignum differs from what the gate recorded for this model")
        return examine_xgboost(bundle, DIFFERENT)
    check_example(bundle.contract, lambda matrix: predict_with_lignum(model, matrix))
    if _gates_xgboost(bundle) != _installed_xgboost():
        _load_checked(bundle)  # it explains predictions; the gate has only shown that its own release reads the file
    return VERIFIED


def examine_xgboost(bundle: Bundle, reason: str) -> str:
    """Return why XGBoost evaluates the model: ``reason``, or that its own numbers are not the recorded ones.

    Raises:
        InvalidModel: as for ``examine``.
    """
    from evaluation.booster import predict

    booster, golden = _load_checked(bundle), bundle.golden_rows
    check_example(bundle.contract, lambda matrix: predict(booster, matrix))
    if golden is None:
        return reason
    margins = booster.inplace_predict(golden.rows, predict_type="margin", validate_features=False)
    if _is_equal(margins, golden.margins) and _is_equal(predict(booster, golden.rows), golden.predictions):
        return reason
    difference = float(np.abs(np.reshape(margins, golden.margins.shape) - golden.margins).max())
    log.warning(
        "XGBoost differs from what the gate recorded for this model",
        extra={"margin_difference": difference, "gate": _gates_xgboost(bundle), "installed": _installed_xgboost()},
    )
    return XGBOOST_DIFFERENT


def _equals(model: Any, golden: GoldenRows) -> bool:
    margins = _in_two_ways(lambda rows: predict_with_lignum(model, rows, raw_score=True), golden.rows)
    probabilities = _in_two_ways(lambda rows: predict_with_lignum(model, rows), golden.rows)
    return _is_equal(margins, golden.margins) and _is_equal(probabilities, golden.predictions)


def _in_two_ways(predict: Callable[[Floats], Floats], rows: Floats) -> Floats:
    """Return (n,) or (n, outputs) values: of the first rows one at a time, of the others at once."""
    singles = [predict(rows[index : index + 1]) for index in range(SINGLE_ROWS)]
    return np.concatenate([*singles, predict(rows[SINGLE_ROWS:])])


def _is_equal(found: Floats, recorded: Floats) -> bool:
    """Compare bits: also -0 and 0 differ."""
    return found.astype(np.float32).tobytes() == recorded.tobytes()


def _load_checked(bundle: Bundle) -> Any:
    """Return XGBoost's booster."""
    from evaluation.booster import load_booster

    booster, features = load_booster(bundle.model), len(bundle.contract.features)
    if booster.num_features() != features:
        raise InvalidModel(f"the bundle's model has {booster.num_features()} features, but its contract has {features}")
    return booster


def _gates_xgboost(bundle: Bundle) -> str:
    """Return the release that wrote and loaded the model, and counted its features; "unknown" if none is named."""
    return bundle.manifest.lineage.libraries.get(XGBOOST, "unknown")


def _installed_xgboost() -> str:
    try:
        return version(XGBOOST)
    except PackageNotFoundError:
        return "another package"
