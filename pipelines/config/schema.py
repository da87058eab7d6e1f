"""schema.yaml as frozen, typed objects: the only list of columns."""

from __future__ import annotations

from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from bundle.contract import FeatureType
from bundle.target import MAX_CLASSES, Category, TargetType
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


def _as_written(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(
            f"write {value} in quotes, as the table has it: YAML reads yes, no, on and off as true or false"
        )
    return value


Value = Annotated[str | int | float, BeforeValidator(_as_written)]


class TargetColumn(Column):
    """The column to predict: the code of a class, or a number; empty if unknown."""

    type: TargetType = "binary"
    classes: tuple[Category, ...] = Field(default=(), max_length=MAX_CLASSES)
    """Names of the classes, in the order of their codes 0 … k-1."""

    values: tuple[Value, ...] = ()
    """What the table has for each class, in the same order; empty: the codes."""

    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _check_by_type(self) -> Self:
        is_number = self.type == "regression"
        for key in ("unit", "minimum", "maximum"):
            if getattr(self, key) and not is_number:
                raise ValueError(f"{self.name}: only a target of type regression can have {key}")
        if is_number and (self.classes or self.values):
            raise ValueError(f"{self.name}: a target of type regression has no classes and no values; remove them")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"{self.name}: minimum {self.minimum:g} is above maximum {self.maximum:g}")
        if not is_number:
            self._check_classes()
        return self

    def _check_classes(self) -> None:
        count = len(self.classes)
        repeated = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if repeated:
            raise ValueError(f"{self.name}: two classes are named {', '.join(repeated)}")
        if self.type == "binary" and count != 2:  # noqa: PLR2004
            raise ValueError(f"{self.name}: type binary has two classes, not {count}; for more, write type: multiclass")
        if self.type == "multiclass" and count < 3:  # noqa: PLR2004
            raise ValueError(f"{self.name}: type multiclass has at least three classes, not {count}")
        if not self.values:
            return
        if len(self.values) != count or len(set(self.values)) != count:
            raise ValueError(f"{self.name}: values needs one value for each of the {count} classes, all different")
        if len({isinstance(value, str) for value in self.values}) > 1:
            raise ValueError(f"{self.name}: values are all texts or all numbers; put texts in quotes")

    @property
    def is_text(self) -> bool:
        """Whether the table has texts instead of codes."""
        return any(isinstance(value, str) for value in self.values)


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
    monotone: Literal["increasing", "decreasing"] | None = None
    """Whether the prediction may only rise, or only fall, as the value rises and nothing else changes."""
    optional: bool = False
    """Whether a request may leave it out, which is a missing value; for a column that older clients do not know."""

    @model_validator(mode="after")
    def _check_by_type(self) -> Self:
        if self.optional and not self.nullable:
            raise ValueError(f"{self.name}: only a nullable column can be optional; write nullable: true too")
        is_number = self.type in ("float", "int")
        if self.type == "category" and self.monotone is not None:
            raise ValueError(f"{self.name}: categories have no order, so none can be monotone; remove it")
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
    time: TimeColumn | None = None
    """None: the rows have no order, and are divided by hash."""

    identifiers: tuple[Column, ...] = ()
    features: tuple[FeatureColumn, ...] = Field(min_length=1)
    ignored: tuple[FeatureColumn, ...] = ()
    """Columns that do not train, and that requests may have all the same: features of an earlier or a later model. The
    table may have them, so that the gate can compare with a champion that needs them."""

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [*self.columns, *(column.name for column in self.ignored)]
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise ValueError(f"duplicate columns: {', '.join(sorted(repeated))}")
        if all(feature.optional for feature in self.features):
            raise ValueError("every feature is optional; requests must have at least one")
        if ROW_HASH in names:
            raise ValueError(f"{ROW_HASH} is reserved for a column that prepare adds; rename yours")
        return self

    @property
    def columns(self) -> list[str]:
        """Every column that the table must have."""
        time = [self.time.name] if self.time else []
        return [*time, *(column.name for column in self.identifiers), self.target.name, *self.feature_names]

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
