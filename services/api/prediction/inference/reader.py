"""Read an inference request into the model's matrix: one tensor for each feature, or one for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundle import Contract, Feature
from evaluation.columns import Column, Floats, Missing, Numbers
from services.api.errors import FieldProblem, MalformedBody, TooManyRows
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.inference.outputs import WantedOutput, choose_outputs
from services.api.prediction.inference.request import InputTensor, RequestParser
from services.api.prediction.inference.tensors import BOOL, BYTES, FLOATS, INTEGERS, TensorDecoder

__all__ = ["InferenceReader", "InferenceRequest", "datatypes_of"]


@dataclass(frozen=True)
class InferenceRequest:
    """A valid request: its id, the (n, features) encoded rows, and the outputs that it wants."""

    id: str | None
    matrix: npt.NDArray[np.float32]
    outputs: tuple[WantedOutput, ...]


class InferenceReader:
    """Reads requests to one model."""

    def __init__(self, contract: Contract, outputs: Sequence[str], *, max_rows: int) -> None:
        """Create the checks from the contract and the names of the model's outputs."""
        self._max_rows, self._outputs = max_rows, tuple(outputs)
        self._columns, self._coded_columns = _TensorColumns(contract), _CodedColumns(contract)
        self._parser = RequestParser(features=self._columns.most)
        self._decoder = TensorDecoder()

    def read(self, body: bytes, json_bytes: int | None) -> InferenceRequest:
        """Return the request in a body, of which the first ``json_bytes`` are JSON; all of it if that is None.

        Raises:
            MalformedBody: not the protocol's form, or its tensors do not fit together.
            TooManyRows
            InvalidRows: tensors are missing or unknown, or values do not match the contract.
        """
        request = self._parser.parse(body, json_bytes)
        outputs = choose_outputs(request.outputs, self._outputs, is_binary=request.has_binary_outputs)
        tensors = request.inputs
        rows = self._count_rows(tensors)
        if len(tensors) == 1 and tensors[0].name not in {*self._columns.places, *self._columns.ignored}:
            matrix = self._read_matrix(tensors[0], rows)
        else:
            matrix = self._read_columns(tensors, rows)
        return InferenceRequest(request.id, matrix, outputs)

    def _count_rows(self, tensors: Sequence[InputTensor]) -> int:
        """Return the number of rows, which all tensors must have, before any data are decoded."""
        rows = tensors[0].shape[0]
        for tensor in tensors:
            if tensor.shape[0] != rows:
                raise MalformedBody(
                    f"input {tensor.name}: it has {tensor.shape[0]:,} rows, but {tensors[0].name} has {rows:,}"
                )
        if rows == 0:
            raise MalformedBody("inputs: send at least one row")
        if rows > self._max_rows:
            raise TooManyRows(f"inputs: send at most {self._max_rows:,} rows in one request, not {rows:,}")
        return rows

    def _read_matrix(self, tensor: InputTensor, rows: int) -> npt.NDArray[np.float32]:
        """Read one tensor of all features, with categories as codes."""
        columns = self._coded_columns
        width = len(columns.names)
        _check_datatype(tensor, tuple(FLOATS), "all features")
        if tensor.shape != (rows, width):
            raise MalformedBody(
                f"input {tensor.name}: no feature has this name; as a tensor of all features it must have the shape "
                f"[{rows}, {width}], in the order of the contract, not {list(tensor.shape)}"
            )
        values = self._decoder.numbers(tensor).reshape(rows, width)
        return columns.encode(
            [_column(feature, values[:, index]) for index, feature in enumerate(columns.features)], rows
        )

    def _read_columns(self, tensors: Sequence[InputTensor], rows: int) -> npt.NDArray[np.float32]:
        """Read one tensor for each feature."""
        columns, named = self._columns, {tensor.name: tensor for tensor in tensors}
        if len(named) < len(tensors):
            raise MalformedBody("inputs: two tensors have the same name")
        columns.check_names(list(named))
        filled: list[Column] = []
        for feature, coder in zip(columns.features, columns.coders, strict=True):
            tensor = named.get(feature.name)
            if tensor is None:  # it may be left out
                filled.append(Missing())
                continue
            _check_datatype(tensor, datatypes_of(feature), "this feature")
            if tensor.shape not in ((rows,), (rows, 1)):
                raise MalformedBody(
                    f"input {tensor.name}: its shape must be [{rows}] or [{rows}, 1], not {list(tensor.shape)}"
                )
            if coder is None:
                filled.append(_column(feature, self._decoder.numbers(tensor)))
            else:
                filled.append(Numbers(coder(self._decoder.texts(tensor))))
        return columns.encode(filled, rows)


class _TensorColumns(Columns):
    """Columns that are numbers where other formats have truth values or codes, so these are checked too."""

    def __init__(self, contract: Contract) -> None:
        """Prepare the checks."""
        super().__init__(contract, member="inputs")
        self._whole = [index for index, feature in enumerate(contract.features) if feature.type != "float"]

    def _reason(self, index: int, value: float) -> str:
        return "wrong_type" if self.features[index].type == "bool" else super()._reason(index, value)


class _CodedColumns(_TensorColumns):
    """Columns in which categories are codes. NaN is a missing value, or a category without a code."""

    def problem(self, name: str, row: int, reason: str) -> FieldProblem:
        """Return the problem of one value."""
        found, categories = super().problem(name, row, reason), self.features[self.places[name]].categories
        if categories is None:
            return found
        last = len(categories) - 1
        return FieldProblem(found.field, f"must be the code of a category, from 0 to {last}; see GET /v1/model", reason)


class _SingleNumbers(Numbers):
    """Numbers of 32 bits. One that is a limit of its feature, rounded to 32 bits, is within it: 0.1 in 32 bits is more
    than 0.1 in 64."""

    __slots__ = ("_limits", "_singles")

    def __init__(self, values: npt.NDArray[np.float32], limits: Sequence[float]) -> None:
        """Store the (n,) array and the limits."""
        super().__init__(values)
        self._singles, self._limits = values, limits

    def fill(self, block: Floats, start: int, stop: int) -> None:
        """Write rows."""
        super().fill(block, start, stop)
        for limit in self._limits:
            block[self._singles[start:stop] == np.float32(limit)] = limit


def _column(feature: Feature, values: npt.NDArray[np.generic]) -> Numbers:
    if values.dtype != np.float32:
        return Numbers(values)
    limits = [
        limit for limit in (feature.minimum, feature.maximum) if limit is not None and float(np.float32(limit)) != limit
    ]
    return _SingleNumbers(values.view(np.float32), limits)


def datatypes_of(feature: Feature) -> tuple[str, ...]:
    """Return the data types that a tensor of a feature may have."""
    if feature.categories is not None:
        return (BYTES,)
    return (*FLOATS, *INTEGERS, BOOL) if feature.type == "bool" else (*FLOATS, *INTEGERS)


def _check_datatype(tensor: InputTensor, allowed: Sequence[str], what: str) -> None:
    if tensor.datatype not in allowed:
        raise MalformedBody(
            f"input {tensor.name}: the datatype of {what} must be {' or '.join(allowed)}, not {tensor.datatype}"
        )
