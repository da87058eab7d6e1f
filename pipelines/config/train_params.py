"""The block ``train`` of params.yaml."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from pipelines.config.values import Duration, ParamsBlock

__all__ = ["ClassWeights", "EarlyStopping", "TrainParams"]

MAX_WEIGHT = 1_000_000

NOT_OF_A_BOOSTER = {
    "objective": "it follows from the type of the target",
    "eval_metric": "it follows from the type of the target",
    "multi_strategy": "every tree has one output",
    "num_boost_round": "train.early_stopping finds the number of rounds",
}
"""Why a parameter of XGBoost is not tuned."""

BOOSTERS = ("gbtree", "dart")
"""Of XGBoost's: gblinear does not predict rows with categories, and not without copying them."""

QUANTILES = ("auto", "hist")
"""Values of ``tree_method`` for which XGBoost learns from the quantiles of the values, and not from the values."""

SET_ELSEWHERE = {
    "num_class": "target.classes in schema.yaml",
    "quantile_alpha": "train.interval",
    "seed": "train.seed",
    "random_state": "train.seed",
    "nthread": "train.threads",
    "n_jobs": "train.threads",
    "monotone_constraints": "monotone of the features in schema.yaml",
    "scale_pos_weight": "train.class_weights",
}


def _class_weights(value: Any) -> Any:
    if value == "balanced" or (
        isinstance(value, dict)
        and value
        and all(_is_number(weight) and 0 < weight <= MAX_WEIGHT for weight in value.values())
    ):
        return value
    raise ValueError(
        f"write balanced, or the weight of each class, above 0 and at most {MAX_WEIGHT:,}, such as {{late: 5}}"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


ClassWeights = Annotated[Literal["balanced"] | dict[str, float], BeforeValidator(_class_weights)]
"""``balanced``, or weights by class; a class that is not named has the weight 1."""


class EarlyStopping(ParamsBlock):
    """When to stop adding trees: after ``rounds`` rounds without a gain on the validation rows.

    The validation rows are training rows: the newest ones, or without a time column those with a small hash.
    """

    rounds: int = Field(ge=1)
    validation_last: Duration | None = None
    """The validation rows are those within this time before the newest training row."""

    validation_share: float | None = Field(default=None, gt=0, lt=1)

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.validation_last is None) == (self.validation_share is None):
            found = "none" if self.validation_last is None else "both"
            raise ValueError(f"set exactly one of validation_last and validation_share; set: {found}")
        if self.validation_last == timedelta(0):
            raise ValueError("validation_last must be longer than 0")
        return self


class TrainParams(ParamsBlock):
    """How to train."""

    seed: int = Field(ge=0)
    rounds: int = Field(ge=1)
    """Number of rounds; the most, with ``early_stopping``."""

    early_stopping: EarlyStopping | None = None
    threads: int = Field(default=0, ge=0)
    final_fit: bool = False
    """Train the registered model again, on training and test rows together."""

    interval: float | None = Field(default=None, gt=0, lt=1)
    """Regression: share of the true values that the predicted interval should contain; None: no interval."""

    calibrate: bool = False
    """Binary: make the probabilities right on average on the validation rows of ``early_stopping``."""

    class_weights: ClassWeights | None = None
    """Classes: how much a row of each counts; ``balanced``: every class the same in total."""

    external_memory: bool = False
    """Keep the quantiles of the rows in files, and read them in every round: for rows that fit into no memory."""

    engine: Literal["local", "dask"] = "local"
    """Train in this process, or on the Dask cluster of PIPELINE_DASK_ADDRESS."""

    booster: dict[str, str | int | float | bool]

    @property
    def has_quantiles(self) -> bool:
        """Whether XGBoost learns from the quantiles of the values, so that it need not have the values in memory."""
        return self.booster.get("tree_method", "auto") in QUANTILES and "updater" not in self.booster

    @model_validator(mode="after")
    def _check_external_memory(self) -> Self:
        if self.external_memory and not self.has_quantiles:
            raise ValueError(
                "external_memory is for tree_method hist, XGBoost's default: the others need the values of all rows in "
                "memory; remove tree_method and updater from booster, or set external_memory to false"
            )
        return self

    @model_validator(mode="after")
    def _check_engine(self) -> Self:
        if self.engine == "local":
            return self
        if self.external_memory:
            raise ValueError(
                "external_memory keeps the rows in files of one machine, and engine dask in the memory of its workers; "
                "set external_memory to false, or engine to local"
            )
        if not self.has_quantiles:
            raise ValueError(
                "engine dask is for tree_method hist, XGBoost's default: workers exchange sums of the bins of the "
                "values; remove tree_method and updater from booster, or set engine to local"
            )
        return self

    @model_validator(mode="after")
    def _check_calibrate(self) -> Self:
        if self.calibrate and self.early_stopping is None:
            raise ValueError("calibrate needs validation rows; set early_stopping")
        if self.calibrate and self.booster.get("booster") == "dart":
            raise ValueError("calibrate is for booster gbtree: with dart, earlier rounds have other weights later")
        return self

    @field_validator("booster")
    @classmethod
    def _check_booster(cls, booster: dict[str, Any]) -> dict[str, Any]:
        for name, elsewhere in SET_ELSEWHERE.items():
            if name in booster:
                raise ValueError(f"set {elsewhere} instead of {name}")
        kind = booster.get("booster", "gbtree")
        if kind not in BOOSTERS:
            raise ValueError(f"booster {kind} is not supported; use {' or '.join(BOOSTERS)}")
        if "eval_metric" in booster:
            raise ValueError(
                "remove eval_metric: the learning curve is of what is minimised, and the gate uses "
                "register.gate.compare_by"
            )
        if booster.get("multi_strategy", "one_output_per_tree") != "one_output_per_tree":
            raise ValueError("remove multi_strategy: every tree has one output")
        return booster
