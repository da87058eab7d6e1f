"""Examine a model before it is served: does it predict its own example, and does lignum give XGBoost's numbers?"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from bundle import Bundle, Contract
from services.api.errors import BundleRefused
from services.api.model.booster import load_booster, predict
from services.api.model.encoding import encode
from services.api.model.evaluator import DIFFERENT, FAILED, UNSUPPORTED, VERIFIED, lignum_evaluator, load_lignum
from services.api.model.split_rows import rows_at_splits

__all__ = ["ROWS", "examine"]

ROWS = 10_000

log = logging.getLogger("espalier.api.model")


def examine(bundle: Bundle) -> str:
    """Return one of ``evaluator.REASONS``.

    Raises:
        BundleRefused: not a booster, or no probability for the example.
    """
    contract, booster = bundle.contract, load_booster(bundle.model)
    if booster.num_features() != len(contract.features):
        raise BundleRefused(
            f"the bundle's model has {booster.num_features()} features, but its contract has {len(contract.features)}"
        )
    probability = float(predict(booster, encode([contract.example], contract))[0])
    if not 0 <= probability <= 1:
        raise BundleRefused(
            f"the bundle's model predicts {probability} for its own example, which is not a probability"
        )
    try:
        return _compare(booster, bundle.model, contract)
    except Exception as error:  # whatever is wrong with lignum, XGBoost can predict
        log.warning("lignum cannot evaluate this model", extra={"error": str(error).partition("\n")[0][:200]})
        return FAILED


def _compare(booster: Any, content: bytes, contract: Contract) -> str:
    """Compare margins and probabilities, bit for bit, on rows that lie on the split points."""
    rows = rows_at_splits(booster, contract, rows=ROWS)
    if rows is None:
        return UNSUPPORTED
    margins = booster.inplace_predict(rows, predict_type="margin", validate_features=False)
    found = load_lignum(content).predict(rows, raw_score=True, n_jobs=1).astype(np.float32)
    probabilities = lignum_evaluator(content).predict(rows)
    if np.array_equal(found, np.ravel(margins)) and np.array_equal(probabilities, predict(booster, rows)):
        return VERIFIED
    log.warning("lignum differs from XGBoost on this model")
    return DIFFERENT
