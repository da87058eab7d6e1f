"""The block ``tune`` of params.yaml: which parameters ``espalier tune`` varies, and between which values."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from pipelines.config.train_params import NOT_OF_A_BOOSTER, SET_ELSEWHERE
from pipelines.config.values import ParamsBlock

__all__ = ["Choices", "Range", "TuneParams"]

Choices = tuple[str | int | float | bool, ...]
"""The values that a parameter may have."""


class Range(ParamsBlock):
    """Numbers from ``low`` to ``high``: whole ones if both are."""

    low: int | float = Field(allow_inf_nan=False)
    high: int | float = Field(allow_inf_nan=False)
    log: bool = False
    """Whether small values are tried as often as large ones, by their logarithm."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} must be below high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError("with log, low must be above 0")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are tried."""
        return isinstance(self.low, int) and isinstance(self.high, int)


def _kind(value: object) -> str:
    return "choices" if isinstance(value, list | tuple) else "range"


Values = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choices, Field(min_length=2), Tag("choices")], Discriminator(_kind)
]

DEFAULT_SPACE: dict[str, Values] = {
    "max_depth": Range(low=3, high=10),
    "eta": Range(low=0.02, high=0.3, log=True),
    "min_child_weight": Range(low=1.0, high=100.0, log=True),
    "subsample": Range(low=0.5, high=1.0),
    "colsample_bytree": Range(low=0.3, high=1.0),
    "reg_lambda": Range(low=0.01, high=100.0, log=True),
}


class TuneParams(ParamsBlock):
    """What ``espalier tune`` varies."""

    space: dict[str, Values] = Field(default=DEFAULT_SPACE, min_length=1)
    """Values of each parameter of ``train.booster``."""

    @field_validator("space")
    @classmethod
    def _check_names(cls, space: dict[str, Values]) -> dict[str, Values]:
        for name in space:
            if name in SET_ELSEWHERE:
                raise ValueError(f"{name} cannot be tuned: it is set by {SET_ELSEWHERE[name]}; remove it")
            if name in NOT_OF_A_BOOSTER:
                raise ValueError(f"{name} cannot be tuned: {NOT_OF_A_BOOSTER[name]}; remove it")
        return space
