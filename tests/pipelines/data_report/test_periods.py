import pandas as pd
import pytest

from pipelines.data_report.periods import periods_of


@pytest.mark.parametrize(
    ("first", "last", "width"),
    [
        ("2025-01-01 05:00", "2025-01-20 07:00", "1D"),
        ("2024-01-01", "2024-12-31", "13D"),
        ("2025-01-01 05:00:10", "2025-01-01 06:00", "2min"),
    ],
)
def test_periods_cover_the_time(first, last, width):
    first, last = pd.Timestamp(first), pd.Timestamp(last)

    periods = periods_of(first, last)
    places = periods.add(pd.Series([first, last, pd.NaT]))

    assert periods.width == pd.Timedelta(width)
    assert periods.count <= 31
    assert places.tolist() == [0, periods.count - 1, -1]
    assert sum(periods.rows) == 2
    assert periods.starts[0] <= first and periods.starts[-1] <= last < periods.starts[-1] + periods.width


def test_one_time_has_no_course():
    assert periods_of(None, None) is None
    assert periods_of(pd.Timestamp("2025-01-01"), pd.Timestamp("2025-01-01")) is None
