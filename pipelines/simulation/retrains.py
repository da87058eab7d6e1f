"""Train the same model again and again, and let the gate compare each with the one before.

All retrains learn from random rows of one training set with the same parameters, so none is better than the others but
by the luck of its rows and its seed. How often the gate calls one better is its rate of false alarms. Retrains whose
champion learned from fewer rows, or without some columns, are better for a reason; how often the gate finds that is its
power.

Only the test rows are the same for all comparisons, so the rates are of this test set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bundle import Contract, PlattScaling
from pipelines.config.params import GateParams, TrainParams
from pipelines.config.schema import Schema
from pipelines.dataset.rows import FrameRows, Rows
from pipelines.errors import InvalidParams
from pipelines.gate.blocks import MIN_BLOCKS, Blocks, blocks_in
from pipelines.gate.decision import decide_gains
from pipelines.gate.gains import Measure
from pipelines.model.boosting import train_booster
from pipelines.model.early_stopping import divide, find_rounds
from pipelines.model.matrix import build_contract, encode, example_row, labels
from pipelines.model.measure import predict
from pipelines.model.platt import calibrated, fit_platt
from pipelines.progress import Advance
from pipelines.simulation.summary import Comparison
from pipelines.targets.project import Project
from pipelines.targets.task import Outputs, Task, Truth

__all__ = ["Plan", "retrain"]


@dataclass(frozen=True)
class Plan:
    """What to simulate."""

    comparisons: int = 200
    rows: int | None = None
    """Rows that each model trains on; None: as many as the training set has, drawn with replacement."""

    champion_rows: int | None = None
    """Rows that each champion trains on, if it is handicapped by fewer."""

    without: tuple[str, ...] = ()
    """Columns that each champion does without."""

    seed: int = 0

    @property
    def models(self) -> int:
        """Number of models that are trained."""
        return 2 * self.comparisons if self.is_handicapped else self.comparisons + 1

    @property
    def is_handicapped(self) -> bool:
        """Whether the champions are made worse; if not, candidate and champion are alike."""
        return bool(self.without or self.champion_rows)


def retrain(
    train: pd.DataFrame, test: pd.DataFrame, project: Project, plan: Plan, advance: Advance
) -> Iterator[Comparison]:
    """Train the models of a plan, and yield what the gate finds in each comparison.

    Args:
        train, test: (n, k) and (m, k) prepared rows.
        advance: called after each model.

    Raises:
        InvalidParams: the plan does not fit the table.
    """
    _check(train, project.schema, plan)
    gate, blocks = project.params.register_.gate, blocks_in(test, project)
    if blocks.count < MIN_BLOCKS:
        raise InvalidParams(f"the test set has {blocks.count} blocks of register.gate.block; {MIN_BLOCKS} are needed")
    truth = labels(test, project.task)
    for champion, candidate in _pairs(train, test, project, plan, advance):
        yield compare(project.task, truth, champion, candidate, blocks, gate)


def _pairs(
    train: pd.DataFrame, test: pd.DataFrame, project: Project, plan: Plan, advance: Advance
) -> Iterator[tuple[Outputs, Outputs]]:
    """Yield champion and candidate: each model with the one before, or two new ones with different columns."""
    alike = _Maker(train, test, project, plan)
    if plan.is_handicapped:
        handicap = replace(plan, rows=plan.champion_rows or plan.rows)
        poorer = _Maker(train, test, replace(project, schema=_without(project.schema, plan.without)), handicap)
        for number in range(plan.comparisons):
            yield poorer.outputs(2 * number, advance), alike.outputs(2 * number + 1, advance)
        return
    champion = alike.outputs(0, advance)
    for number in range(1, plan.models):
        candidate = alike.outputs(number, advance)
        yield champion, candidate
        champion = candidate


def compare(
    task: Task[Any], truth: Truth, champion: Outputs, candidate: Outputs, blocks: Blocks, gate: GateParams
) -> Comparison:
    """Return what the gate finds in a first comparison of these models."""
    theirs, ours = champion.astype(np.float64), candidate.astype(np.float64)
    gains = Measure(task, gate.compare_by).gains(truth, theirs, ours, blocks.numbers)
    found = decide_gains(gains, gate, comparison=1)
    return Comparison(
        gain=found.estimate.gain, error=found.estimate.error, lower=found.lower, upper=found.upper, kind=found.kind
    )


def _check(train: pd.DataFrame, schema: Schema, plan: Plan) -> None:
    unknown = [name for name in plan.without if name not in schema.feature_names]
    if unknown:
        raise InvalidParams(f"{', '.join(unknown)}: no such feature in schema.yaml")
    if len(plan.without) == len(schema.feature_names):
        raise InvalidParams("the champion would have no feature left")
    for rows in (plan.rows, plan.champion_rows):
        if rows is not None and rows > len(train):
            raise InvalidParams(f"each model cannot train on {rows:,} different rows: there are {len(train):,}")


def _without(schema: Schema, names: tuple[str, ...]) -> Schema:
    left = tuple(feature for feature in schema.features if feature.name not in names)
    return schema.model_copy(update={"features": left})


class _Maker:
    """Trains models of one set of columns, and predicts the test rows."""

    def __init__(self, train: pd.DataFrame, test: pd.DataFrame, project: Project, plan: Plan) -> None:
        self._train, self._project, self._plan = train, project, plan
        self._contract: Contract = build_contract(
            FrameRows(train), project, example=example_row(FrameRows(test), project.schema)
        )
        self._test = encode(test, self._contract)

    def outputs(self, number: int, advance: Advance) -> Outputs:
        """Train model ``number`` on rows and with a seed of its own, and return its outputs for the m test rows."""
        random = np.random.default_rng([self._plan.seed, number])
        rows, count = len(self._train), self._plan.rows
        places = random.choice(rows, count, replace=False) if count else random.integers(0, rows, rows)
        params = self._project.params.train.model_copy(update={"seed": int(random.integers(2**31))})
        rows_of = FrameRows(self._train.iloc[places])
        params, platt = self._found(rows_of, _alone(params))
        fit = calibrated(train_booster(rows_of, self._contract, self._project.schema, params, _silent), platt)
        advance()
        return predict(fit.booster, self._test)

    def _found(self, rows: Rows, params: TrainParams) -> tuple[TrainParams, PlattScaling | None]:
        """Find number of rounds and calibration as ``train`` does, if it does."""
        if params.early_stopping is None:
            return params, None
        project = replace(self._project, params=self._project.params.model_copy(update={"train": params}))
        divided = divide(rows, self._contract, project, params.early_stopping)
        found = find_rounds(divided, self._contract, project, _silent)
        platt = fit_platt(found, divided) if params.calibrate else None
        return params.model_copy(update={"rounds": found.stopped.rounds}), platt


def _alone(params: TrainParams) -> TrainParams:
    """Use one thread unless the parameters say how many: for few rows, threads mostly wait for each other."""
    return params if params.threads else params.model_copy(update={"threads": 1})


def _silent(note: str = "") -> None:
    """Show nothing for each round: the progress is by model."""
