"""schema.yaml as frozen, typed objects: the only list of columns."""

from __future__ import annotations

from datetime import UTC, tzinfo
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from espalier.bundle.contract import FeatureType
from pipelines.errors import InvalidParams
from pipelines.params import describe_problems, read_yaml

__all__ = ["SCHEMA_FILE", "Column", "FeatureColumn", "Schema", "TargetColumn", "TimeColumn", "load_schema"]

SCHEMA_FILE = Path("pipelines/schema.yaml")


class Column(BaseModel):
    """A column that is carried along but never trains."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    description: str = ""


class TimeColumn(Column):
    """The column that rows are split by."""

    timezone: str = "UTC"
    """Where the times of the table are read off the wall: an IANA name, such as America/New_York."""

    @model_validator(mode="after")
    def _check_zone(self) -> Self:
        try:
            _ = self.zone
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{self.name}: there is no time zone {self.timezone}") from error
        return self

    @property
    def zone(self) -> tzinfo:
        """The zone; UTC needs no data of the machine."""
        return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)


class TargetColumn(Column):
    """The column to predict: 0 or 1, empty where it never became known."""

    classes: tuple[str, str]


class FeatureColumn(Column):
    """A column that trains."""

    type: FeatureType
    unit: str = ""
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    unknown_category: Literal["error", "missing"] = "error"

    @model_validator(mode="after")
    def _check_by_type(self) -> Self:
        is_number = self.type in ("float", "int")
        if not is_number and (self.minimum is not None or self.maximum is not None):
            raise ValueError(f"{self.name}: only float and int have a range")
        if self.type != "category" and self.categories is not None:
            raise ValueError(f"{self.name}: only a category has categories")
        return self


class Schema(BaseModel):
    """Features in the model's order, target, time and what tells rows apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: TargetColumn
    time: TimeColumn
    identifiers: tuple[Column, ...] = ()
    features: tuple[FeatureColumn, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        repeated = {name for name in self.columns if self.columns.count(name) > 1}
        if repeated:
            raise ValueError(f"columns named twice: {', '.join(sorted(repeated))}")
        return self

    @property
    def columns(self) -> list[str]:
        """Every column that the table must have."""
        carried = [self.time.name, *(column.name for column in self.identifiers), self.target.name]
        return [*carried, *self.feature_names]

    @property
    def feature_names(self) -> list[str]:
        """The features, in the model's order."""
        return [feature.name for feature in self.features]


def load_schema(path: Path = SCHEMA_FILE) -> Schema:
    """Read schema.yaml.

    Raises:
        InvalidParams: names the file, the key and the rule.
    """
    try:
        return Schema.model_validate(read_yaml(path))
    except ValidationError as error:
        raise InvalidParams(describe_problems(path, error)) from error
