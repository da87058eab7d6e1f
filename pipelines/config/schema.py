"""schema.yaml as frozen, typed objects: the only list of columns."""

from __future__ import annotations

from datetime import UTC, tzinfo
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bundle.contract import FeatureType
from bundle.target import Category
from pipelines.config.files import describe_problems, read_yaml
from pipelines.errors import InvalidParams

__all__ = ["ROW_HASH", "SCHEMA_FILE", "Column", "FeatureColumn", "Schema", "TargetColumn", "TimeColumn", "load_schema"]

SCHEMA_FILE = Path("pipelines/schema.yaml")

ROW_HASH = "espalier_row_hash"
"""Column that ``prepare`` adds to identify rows; no column of a table may have this name."""


class Column(BaseModel):
    """A column that is kept but never trains."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(min_length=1)
    description: str = ""


class TimeColumn(Column):
    """The column that rows are split by."""

    timezone: str = "UTC"
    """Time zone of the times in the table: an IANA name, such as America/New_York."""

    @model_validator(mode="after")
    def _check_zone(self) -> Self:
        try:
            _ = self.zone
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{self.name}: unknown time zone {self.timezone}") from error
        return self

    @property
    def zone(self) -> tzinfo:
        """The time zone; UTC works without a time zone database."""
        return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)


class TargetColumn(Column):
    """The column to predict: 0 or 1, empty if unknown."""

    classes: tuple[str, str]

    @model_validator(mode="after")
    def _check_classes(self) -> Self:
        if self.classes[0] == self.classes[1]:
            raise ValueError(f"{self.name}: both classes are named {self.classes[0]}")
        return self


class FeatureColumn(Column):
    """A column that trains."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\[\]<]+$")
    """XGBoost rejects names with ``[``, ``]`` or ``<``."""

    type: FeatureType
    unit: str = ""
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[Category, ...] | None = Field(default=None, min_length=1)
    unknown_category: Literal["error", "missing"] = "error"

    @model_validator(mode="after")
    def _check_by_type(self) -> Self:
        is_number = self.type in ("float", "int")
        if not is_number and (self.minimum is not None or self.maximum is not None):
            raise ValueError(f"{self.name}: only float and int can have a range")
        if self.type != "category" and self.categories is not None:
            raise ValueError(f"{self.name}: only type category can have categories")
        repeated = sorted({name for name in self.categories or () if (self.categories or ()).count(name) > 1})
        if repeated:
            raise ValueError(f"{self.name}: duplicate categories: {', '.join(repeated)}")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"{self.name}: minimum {self.minimum:g} is above maximum {self.maximum:g}")
        return self


class Schema(BaseModel):
    """Features in the order of the model, target, time and identifiers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: TargetColumn
    time: TimeColumn
    identifiers: tuple[Column, ...] = ()
    features: tuple[FeatureColumn, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        repeated = {name for name in self.columns if self.columns.count(name) > 1}
        if repeated:
            raise ValueError(f"duplicate columns: {', '.join(sorted(repeated))}")
        if ROW_HASH in self.columns:
            raise ValueError(f"{ROW_HASH} is reserved for a column that prepare adds; rename yours")
        return self

    @property
    def columns(self) -> list[str]:
        """Every column that the table must have."""
        carried = [self.time.name, *(column.name for column in self.identifiers), self.target.name]
        return [*carried, *self.feature_names]

    @property
    def feature_names(self) -> list[str]:
        """The features, in the order of the model."""
        return [feature.name for feature in self.features]


def load_schema(path: Path = SCHEMA_FILE) -> Schema:
    """Read schema.yaml.

    Raises:
        InvalidParams: the message names the file, the key and the rule.
    """
    try:
        return Schema.model_validate(read_yaml(path))
    except ValidationError as error:
        raise InvalidParams(describe_problems(path, error)) from error
