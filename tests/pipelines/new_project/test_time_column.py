from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from pipelines.errors import InvalidData
from pipelines.new_project.time_column import choose_time
from pipelines.new_project.values import look_at


def days(name, *, start="2024-01-01", rows=30, zone=None, gap=False):
    times = pd.Series(pd.date_range(start, periods=rows, tz=zone), name=name)
    if gap:
        times.iloc[3] = pd.NaT
    return look_at(times)


FUTURE = (datetime.now(UTC) + timedelta(days=100)).strftime("%Y-%m-%d")


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ([days("seen")], "seen"),
        ([days("birth_date"), days("visit")], "visit"),
        ([days("visit"), days("created_at")], "created_at"),
        ([days("birth_date")], None),
        ([days("seen", gap=True)], None),
        ([days("seen", rows=5)], None),
        ([days("seen", start=FUTURE)], None),
        ([look_at(pd.Series(range(30), name="time"))], None),
    ],
)
def test_likeliest(columns, name):
    found, assumed = choose_time(columns, None)

    assert (found and found.name) == name
    assert bool(assumed) == bool(name)


def test_others_and_the_assumed_zone_are_named():
    _, assumed = choose_time([days("seen"), days("visit")], None)

    assert "Other times: visit (--time)" in assumed
    assert "UTC is assumed" in assumed
    assert "UTC is assumed" not in choose_time([days("seen", zone="Europe/Berlin")], None)[1]


def test_zone():
    assert choose_time([days("seen", zone="Europe/Berlin")], None)[0].timezone == "Europe/Berlin"
    assert choose_time([days("seen")], None)[0].timezone == "UTC"
    fixed = look_at(pd.Series(pd.date_range("2024-01-01", periods=30, tz="+02:00"), name="seen"))
    assert choose_time([fixed], None)[0].timezone == "UTC"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (look_at(pd.Series(["a", "b"], name="x")), "--time x: the column has no times such as 2025-03-31"),
        (days("x", gap=True), r"is empty in 1 row\(s\): a row without a time cannot be split by it"),
        (days("x", start=FUTURE), "has times in the future"),
        (look_at(pd.Series(["31/12/2024", "1/2/2025"], name="x")), "no times in the form of ISO 8601, such as 31/12"),
    ],
)
def test_wanted_column_that_is_no_time(values, message):
    with pytest.raises(InvalidData, match=message):
        choose_time([values], "x")


def test_wanted_column_wins():
    assert choose_time([days("created_at"), days("birth_date")], "birth_date")[0].name == "birth_date"
