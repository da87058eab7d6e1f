"""Read an Arrow IPC stream into the matrix of the model.

It is read here, in NumPy, and not with a library: docs/adr/0020-arrow-without-a-library.md says why. Nothing is larger
than the body: compressed buffers are refused, and every other one is a part of the body.

Source: https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from evaluation.columns import Floats
from services.api.errors import MalformedBody, TooManyRows
from services.api.prediction.columnar.arrow_batch import read_columns
from services.api.prediction.columnar.arrow_buffers import Buffers
from services.api.prediction.columnar.arrow_messages import DICTIONARY, RECORDS, SCHEMA, Message, split
from services.api.prediction.columnar.arrow_schema import TEXTS, Kind, Plan, read_plan
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.columnar.flatbuffers import BOOL, INT64, Malformed

__all__ = ["ArrowReader"]

FORM = "send a stream with one column for each feature, as pyarrow.ipc.new_stream writes it"
MAX_PLANS = 16
MAX_KEPT_BYTES = 64 * 1024
"""Plans are kept for schemas up to this size, because a client sends the same one again."""


@dataclass
class _Parts:
    """What has been read of one stream."""

    plan: Plan
    codes: dict[int, Floats] = field(default_factory=dict)
    texts: dict[int, list[bytes | None]] = field(default_factory=dict)
    matrices: list[npt.NDArray[np.float32]] = field(default_factory=list)
    rows: int = 0


class ArrowReader:
    """Reads the streams of one contract."""

    def __init__(self, columns: Columns, *, max_rows: int, form: str = "Arrow stream") -> None:
        """Store the contract's columns and the limit of rows; ``form`` is what the client has sent."""
        self._columns, self._max_rows, self._form = columns, max_rows, form
        self._plans: dict[bytes, Plan] = {}

    def read_matrix(self, body: bytes | bytearray) -> npt.NDArray[np.float32]:
        """Return the (n, features) encoded rows of a stream.

        Raises:
            MalformedBody: it is not a stream, or has a part that is not supported.
            TooManyRows
            InvalidRows: lists up to 20 columns or values, and what each must be.
        """
        try:
            return self._read(memoryview(body).toreadonly())
        except Malformed as error:
            raise MalformedBody(f"Invalid {self._form}: {error}; {FORM}") from error

    def _read(self, body: memoryview) -> npt.NDArray[np.float32]:
        messages = split(body)
        first = next(messages, None)
        if first is None or first.kind != SCHEMA:
            raise Malformed("it does not begin with a schema")
        parts = _Parts(self._plan(first))
        for message in messages:
            if message.kind == DICTIONARY:
                self._add_dictionary(parts, message)
            elif message.kind == RECORDS:
                self._add_rows(parts, message)
            else:
                raise Malformed("it has a message that is neither records nor a dictionary")
        if not parts.rows:
            raise Malformed("it has no rows")
        return parts.matrices[0] if len(parts.matrices) == 1 else np.concatenate(parts.matrices)

    def _plan(self, schema: Message) -> Plan:
        metadata = bytes(schema.metadata)
        plan = self._plans.get(metadata)
        if plan is None:
            plan = read_plan(schema.header, self._columns)
            if len(metadata) <= MAX_KEPT_BYTES:
                if len(self._plans) >= MAX_PLANS:
                    self._plans.clear()
                self._plans[metadata] = plan
        return plan

    def _add_rows(self, parts: _Parts, message: Message) -> None:
        rows = message.header.number(0, INT64)
        if rows > self._max_rows - parts.rows:
            raise TooManyRows(f"columns: send at most {self._max_rows:,} rows in one request")
        buffers = Buffers(message.header, message.body, parts.plan.fields, max_rows=self._max_rows)
        if not buffers.rows:
            return
        columns = read_columns(buffers, parts.plan, self._columns.coders, parts.codes)
        parts.matrices.append(self._columns.encode(columns, buffers.rows, before=parts.rows))
        parts.rows += buffers.rows

    def _add_dictionary(self, parts: _Parts, message: Message) -> None:
        """Keep the codes of a dictionary's texts, which replace or extend an earlier one."""
        header = message.header
        number, batch = header.number(0, INT64), header.table(1)
        users = [
            (place, field)
            for field, place in zip(parts.plan.fields, parts.plan.features, strict=True)
            if field.kind is Kind.CODED and field.dictionary_id == number
        ]
        if batch is None or not users:
            raise Malformed("it has a dictionary that no column uses")
        values = users[0][1].values
        if values is None or values.kind not in TEXTS:
            raise Malformed("a dictionary has no texts")
        buffers = Buffers(batch, message.body, [values], max_rows=self._max_rows)
        texts = buffers.texts(values).read(0, buffers.rows) if buffers.rows else []
        if header.number(2, BOOL, False):
            texts = parts.texts.get(number, []) + texts
            if len(texts) > self._max_rows:
                raise Malformed(f"a dictionary has more than {self._max_rows:,} texts")
        parts.texts[number] = texts
        for place, _ in users:
            coder = None if place is None else self._columns.coders[place]
            if place is not None and coder is not None:
                parts.codes[place] = coder([*texts, None])
