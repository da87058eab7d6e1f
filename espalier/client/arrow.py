"""Rows and predictions as Arrow IPC streams."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from espalier.client.errors import UnexpectedAnswer
from espalier.client.predictions import kind_of_columns
from espalier.client.results import Answered, Model

__all__ = ["read_stream", "write_stream"]


def write_stream(rows: pa.Table) -> bytes:
    """Return the stream of a table, in one batch, with the types of the API's contract and NaN as a missing value."""
    columns = {name: _simple(rows.column(name)) for name in rows.column_names}
    table = pa.table(columns).unify_dictionaries().combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def read_stream(content: bytes) -> Answered:
    """Return the answer of a stream.

    Raises:
        UnexpectedAnswer: it is not a stream with the columns and the metadata of predictions.
    """
    try:
        table = pa.ipc.open_stream(content).read_all()
        kind_of_columns(table.column_names)
        metadata: dict[bytes, bytes] = table.schema.metadata or {}
        return Answered(
            Model.read(json.loads(metadata[b"model"])),
            metadata[b"feedback_token"].decode(),
            metadata[b"request_id"].decode(),
            table.num_rows,
            columns={name: _values(table.column(name)) for name in table.column_names},
        )
    except (pa.ArrowException, KeyError, ValueError, UnexpectedAnswer) as error:
        raise UnexpectedAnswer(f"the answer is not an Arrow stream of predictions: {error}") from error


def _simple(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind) and not pa.types.is_string(kind.value_type):
        if _is_text(kind.value_type):
            return column.cast(pa.dictionary(pa.int32(), pa.string()))
        return _simple(column.cast(kind.value_type))
    if _is_text(kind):
        return column if pa.types.is_string(kind) else column.cast(pa.string())
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_floating(kind):
        column = column.cast(pa.float32()) if pa.types.is_float16(kind) else column
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return numbers, or texts of which equal ones are one object, because there are few labels and many rows."""
    if not (pa.types.is_dictionary(column.type) or _is_text(column.type)):
        numbers: list[float] = column.to_pylist()
        return numbers
    labels: list[str] = []
    for chunk in column.chunks:
        encoded: Any = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        labels += [names[index] for index in encoded.indices.to_pylist()]
    return labels
