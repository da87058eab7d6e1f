"""What routes need for rows as columns: a reader for each form, the response as an Arrow stream, and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from services.api.http.large_bodies import LargeBodies
from services.api.model.loaded import Model
from services.api.prediction.batches import Batches
from services.api.prediction.columnar.arrow_answer import ArrowAnswer
from services.api.prediction.columnar.arrow_stream import ArrowReader
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.columnar.json_columns import JsonColumnsReader
from services.api.prediction.feedback_tokens import MAX_VALUES
from services.api.prediction.parquet.decoder import ParquetDecoder
from services.api.prediction.parquet.process import Limits
from services.api.prediction.targets.target import ServedTarget
from services.api.settings import Settings

__all__ = ["Columnar", "Form", "Reader", "create_columnar"]

PARQUET_PROCESSES = 1
"""Files that a worker has decoded at a time."""

PARQUET_SECONDS = 5
"""That decoding one file may take; 100,000 rows of 25 columns take a tenth of a second."""

PARQUET_MEMORY_BYTES = 192 * 2**20
"""Address space of a process that decodes, besides the file and what is written of it."""


class Form(Enum):
    """What a body with rows looks like."""

    ROWS = "rows in JSON"
    JSON_COLUMNS = "columns in JSON"
    ARROW = "Arrow stream"
    PARQUET = "Parquet file"


class Reader(Protocol):
    """Reads bodies of one form."""

    def read_matrix(self, body: bytes | bytearray) -> npt.NDArray[np.float32]:
        """Return the (n, features) encoded rows of a body.

        Raises:
            InvalidRequest
        """
        ...


@dataclass(frozen=True)
class Columnar:
    """Readers by form, and limits."""

    readers: Mapping[Form, Reader]
    """That of Parquet files reads what they are decoded into."""

    parquet: ParquetDecoder
    json: JsonColumnsReader
    answer: ArrowAnswer
    max_body_bytes: int
    max_feedback_rows: int
    """Predictions of more rows have no feedback token, because /v1/feedback takes as many labels at most, and no longer
    token."""

    bodies: LargeBodies


def create_columnar(
    settings: Settings, model: Model, target: ServedTarget, on_refused: Callable[[], None] = lambda: None
) -> Columnar:
    """Return the readers of a model's contract; ``on_refused`` is called for each file that cannot wait its turn."""
    contract = model.bundle.contract
    columns, max_rows = Columns(contract), settings.max_columnar_rows
    by_json = JsonColumnsReader(contract, columns, max_rows=max_rows)
    return Columnar(
        readers={
            Form.JSON_COLUMNS: by_json,
            Form.ARROW: ArrowReader(columns, max_rows=max_rows),
            Form.PARQUET: ArrowReader(columns, max_rows=max_rows, form="Parquet file"),
        },
        parquet=_parquet_decoder(settings, columns, on_refused),
        json=by_json,
        answer=ArrowAnswer(model, target),
        max_body_bytes=settings.max_columnar_body_bytes,
        max_feedback_rows=min(settings.max_rows, MAX_VALUES // model.bundle.contract.target.outputs),
        # As many as are predicted, and as many that arrive meanwhile.
        bodies=LargeBodies(at_a_time=2 * settings.batch_concurrency),
    )


def _parquet_decoder(settings: Settings, columns: Columns, on_refused: Callable[[], None]) -> ParquetDecoder:
    batches = Batches(
        concurrency=PARQUET_PROCESSES,
        waiting=settings.max_waiting_batches,
        wait_seconds=settings.max_batch_wait_seconds,
        on_refused=on_refused,
    )
    most = max(settings.max_columnar_body_bytes, settings.max_body_bytes)
    # What a file is decoded into has the same limit as an Arrow stream that is sent.
    limits = Limits(memory_bytes=PARQUET_MEMORY_BYTES + 2 * most, output_bytes=most, seconds=PARQUET_SECONDS)
    return ParquetDecoder(columns, batches, max_rows=settings.max_columnar_rows, limits=limits)
