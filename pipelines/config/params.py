"""params.yaml as frozen, typed objects: one class per stage."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from pipelines.config.files import describe_problems, read_yaml
from pipelines.config.train_params import TrainParams
from pipelines.config.tune_params import TuneParams
from pipelines.config.values import Block, Duration, ParamsBlock
from pipelines.errors import InvalidParams

__all__ = [
    "PARAMS_FILE",
    "Costs",
    "EvaluateParams",
    "GateParams",
    "Metric",
    "Params",
    "PrepareParams",
    "RegisterParams",
    "TrainParams",
    "ValidateParams",
    "load_params",
]

PARAMS_FILE = Path("pipelines/params.yaml")

Metric = Literal["log_loss", "brier", "roc_auc", "pr_auc", "mse", "mae", "pinball_loss"]
"""By which a candidate is compared with the champion."""


class FetchParams(ParamsBlock):
    """Which table."""

    pointer: Path


class ValidateParams(ParamsBlock):
    """When the whole table is rejected."""

    min_rows: int = Field(default=1, ge=1)
    max_reported: int = Field(default=20, ge=1)
    max_duplicate_share: float = Field(default=0.01, ge=0, le=1)
    """Largest share of the rows that may be exact copies of another row."""

    max_future: Duration = timedelta(days=1)
    """How far in the future a row with a known target may be."""


class PrepareParams(ParamsBlock):
    """Which rows are the test set, and which older rows train."""

    test_from: datetime | date | None = None
    test_share: float | None = Field(default=None, gt=0, lt=1)
    test_last: Duration | None = None
    """The test set is the rows within this time before the newest row with a known target."""

    train_last: Duration | None = None
    """Train only on rows within this time before the test set; default: all older rows."""

    seed: int = Field(default=0, ge=0)
    """Without a time column: another seed divides the rows in another way."""

    group: str | None = None
    """Without a time column: rows with the same value in this column stay together."""

    stratify: bool | None = None
    """Without a time column: whether the test set has the same share of every class; default: yes, unless there is a
    group."""

    max_repeated_share: float = Field(default=0.001, ge=0, le=1)
    """Largest share of the test rows that may equal an older row in all columns but the time."""

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        ways = ("test_from", "test_share", "test_last")
        given = [name for name in ways if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"set exactly one of {', '.join(ways[:-1])} and {ways[-1]}; set: {found}")
        for name in ("test_last", "train_last"):
            if getattr(self, name) == timedelta(0):
                raise ValueError(f"{name} must be longer than 0")
        return self


class Costs(ParamsBlock):
    """What a wrong label costs, in a unit of one's own; a right one costs nothing."""

    false_positive: float = Field(gt=0, allow_inf_nan=False)
    false_negative: float = Field(gt=0, allow_inf_nan=False)


def _kind_of_threshold(value: object) -> str:
    return "costs" if isinstance(value, dict | Costs) else "number"


Threshold = Annotated[
    Annotated[float, Field(gt=0, lt=1), Tag("number")] | Annotated[Costs, Tag("costs")],
    Discriminator(_kind_of_threshold),
]
"""A number between 0 and 1, or the costs that it follows from."""


class EvaluateParams(ParamsBlock):
    """How to measure."""

    threshold: Threshold | None = None
    """Binary: a probability at or above it gets the positive label; default: 0.5."""

    slices: tuple[str, ...] = ()
    time_slice: Literal["month", "quarter", "none"] = "none"
    min_slice_rows: int = Field(default=1, ge=1)
    bins: int = Field(default=10, ge=2, le=50)
    category_bins: int = Field(default=24, ge=2, le=100)
    explained_rows: int = Field(default=2000, ge=1, le=100_000)


class GateParams(ParamsBlock):
    """What a model needs to pass the gate."""

    min_roc_auc: float | None = Field(default=None, ge=0.5, le=1)
    """Classes: of more than two, the mean of each against the rest."""

    min_accuracy: float | None = Field(default=None, gt=0, le=1)
    """Classes."""

    min_r2: float | None = Field(default=None, gt=0, lt=1)
    """Regression."""

    beat_base_rate: bool = True
    """Whether the model must be better than the same prediction for every row."""

    max_calibration_error: float | None = Field(default=None, gt=0, le=1)
    """Classes."""

    max_coverage_error: float | None = Field(default=None, gt=0, lt=1)
    """Regression with an interval: largest difference between the share of values inside it and ``train.interval``."""

    compare_by: Metric = "log_loss"
    """Default by type: log_loss, mse, or pinball_loss with an interval."""

    replace_when: Literal["better", "better_or_newer"] = "better"
    """Whether a model that loses no more than ``max_loss`` against the champion replaces it if its data is newer."""

    min_improvement: float = Field(default=0.0, ge=0)
    """Gain over the champion that must be exceeded beyond noise, in units of ``compare_by``."""

    max_loss: float = Field(default=0.0, ge=0)
    confidence: float = Field(default=0.95, ge=0.8, le=0.9999)
    """Of all comparisons with one champion together."""

    block: Block = timedelta(days=1)
    """Rows within this time of each other depend on each other; None: every row is independent."""

    max_slice_loss: float | None = Field(default=None, ge=0)
    """Largest loss against the champion in a slice; a slice that is worse beyond noise rejects the model."""

    min_compared_rows: int = Field(default=1000, ge=1)
    """Minimum number of test rows to compare on, if the champion may have trained on some test rows."""

    @model_validator(mode="after")
    def _check_margin(self) -> Self:
        if self.replace_when == "better_or_newer" and self.max_loss == 0:
            raise ValueError(
                "replace_when: better_or_newer needs max_loss, the loss against the champion that you accept for newer "
                "data, above 0"
            )
        return self


class RegisterParams(ParamsBlock):
    """Name of the registered model, and its gate."""

    model_name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    description: str
    gate: GateParams


class Params(ParamsBlock):
    """The whole file."""

    fetch: FetchParams
    # Named after its stage; pydantic's deprecated method of this name is not used here.
    validate_: ValidateParams = Field(alias="validate")
    prepare: PrepareParams
    train: TrainParams
    evaluate: EvaluateParams
    tune: TuneParams = TuneParams()
    register_: RegisterParams = Field(alias="register")

    @model_validator(mode="after")
    def _check_space(self) -> Self:
        if self.train.external_memory and "tree_method" in self.tune.space:
            raise ValueError(
                "train.external_memory is for tree_method hist, so tune cannot try others; remove tree_method from "
                "tune.space, or set external_memory to false"
            )
        return self


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read params.yaml.

    Raises:
        InvalidParams: the message names the file, the key and the rule.
    """
    try:
        return Params.model_validate(read_yaml(path))
    except ValidationError as error:
        raise InvalidParams(describe_problems(path, error)) from error
