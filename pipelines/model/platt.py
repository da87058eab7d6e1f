"""Calibrate a model of two classes by changing its own leaves, so that whoever reads the file needs to know nothing.

Platt scaling replaces the margin m (log-odds) of a row by slope · m + intercept. A margin is the sum of a leaf of each
tree and of the base score, so the same comes from leaves that are multiplied by the slope, and another base score.
Source: Platt, Probabilistic Outputs for Support Vector Machines, 1999; docs/adr/0032-calibration-in-the-leaves.md.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb
from scipy.optimize import minimize
from scipy.special import expit, logit

from bundle import PlattScaling
from pipelines.errors import InvalidData
from pipelines.model.boosting import Fit
from pipelines.model.early_stopping import Divided, Search

__all__ = ["calibrated", "fit_platt", "platt_of", "scaled"]

Floats = npt.NDArray[np.float64]


def fit_platt(search: Search, divided: Divided) -> PlattScaling:
    """Fit slope and intercept on the validation rows, by the model that has not learned from them.

    Raises:
        InvalidData: the model ranks the validation rows no better than chance.
    """
    margins = search.booster.predict(
        divided.validation, output_margin=True, iteration_range=(0, search.stopped.rounds)
    ).astype(np.float64)
    return platt_of(margins, divided.validation.get_label().astype(np.float64))


def platt_of(margins: Floats, truth: Floats) -> PlattScaling:
    """Fit slope and intercept on (n,) margins of rows that were not learned, and their (n,) labels.

    Raises:
        InvalidData: the margins rank the rows no better than chance.
    """
    slope, intercept = _minimise(margins, truth)
    if slope <= 0:
        raise InvalidData(
            "train.calibrate: on the validation rows, a higher predicted probability does not mean a more frequent "
            f"class (slope {slope:.3g}); set calibrate to false, or take other validation rows (train.early_stopping)"
        )
    return PlattScaling(slope=slope, intercept=intercept)


def calibrated(fit: Fit, platt: PlattScaling | None) -> Fit:
    """Return the fit with calibrated leaves; unchanged without a calibration."""
    return fit if platt is None else replace(fit, booster=scaled(fit.booster, platt))


def scaled(booster: xgb.Booster, platt: PlattScaling) -> xgb.Booster:
    """Return the booster with leaves times the slope, and the base score that gives the intercept.

    Source: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html, the JSON schema of a model.
    """
    model = json.loads(booster.save_raw("json"))
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        leaves = [left == -1 for left in tree["left_children"]]
        values = zip(tree["split_conditions"], leaves, strict=True)
        # In the place of a split point, a leaf has its value.
        tree["split_conditions"] = [_times(value, platt.slope) if leaf else value for value, leaf in values]
        tree["base_weights"] = [_times(value, platt.slope) for value in tree["base_weights"]]
    parameters = model["learner"]["learner_model_param"]
    base = logit(float(parameters["base_score"].strip("[]")))
    parameters["base_score"] = f"[{expit(platt.slope * base + platt.intercept):.9E}]"
    made = xgb.Booster()
    made.load_model(bytearray(json.dumps(model).encode()))
    return made


def _times(value: float, slope: float) -> float:
    return float(np.float32(value) * np.float32(slope))


def _minimise(margins: Floats, truth: Floats) -> tuple[float, float]:
    """Return slope and intercept of the smallest log loss; Platt's targets keep them finite if the classes part."""
    positive, negative = truth.sum(), len(truth) - truth.sum()
    targets = np.where(truth == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(line: Floats) -> tuple[float, Any]:
        shifted = line[0] * margins + line[1]
        errors = expit(shifted) - targets
        value = np.mean(np.logaddexp(0, shifted) - targets * shifted)
        return float(value), np.array([np.mean(errors * margins), np.mean(errors)])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS")
    return float(found.x[0]), float(found.x[1])
