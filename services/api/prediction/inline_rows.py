"""How many rows a model predicts on the event loop: as many as it keeps waiting for a short time only."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from evaluation.encoding import encode
from services.api.model.loaded import Model

__all__ = ["INLINE_ROWS", "measure_inline_rows"]

INLINE_ROWS = 1024
"""At most; more are predicted in a thread, so that other requests are answered meanwhile."""

INLINE_SECONDS = 0.01
"""How long the evaluation of the trees may keep the event loop."""

MEASURED_ROWS, REPEATS = 64, 3


def measure_inline_rows(model: Model, clock: Callable[[], float] = time.thread_time) -> int:
    """Return the number of rows, from the time that the model takes for its example, repeated."""
    contract = model.bundle.contract
    rows = np.repeat(encode([contract.example], contract), MEASURED_ROWS, axis=0)
    seconds = min(_time(model, rows, clock) for _ in range(REPEATS))
    fitting = INLINE_ROWS if seconds <= 0 else int(INLINE_SECONDS * MEASURED_ROWS / seconds)
    return max(1, min(INLINE_ROWS, fitting))


def _time(model: Model, rows: np.ndarray, clock: Callable[[], float]) -> float:
    began = clock()
    model.predict(rows)
    return clock() - began
