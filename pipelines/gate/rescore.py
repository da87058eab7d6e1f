"""Measure the candidate again, so that the gate judges the model and not what metrics.json says about it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from bundle import BundleMetrics
from pipelines.config.params import EvaluateParams, describe_problems
from pipelines.config.schema import Schema
from pipelines.dataset.files import MEASURED_MODEL, METRICS_JSON, TEST, read_prepared
from pipelines.errors import AlteredData, InvalidData, MissingData
from pipelines.model.matrix import encode
from pipelines.model.measure import measure, predict
from pipelines.model.trained import read_model, read_training

__all__ = ["TOLERANCE", "verify_metrics"]

TOLERANCE = 1e-6
"""How far a recorded figure may lie from the one measured here: sums in another order, and nothing more."""


def verify_metrics(schema: Schema, params: EvaluateParams) -> BundleMetrics:
    """Score measured.ubj on test.parquet again, and return what was measured.

    Raises:
        AlteredData: metrics.json says something else.
        InvalidData: metrics.json is not what ``evaluate`` writes.
        MissingData: a file of the stages before is not there.
    """
    claimed = _claimed()
    booster, contract = read_model(MEASURED_MODEL)
    rows = read_prepared(TEST)
    measured = measure(
        rows, predict(booster, encode(rows, contract)), schema, params, final_fit=read_training().final_fit
    )
    difference = next(_differences(claimed.model_dump(), measured.model_dump()), None)
    if difference is not None:
        where, said, found = difference
        raise AlteredData(
            f"{METRICS_JSON} says that {where} is {said}, but {MEASURED_MODEL} scored on {TEST} gives {found}: the "
            "files are not of one run, or were changed; train again"
        )
    return measured


def _claimed() -> BundleMetrics:
    try:
        return BundleMetrics.model_validate_json(METRICS_JSON.read_bytes())
    except FileNotFoundError as error:
        raise MissingData(f"{METRICS_JSON} is not there; run: python -m pipelines.stages.evaluate") from error
    except ValidationError as error:
        raise InvalidData(describe_problems(METRICS_JSON, error)) from error


def _differences(claimed: dict[str, Any], measured: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    said, found = dict(_figures(claimed)), dict(_figures(measured))
    for where in [*said, *(found.keys() - said.keys())]:
        if not _same(said.get(where), found.get(where)):
            yield where, said.get(where), found.get(where)


def _figures(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each figure with its place, such as ``slices[0].scores.roc_auc``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _figures(inner, f"{where}.{key}" if where else key)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _figures(inner, f"{where}[{number}]")
    else:
        yield where, value


def _same(claimed: Any, measured: Any) -> bool:
    if isinstance(claimed, float) and isinstance(measured, float):
        return math.isclose(claimed, measured, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(claimed == measured)
