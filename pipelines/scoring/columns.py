"""Encode the columns of a record batch with the rules of the API, and say which values it would refuse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bundle import Contract, Feature
from evaluation.columns import Coded, Coder, Column, Columns, Missing, Numbers, WrongValue
from evaluation.row_schema import describe, requirement, row_spec

__all__ = ["Encoded", "Encoder", "check_types"]


@dataclass(frozen=True)
class Encoded:
    """(n, features) rows, NaN for missing values, and what the API would refuse of them."""

    matrix: npt.NDArray[np.float32]
    wrong: Sequence[WrongValue]


class Encoder(Columns):
    """Encodes the features of record batches."""

    def __init__(self, contract: Contract) -> None:
        """Prepare the checks."""
        super().__init__(contract)
        self._specs = row_spec(contract).names or {}
        self._wrong: list[WrongValue] = []

    def encode_batch(self, batch: Any) -> Encoded:
        """Encode a pyarrow.RecordBatch; threads may share this."""
        one = copy(self)  # with its own list of wrong values
        one._wrong = []
        names = set(batch.schema.names)
        columns = [
            _column(batch.column(feature.name), feature, coder) if feature.name in names else Missing()
            for feature, coder in zip(self.features, self.coders, strict=True)
        ]
        return Encoded(one.encode(columns, batch.num_rows), one._wrong)

    def refuse(self, wrong: Iterator[WrongValue]) -> None:
        """Remember them."""
        self._wrong.extend(wrong)

    def _reason(self, index: int, value: float) -> str:
        # A table may have numbers for truth values.
        return "wrong_type" if self.features[index].type == "bool" else super()._reason(index, value)

    def explain(self, wrong: WrongValue) -> str:
        """Return what a value must be, such as "wind_speed must be a number from 0 to 200 mph or null"."""
        name = self.names[wrong.feature]
        return f"{name} must be {requirement(self._specs[name], wrong.reason)}"


def check_types(schema: Any, contract: Contract) -> list[str]:
    """Return what is wrong with the columns of a pyarrow.Schema, one text for each feature without a fitting one."""
    problems = []
    for feature in contract.features:
        if feature.optional and feature.name not in schema.names:
            continue
        if schema.names.count(feature.name) != 1:
            found = "is missing" if feature.name not in schema.names else "is there twice"
            problems.append(f"column {feature.name} {found}; it must be {describe(feature)}")
        elif not _fits(schema.field(feature.name).type, feature):
            kind = schema.field(feature.name).type
            problems.append(f"column {feature.name} has the type {kind}, and must be {describe(feature)}")
    return problems


def _fits(kind: Any, feature: Feature) -> bool:
    if pa.types.is_null(kind):
        return True
    if feature.categories is not None:
        return _is_text(kind.value_type if pa.types.is_dictionary(kind) else kind)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return is_number or (feature.type == "bool" and pa.types.is_boolean(kind))


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _column(array: Any, feature: Feature, coder: Coder | None) -> Column:
    if pa.types.is_null(array.type):
        return Missing()
    if coder is not None:
        return _coded(array, coder)
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    values = array.to_numpy(zero_copy_only=False)  # with NaN for null
    return Numbers(_only_switches(values) if feature.type == "bool" else values)


def _coded(array: Any, coder: Coder) -> Coded:
    """Return the codes of texts, each different one of which is looked up once."""
    if not pa.types.is_dictionary(array.type):
        array = pc.dictionary_encode(array)
    texts = array.dictionary.cast(pa.binary()).to_pylist()
    missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    places = pc.fill_null(array.indices, 0) if array.null_count else array.indices
    return Coded(places.to_numpy(zero_copy_only=False), coder([*texts, None]), missing)


def _only_switches(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return numbers in which all but 0, 1 and NaN are out of the range of a truth value."""
    if values.dtype == np.uint8:
        return values
    return np.where((values == 0) | (values == 1) | np.isnan(values), values, 2)
