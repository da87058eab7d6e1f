"""What is predicted: two classes, more classes, or a number."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["MAX_CLASSES", "Category", "FrozenModel", "Target", "TargetType", "is_none"]

TargetType = Literal["binary", "multiclass", "regression"]
Category = Annotated[str, Field(min_length=1, max_length=200)]

MAX_CLASSES = 100
"""Every class has time series of its own, and a pair of true and predicted class too."""


class FrozenModel(BaseModel):
    """Base of every part of a bundle: immutable, no unknown keys, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def is_none(value: object) -> bool:
    """Return whether a field is left out of its file (``exclude_if``): an API from before the field refuses the key."""
    return value is None


class Target(FrozenModel):
    """The target, and how a prediction is made from the model's outputs."""

    type: TargetType = "binary"
    """Contracts of format 1 do not have it."""

    name: str
    description: str = ""
    classes: tuple[Category, ...] = Field(default=(), max_length=MAX_CLASSES)
    """Labels in the order of their codes; two for binary (the negative one first), none for regression."""

    threshold: float | None = Field(default=None, gt=0, lt=1)
    """Binary: a probability at or above it gets the positive label."""

    unit: str = ""
    """Regression: unit of the values."""

    interval: float | None = Field(default=None, gt=0, lt=1)
    """Regression: share of the true values that the predicted interval should contain. None: no interval."""

    @model_validator(mode="after")
    def _check_by_type(self) -> Self:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("two classes have the same name")
        fewest, most = {"binary": (2, 2), "multiclass": (3, MAX_CLASSES), "regression": (0, 0)}[self.type]
        if not fewest <= len(self.classes) <= most:
            wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            raise ValueError(f"a target of type {self.type} has {wanted} classes, not {len(self.classes)}")
        if (self.threshold is not None) != (self.type == "binary"):
            raise ValueError("a target has a threshold if it is binary, and only then")
        if self.type != "regression" and (self.unit or self.interval is not None):
            raise ValueError("only a target of type regression can have a unit and an interval")
        return self

    @property
    def outputs(self) -> int:
        """How many numbers the model gives for a row: a probability; one for each class; a value; or the lower end of
        the interval, the median and the upper end."""
        if self.type == "multiclass":
            return len(self.classes)
        return 1 if self.interval is None else len(self.quantiles)

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantiles that the model predicts, in the order of its outputs; none without an interval."""
        if self.interval is None:
            return ()
        # Rounded, so that 0.9 gives 0.05 and not 0.04999999999999999.
        return round((1 - self.interval) / 2, 6), 0.5, round((1 + self.interval) / 2, 6)
