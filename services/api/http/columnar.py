"""What routes need for rows as columns: a reader for each form, the response as an Arrow stream, and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from services.api.http.large_bodies import LargeBodies
from services.api.model.loaded import Model
from services.api.prediction.columnar.arrow_answer import ArrowAnswer
from services.api.prediction.columnar.arrow_stream import ArrowReader
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.columnar.json_columns import JsonColumnsReader
from services.api.settings import Settings

__all__ = ["Columnar", "Form", "Reader", "create_columnar"]


class Form(Enum):
    """What a body with rows looks like."""

    ROWS = "rows in JSON"
    JSON_COLUMNS = "columns in JSON"
    ARROW = "Arrow stream"


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
    json: JsonColumnsReader
    answer: ArrowAnswer
    max_body_bytes: int
    max_feedback_rows: int
    """Predictions of more rows have no feedback token, because /v1/feedback takes as many labels at most."""

    bodies: LargeBodies


def create_columnar(settings: Settings, model: Model) -> Columnar:
    """Return the readers of a model's contract."""
    contract = model.bundle.contract
    columns, max_rows = Columns(contract), settings.max_columnar_rows
    by_json = JsonColumnsReader(contract, columns, max_rows=max_rows)
    return Columnar(
        readers={Form.JSON_COLUMNS: by_json, Form.ARROW: ArrowReader(columns, max_rows=max_rows)},
        json=by_json,
        answer=ArrowAnswer(model),
        max_body_bytes=settings.max_columnar_body_bytes,
        max_feedback_rows=settings.max_rows,
        # As many as are predicted, and as many that arrive meanwhile.
        bodies=LargeBodies(at_a_time=2 * settings.batch_concurrency),
    )
