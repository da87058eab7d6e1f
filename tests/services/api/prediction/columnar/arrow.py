"""Write Arrow streams as clients do."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

__all__ = ["ORCHARD", "stream", "table"]

ORCHARD = {
    "height": pa.float64(),
    "age": pa.int64(),
    "grafted": pa.bool_(),
    "kind": pa.string(),
    "soil": pa.string(),
}
"""Types of the columns of the tests' contract."""


def table(rows: list[dict[str, Any]], **types: pa.DataType) -> pa.Table:
    """Return rows as columns, some of which have another type than in ORCHARD."""
    names = dict.fromkeys(name for row in rows for name in row)
    kinds = ORCHARD | types
    return pa.table({name: pa.array([row.get(name) for row in rows], kinds.get(name)) for name in names})


def stream(rows: pa.Table, *, batch_rows: int | None = None, **options: Any) -> bytes:
    """Return the IPC stream of a table."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(rows, max_chunksize=batch_rows)
    return bytes(sink.getvalue())
