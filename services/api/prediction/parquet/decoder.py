"""Decode Parquet files into Arrow streams, one at a time in each worker."""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.requests import Request

from evaluation.columns import BLOCK_ROWS
from services.api.errors import ApiError, BodyCutShort, BodyTooLarge, Busy, InvalidRequest, MalformedBody, TooManyRows
from services.api.prediction.batches import Batches, Cost
from services.api.prediction.columnar.arrow_messages import MAX_MESSAGES, RECORDS, split
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.columnar.flatbuffers import INT64, Malformed
from services.api.prediction.parquet.footer import Footer, read_footer
from services.api.prediction.parquet.process import Decoding, End, Ended, Limits
from services.api.prediction.validation import MAX_PROBLEMS, refuse_fields

__all__ = ["ParquetDecoder"]

WATCH_SECONDS = 0.25
"""How often it is checked whether the client is still there."""

ADVICE = "write it again with a column for each feature, as pyarrow and Polars do, or send an Arrow stream"

log = logging.getLogger("espalier.api.parquet")


class ParquetDecoder:
    """Decodes files with the columns of one contract."""

    def __init__(self, columns: Columns, batches: Batches, *, max_rows: int, limits: Limits) -> None:
        """Store the limits; ``batches`` says how many processes run and wait."""
        self._columns, self._batches, self._max_rows, self._limits = columns, batches, max_rows, limits
        # A record batch may come with a dictionary for each column.
        most = -(-max_rows * (columns.most + 1) // (MAX_MESSAGES - 100))
        self._batch_rows = max(BLOCK_ROWS, most)

    async def decode(self, request: Request, file: bytes | bytearray) -> bytearray:
        """Return a file as an Arrow stream, whose values are not checked.

        The process ends when the request is cancelled, or its client leaves.

        Raises:
            MalformedBody: it is damaged, needs too much, or has a part that is not supported.
            TooManyRows
            InvalidRows: lists up to 20 columns that are missing, unknown, duplicates, or have columns of their own.
            BodyTooLarge: it is, decoded.
            Busy: too many wait, or no process can be started.
            BodyCutShort: the client has disconnected.
        """
        decoding = Decoding(self._limits)
        watching = asyncio.create_task(_stop_without_client(request, decoding))
        try:
            found = await self._batches.run(request, Cost("Parquet files", 1), self._decode, decoding, file)
        finally:
            watching.cancel()
            decoding.stop()
        if isinstance(found, ApiError):
            raise found
        return found

    def _decode(self, decoding: Decoding, file: bytes | bytearray) -> bytearray | ApiError:
        """Decode in a thread. An error is returned and not raised, for its time is to be measured like any other's."""
        try:
            footer = read_footer(file, max_columns=self._columns.most + MAX_PROBLEMS)
            self._check(footer)
            started = time.monotonic()
            try:
                ended = decoding.run(file, batch_rows=self._batch_rows)
            except OSError as error:
                log.warning("no process to decode a Parquet file", extra={"error": str(error)})
                return Busy("no process to decode the Parquet file could be started; retry in a second")
            if ended.how is not End.DONE:
                seconds = round(time.monotonic() - started, 3)
                log.warning(
                    "Parquet file not decoded", extra={"end": ended.how.value, "status": ended.status, "took": seconds}
                )
                return self._refusal(ended.how)
            self._check_rows(ended, footer)
        except Malformed as error:
            return MalformedBody(f"Invalid Parquet file: {error}; {ADVICE}")
        except InvalidRequest as error:
            return error
        return ended.stream

    def _check(self, footer: Footer) -> None:
        """Check what a file claims, before anything of it is decoded."""
        if not footer.rows:
            raise Malformed("it has no rows")
        if footer.rows > self._max_rows:
            raise TooManyRows(f"columns: send at most {self._max_rows:,} rows in one request")
        self._columns.check_names(footer.columns)
        if footer.nested:
            wrong = [name for name in footer.columns if name in footer.nested]
            problems = [self._columns.wrong_type(name, "nested columns") for name in wrong[:MAX_PROBLEMS]]
            raise refuse_fields(tuple(problems))

    def _check_rows(self, ended: Ended, footer: Footer) -> None:
        """Check that the rows are as many as the file claims: a damaged file may have lost some."""
        messages = split(memoryview(ended.stream).toreadonly())
        rows = sum(message.header.number(0, INT64) for message in messages if message.kind == RECORDS)
        if rows != footer.rows:
            raise Malformed(f"its metadata says that it has {footer.rows:,} rows, but it has {rows:,}")

    def _refusal(self, end: End) -> ApiError:
        limits = self._limits
        if end is End.STOPPED:
            return BodyCutShort("the client disconnected before its Parquet file was decoded")
        if end is End.TOO_LARGE:
            text = f"decoded, the Parquet file has more than {limits.output_bytes:,} bytes; send fewer rows"
            return BodyTooLarge(text)
        if end is End.LATE:
            why = f"decoding took longer than {limits.seconds} s; send fewer rows, in larger row groups"
        else:
            memory = f"takes more than {limits.memory_bytes >> 20} MiB of memory to decode"
            why = f"it is damaged, has an encoding or compression that is not supported, or {memory}"
        return MalformedBody(f"Invalid Parquet file: {why}; {ADVICE}")


async def _stop_without_client(request: Request, decoding: Decoding) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(WATCH_SECONDS)
    decoding.stop()
