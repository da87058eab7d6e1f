"""Derive from the contract what a row must be: a type for pydantic, and a text for error messages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, TypeAdapter, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from bundle import Contract, Feature, IgnoredColumn

__all__ = [
    "FLOAT32_LIMIT",
    "MAX_CATEGORY",
    "FieldSpec",
    "columns_type",
    "describe",
    "dict_type",
    "requirement",
    "row_spec",
    "row_type",
    "value_checker",
]

MAX_NAMED = 12

MAX_CATEGORY = 200
"""Maximum characters of a category."""

FLOAT32_LIMIT = 3.4028234663852886e38
"""The model uses 32-bit numbers; anything larger would become infinite."""

ANY_VALUE: Any = StrictBool | float | Annotated[str, Field(max_length=MAX_CATEGORY)] | None
"""What an ignored column may have: anything that a feature of some contract may."""

IGNORED = f"a number, true, false, null or a text of at most {MAX_CATEGORY} characters; it is ignored"

CONFIG = ConfigDict(strict=True, allow_inf_nan=False, json_schema_extra={"additionalProperties": False})
"""pydantic does not check for unknown or duplicate names: it ignores duplicates, and creates an error for each unknown
name, of which one body can contain hundreds of thousands."""


@dataclass(frozen=True)
class FieldSpec:
    """One value in a body: its description, and the names it may contain."""

    text: str = "an object"
    is_unbounded: bool = False
    names: dict[str, FieldSpec] | None = None
    unknown: str = ""
    """The message for any other name."""

    may_be_left_out: bool = False

    @cached_property
    def has_fixed_names(self) -> bool:
        """Whether an object of this description has exactly its names, at any depth."""
        inner = (self.names or {}).values()
        return not any(place.may_be_left_out or not place.has_fixed_names for place in inner)

    @cached_property
    def objects(self) -> tuple[str, ...]:
        """The names whose values are objects."""
        return tuple(name for name, place in (self.names or {}).items() if place.names is not None)

    def count_objects(self) -> int:
        """Return the number of objects, including nested ones."""
        inner = sum(place.count_objects() for place in (self.names or {}).values())
        return inner + (self.names is not None)

    def count_names(self) -> int:
        """Return the number of names, at any depth."""
        return sum(1 + place.count_names() for place in (self.names or {}).values())


def row_type(contract: Contract) -> Any:
    """Return the type of a row."""
    members = {feature.name: _member(feature, _type_of(feature)) for feature in contract.features}
    ignored = {column.name: _ignored(column, ANY_VALUE) for column in contract.ignored}
    return dict_type("Row", {**members, **ignored})


def columns_type(contract: Contract, *, max_rows: int) -> Any:
    """Return the type of columns, which have lists of values."""
    length = Field(min_length=1, max_length=max_rows)
    members = {
        feature.name: _member(feature, Annotated[list[_type_of(feature)], length])  # type: ignore[misc]
        for feature in contract.features
    }
    many: Any = list
    ignored = {column.name: _ignored(column, many[ANY_VALUE]) for column in contract.ignored}
    return dict_type("Columns", {**members, **ignored})


def value_checker(feature: Feature) -> TypeAdapter[Any]:
    """Return the check of one value outside of its row."""
    return TypeAdapter(_type_of(feature), config=CONFIG)


def row_spec(contract: Contract) -> FieldSpec:
    """Return the description of a row, for error messages."""
    features = {
        feature.name: FieldSpec(
            describe(feature),
            is_unbounded=None in (feature.minimum, feature.maximum),
            may_be_left_out=feature.optional,
        )
        for feature in contract.features
    }
    ignored = {column.name: FieldSpec(IGNORED, may_be_left_out=True) for column in contract.ignored}
    return FieldSpec(
        names={**features, **ignored},
        unknown=f"is not a feature of this model; the features are {', '.join(features)}",
    )


def requirement(place: FieldSpec, reason: str) -> str:
    """Return what a value must be that was refused for a reason."""
    limit = ", within 32 bits (up to 3.4e38)" if reason == "out_of_range" and place.is_unbounded else ""
    return f"{place.text}{limit}"


def dict_type(name: str, members: dict[str, Any]) -> Any:
    """Create the type of a dictionary with these members."""
    make: Any = TypedDict
    kind = make(name, members)
    kind.__pydantic_config__ = CONFIG
    return kind


def describe(feature: Feature) -> str:
    """Describe the values of a feature in words."""
    null = " or null" if feature.nullable else ""
    null += ", or left out" if feature.optional else ""
    if feature.categories is not None:
        names = list(feature.categories)
        if feature.unknown_category == "missing":
            return f"a text of 1 to {MAX_CATEGORY} characters{null}"
        more = f", … ({len(names)} in total, see GET /v1/model)" if len(names) > MAX_NAMED else ""
        return f"one of {', '.join(names[:MAX_NAMED])}{more}{null}"
    if feature.type == "bool":
        return f"true or false{null}"
    kind = "a whole number" if feature.type == "int" else "a number"
    unit = f" {feature.unit}" if feature.unit else ""
    low = "" if feature.minimum is None else f" from {feature.minimum:.15g}"
    high = "" if feature.maximum is None else f" to {feature.maximum:.15g}"
    return f"{kind}{low}{high}{unit}{null}"


def _member(feature: Feature, kind: Any) -> Any:
    return _left_out(kind) if feature.optional else kind


def _ignored(column: IgnoredColumn, kind: Any) -> Any:
    field = Field(description=column.description or "Ignored", json_schema_extra={"deprecated": True})
    return _left_out(Annotated[kind, field])


def _left_out(kind: Any) -> Any:
    make: Any = NotRequired
    return make[kind]


def _type_of(feature: Feature) -> Any:
    field = Field(
        description=feature.description or None, json_schema_extra={"unit": feature.unit} if feature.unit else None
    )
    kind: Any
    if feature.categories is not None:
        kind = Literal[tuple(feature.categories)]
        if feature.unknown_category == "missing":
            kind = Annotated[str, Field(min_length=1, max_length=MAX_CATEGORY)]
    elif feature.type == "bool":
        kind = StrictBool
    else:
        kind = _number(feature)
    return Annotated[kind | None if feature.nullable else kind, field]


def _number(feature: Feature) -> Any:
    low = -FLOAT32_LIMIT if feature.minimum is None else feature.minimum
    high = FLOAT32_LIMIT if feature.maximum is None else feature.maximum
    checks = Field(ge=low, le=high)
    if feature.type == "float":
        return Annotated[float, checks]
    # In JSON, 12.0 is a whole number like 12; for pydantic's int it is not.
    schema: dict[str, Any] = {"type": "integer"}
    schema |= {} if feature.minimum is None else {"minimum": feature.minimum}
    schema |= {} if feature.maximum is None else {"maximum": feature.maximum}
    return Annotated[float, checks, AfterValidator(_check_whole), WithJsonSchema(schema)]


def _check_whole(value: float) -> float:
    if not value.is_integer():  # pydantic's multiple_of accepts nearly whole and very small numbers
        raise PydanticCustomError("whole_number", "must be a whole number")
    return value
