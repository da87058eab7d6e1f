import pytest

from services.api.prediction.inline_rows import INLINE_ROWS, MEASURED_ROWS, measure_inline_rows


class Clock:
    """Each measurement takes the next of these times."""

    def __init__(self, *seconds):
        self._readings = [reading for each in seconds for reading in (0.0, each)]

    def __call__(self):
        return self._readings.pop(0)


@pytest.mark.parametrize(
    ("seconds_a_row", "rows"), [(0.0, INLINE_ROWS), (1e-6, INLINE_ROWS), (1e-4, 100), (2.5e-4, 40), (1.0, 1)]
)
def test_slow_model_predicts_fewer_rows_on_the_event_loop(model, seconds_a_row, rows):
    seconds = seconds_a_row * MEASURED_ROWS

    assert measure_inline_rows(model, Clock(2 * seconds, seconds, 3 * seconds)) == pytest.approx(rows, abs=1)


def test_small_model_predicts_as_many_as_possible(model):
    assert measure_inline_rows(model) == INLINE_ROWS
