"""contract.json: the schema of a row and the meaning of a prediction.

Training writes it from schema.yaml and the training rows. The API validates and encodes requests with it, so no code
on either side names a column.
"""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from bundle.target import Category, FrozenModel, Target

__all__ = ["Contract", "Feature", "FeatureType", "IgnoredColumn", "Value"]

FeatureType = Literal["float", "int", "bool", "category"]
Value = bool | int | float | str | None

CONTRACT_FORMAT: Final = 2
"""Format 2 added the target's type, so that an earlier release refuses other types than binary."""


class Feature(FrozenModel):
    """One column of a row, and its place in the model's matrix."""

    name: str = Field(min_length=1, max_length=100)
    type: FeatureType
    description: str = ""
    unit: str = ""
    nullable: bool = False
    """True: null is a missing value, as in training. False: null is refused."""

    minimum: float | None = None
    maximum: float | None = None
    categories: dict[Category, int] | None = None
    """Category to its code, 0 … k-1, as seen in training."""

    unknown_category: Literal["error", "missing"] = "error"
    """How a category without a code is treated: refused, or as a missing value."""

    # Left out of the file where it is false, so that contracts without it are what they were.
    optional: bool = Field(default=False, exclude_if=lambda value: not value)
    """True: a row may leave it out, which is a missing value. Clients of an earlier contract do not know it."""

    @model_validator(mode="after")
    def _check_by_type(self) -> Self:
        if self.optional and not self.nullable:
            raise ValueError(f"feature {self.name}: only a nullable feature can be optional")
        if self.type == "category":
            codes = sorted((self.categories or {}).values())
            if not codes or codes != list(range(len(codes))):
                raise ValueError(f"feature {self.name}: categories must have the codes 0 … k-1")
        elif self.categories is not None:
            raise ValueError(f"feature {self.name}: only type category may have categories")
        return self


class IgnoredColumn(FrozenModel):
    """A column that is no feature, and that a row may have all the same: one of an earlier or a later contract."""

    name: str = Field(min_length=1, max_length=100)
    description: str = ""


class Contract(FrozenModel):
    """The features in the model's order, the target, and one real row."""

    format: Literal[1, 2] = CONTRACT_FORMAT
    model_name: str
    """Registered name. A bundle whose manifest has another name is malformed."""

    features: tuple[Feature, ...] = Field(min_length=1)
    ignored: tuple[IgnoredColumn, ...] = Field(default=(), exclude_if=lambda value: not value)
    """What a row may have besides the features. Its values change nothing."""

    target: Target
    example: dict[str, Value]
    """A row of the test set, for the documentation and for the self-check of a loaded model."""

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [feature.name for feature in self.features]
        if len(set(names)) != len(names):
            raise ValueError("two features have the same name")
        if all(feature.optional for feature in self.features):
            raise ValueError("every feature is optional; a row must have at least one")
        ignored = [column.name for column in self.ignored]
        if len({*names, *ignored}) != len(names) + len(ignored):
            raise ValueError("an ignored column has the name of a feature, or of another one")
        if set(self.example) != set(names):
            raise ValueError("the example row must have exactly the features")
        return self

    @property
    def has_fixed_names(self) -> bool:
        """Whether every row has exactly the features: none is optional, and no other column is ignored."""
        return not self.ignored and not any(feature.optional for feature in self.features)

    @property
    def feature_types(self) -> list[str]:
        """XGBoost's letters for the features' types, in order: q(uantitative), i(nteger or bool), c(ategory)."""
        letters = {"float": "q", "int": "int", "bool": "i", "category": "c"}
        return [letters[feature.type] for feature in self.features]
