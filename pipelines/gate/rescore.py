"""Measure the candidate again, so that the gate judges the model and not metrics.json."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from bundle import BundleMetrics
from pipelines.config.files import describe_problems
from pipelines.dataset.files import MEASURED_MODEL, METRICS_JSON, TEST, TRAINING_JSON
from pipelines.dataset.rows import FileRows
from pipelines.errors import AlteredData, InvalidData, MissingData
from pipelines.model.measure import measure, predict_rows
from pipelines.model.trained import read_model, read_training
from pipelines.targets.project import Project

__all__ = ["TOLERANCE", "verify_metrics"]

TOLERANCE = 1e-6
"""Allowed difference between a recorded and a measured value: rounding from another order of summation."""


def verify_metrics(project: Project) -> BundleMetrics:
    """Score measured.ubj on test.parquet again, and return the metrics.

    Raises:
        AlteredData: metrics.json has other values, or the model another number of rounds than training.json.
        InvalidData: metrics.json is malformed.
        MissingData: a file of an earlier stage is missing.
    """
    claimed = _claimed()
    booster, contract = read_model(MEASURED_MODEL)
    training = read_training()
    if training.early_stopping is not None and booster.num_boosted_rounds() != training.early_stopping.rounds:
        raise AlteredData(
            f"{MEASURED_MODEL} has {booster.num_boosted_rounds()} rounds, but {TRAINING_JSON} says that "
            f"{training.early_stopping.rounds} were best: the files are from different runs, or were modified; train "
            "again"
        )
    rows = FileRows(TEST)
    outputs = predict_rows(booster, rows, contract, title="predicting test rows")
    measured = measure(rows, outputs, project, training)
    difference = next(_differences(claimed.model_dump(), measured.model_dump()), None)
    if difference is not None:
        where, recorded, actual = difference
        raise AlteredData(
            f"{METRICS_JSON} has {where} = {recorded}, but {MEASURED_MODEL} scored on {TEST} gives {actual}: the files "
            "are from different runs, or were modified; train again"
        )
    return measured


def _claimed() -> BundleMetrics:
    try:
        return BundleMetrics.model_validate_json(METRICS_JSON.read_bytes())
    except FileNotFoundError as error:
        raise MissingData(f"{METRICS_JSON} not found; run: python -m pipelines.stages.evaluate") from error
    except ValidationError as error:
        raise InvalidData(describe_problems(METRICS_JSON, error)) from error


def _differences(claimed: dict[str, Any], measured: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    recorded, actual = dict(_figures(claimed)), dict(_figures(measured))
    for where in [*recorded, *(actual.keys() - recorded.keys())]:
        if not _same(recorded.get(where), actual.get(where)):
            yield where, recorded.get(where), actual.get(where)


def _figures(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value with its path, such as ``slices[0].scores.roc_auc``."""
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
