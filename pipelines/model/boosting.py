"""Boost trees on rows, and watch the learning curve."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xgboost as xgb

from bundle import Contract
from pipelines.config.schema import Schema
from pipelines.config.train_params import TrainParams
from pipelines.dataset.rows import Rows
from pipelines.dataset.trained_rows import TrainedRows, describe_rows
from pipelines.errors import InvalidParams
from pipelines.model.checkpoint import Checkpoint, train_or_continue
from pipelines.model.matrix import labels_of
from pipelines.model.training_matrix import rejecting_parameters, to_matrix
from pipelines.progress import Advance
from pipelines.targets.class_weights import Weights, class_weights
from pipelines.targets.of_type import task_of

__all__ = ["Curve", "Fit", "boost", "booster_params", "curve_rounds", "train_booster", "weights_of"]

CURVE_STEP = 10
"""The learning curve has every tenth round and the last one: measuring costs a third of a round."""

Curve = dict[str, dict[int, float]]
"""Metric of the learning curve per set of rows and round."""


DIRECTIONS = {None: 0, "increasing": 1, "decreasing": -1}
"""XGBoost's numbers."""


@dataclass(frozen=True)
class Fit:
    """A booster, and its training rows."""

    booster: xgb.Booster
    rows: TrainedRows
    curve: Curve = field(default_factory=dict)

    @property
    def model(self) -> bytes:
        """The booster in XGBoost's UBJSON format."""
        return bytes(self.booster.save_raw("ubj"))


def train_booster(  # noqa: PLR0913 - three of them are optional or say what to train
    rows: Rows,
    contract: Contract,
    schema: Schema,
    params: TrainParams,
    advance: Advance,
    *,
    watched: Rows | None = None,
    folder: Path | None = None,
    checkpoint: Checkpoint | None = None,
) -> Fit:
    """Train ``params.rounds`` rounds on ``rows``, and return the booster with a record of these rows.

    Args:
        rows: prepared rows.
        watched: rows for the learning curve, in addition to the training rows; default: no curve.
        folder: see ``to_matrix``.
        checkpoint: where to go on from and what to keep for a training that is killed; default: nothing.

    Raises:
        InvalidParams: XGBoost rejects the parameters, or does not know one of them.
    """
    weights = weights_of(rows, contract, params)
    matrix = to_matrix(rows, contract, params, weights, folder=folder)
    sets = [(matrix, "train")] if watched is not None else []
    if watched is not None:
        sets.append((to_matrix(watched, contract, params, weights, learned=matrix, folder=folder), "test"))
    curve = _Curve(sets, params.rounds, advance, task_of(contract.target).curve)
    booster = boost(matrix, contract, schema, params, callbacks=[curve], checkpoint=checkpoint)
    return Fit(booster, describe_rows(rows, schema), curve.values)


def weights_of(rows: Rows, contract: Contract, params: TrainParams) -> Weights | None:
    """Return the weight of each class, by the training rows; None if every row counts the same."""
    if params.class_weights is None:
        return None
    return class_weights(labels_of(rows, task_of(contract.target)), params.class_weights, contract.target.classes)


def boost(  # noqa: PLR0913 - three of them are optional
    matrix: xgb.DMatrix,
    contract: Contract,
    schema: Schema,
    params: TrainParams,
    *,
    callbacks: Sequence[Any],
    validation: xgb.DMatrix | None = None,
    checkpoint: Checkpoint | None = None,
) -> xgb.Booster:
    """Train at most ``params.rounds`` rounds.

    Args:
        matrix: rows to learn from.
        callbacks: XGBoost's; one may end the training.
        validation: rows that are measured after every round, for the callbacks; nothing is learned from them.

    Raises:
        InvalidParams: XGBoost rejects the parameters, or does not know one of them.
    """
    all_params = booster_params(contract, schema, params)
    evals = [] if validation is None else [(validation, "validation")]
    with rejecting_parameters(), _reject_unknown_parameters():
        return train_or_continue(
            all_params, matrix, params.rounds, evals=evals, callbacks=callbacks, checkpoint=checkpoint
        )


def booster_params(contract: Contract, schema: Schema, params: TrainParams) -> dict[str, Any]:
    """Return all parameters of XGBoost: those of the target, of params.yaml, and of the columns."""
    # Last: with a lower verbosity, XGBoost would not report unknown parameters.
    own = {"seed": params.seed, "nthread": params.threads, "verbosity": 1, "validate_parameters": True}
    return {**task_of(contract.target).booster_params, **params.booster, **_monotone(schema), **own}


def _monotone(schema: Schema) -> dict[str, Any]:
    """Return XGBoost's parameter if a feature has a direction, so that models without any stay as they are."""
    directions = tuple(DIRECTIONS[feature.monotone] for feature in schema.features)
    return {"monotone_constraints": directions} if any(directions) else {}


@contextmanager
def _reject_unknown_parameters() -> Iterator[None]:
    """Turn XGBoost's warning about unknown parameters into an error; they are usually misspelt.

    Raises:
        InvalidParams: the message names the parameters.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        unused = re.search(r"Parameters: \{(.*?)\} are not used", str(warning.message))
        if unused:
            names = ", ".join(re.findall(r'"(.*?)"', unused[1]))
            raise InvalidParams(f"train.booster in params.yaml: XGBoost does not know {names}; check the spelling")
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def curve_rounds(rounds: int) -> set[int]:
    """Return the rounds, from 0, that the curve of a training of so many has."""
    return {*range(0, rounds, CURVE_STEP), rounds - 1}


class _Curve(xgb.callback.TrainingCallback):  # type: ignore[misc]  # the library has no types
    """Measure every few rounds, and advance the progress bar every round."""

    def __init__(
        self, sets: list[tuple[xgb.DMatrix, str]], rounds: int, advance: Advance, metric: tuple[str, str]
    ) -> None:
        self.values: Curve = {name: {} for _, name in sets}
        self._sets = sets
        self._first, self._measured = 0, curve_rounds(rounds)
        self._advance = advance
        self._metric, self._shown = metric

    def state(self) -> dict[str, Any]:
        return {name: list(values.items()) for name, values in self.values.items()}

    def restore(self, state: dict[str, Any], rounds: int) -> None:
        self.values = {name: dict(points) for name, points in state.items()}
        self._first = rounds
        for _ in range(rounds):
            self._advance()

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        epoch += self._first
        if self._sets and epoch in self._measured:
            # Format of XGBoost: [0]\ttrain-logloss:0.61\ttest-logloss:0.62
            for name, value in re.findall(rf"\t(\w+)-{self._metric}:(\S+)", model.eval_set(self._sets, epoch)):
                self.values[name][epoch] = float(value)
        losses = self.values.get("test")
        self._advance(f"test {self._shown} {list(losses.values())[-1]:.4f}" if losses else "")
        return False
