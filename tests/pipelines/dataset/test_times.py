import pandas as pd
import pytest

from pipelines.config.schema import TimeColumn
from pipelines.dataset.times import as_wall_clock
from pipelines.errors import InvalidData

NEW_YORK = TimeColumn(name="seen", timezone="America/New_York")


@pytest.mark.parametrize("day", ["2013-03-10", "2013-11-03"])
def test_daylight_saving_changes_lose_no_hour(day):
    instants = pd.Series(pd.date_range(f"{day}T00:00:00Z", periods=30, freq="h")).dt.tz_convert("America/New_York")

    wall_clock = as_wall_clock(instants, NEW_YORK)

    assert wall_clock.notna().all()
    assert wall_clock.dt.tz is None
    assert wall_clock.tolist() == [instant.replace(tzinfo=None) for instant in instants]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_times_are_converted_to_the_zone_of_the_schema(zone):
    instants = pd.Series(pd.to_datetime(["2013-07-01T16:00:00Z"])).dt.tz_convert(zone)

    assert as_wall_clock(instants, NEW_YORK).tolist() == [pd.Timestamp("2013-07-01 12:00:00")]


@pytest.mark.parametrize(
    "text", ["2013-07-01T16:00:00Z", "2013-07-01 12:00:00-04:00", "2013-07-02T01:00+0900", "2013-07-01T18:00:00.000+02"]
)
def test_text_with_an_offset_is_an_instant(text):
    assert as_wall_clock(pd.Series([text, None], dtype="str"), NEW_YORK).iloc[0] == pd.Timestamp("2013-07-01 12:00:00")


@pytest.mark.parametrize("text", ["2013-07-01T12:00:00", "2013-07-01", "01-07-2013", "yesterday"])
def test_text_without_an_offset_is_unchanged(text):
    times = pd.Series([text], dtype="str")

    pd.testing.assert_series_equal(as_wall_clock(times, NEW_YORK), times)


def test_mixed_offsets_are_reported():
    times = pd.Series(["2013-07-01T12:00:00Z", None, "2013-07-01T12:00:00"], dtype="str")

    with pytest.raises(InvalidData, match="row 3, column seen: '2013-07-01T12:00:00' has no UTC offset"):
        as_wall_clock(times, NEW_YORK)


def test_invalid_time_with_an_offset_is_reported():
    times = pd.Series(["2013-07-01T12:00:00Z", "2013-77-01T12:00:00Z"], dtype="str")

    with pytest.raises(InvalidData, match="row 2, column seen: '2013-77-01T12:00:00Z' is not a time"):
        as_wall_clock(times, NEW_YORK)


def test_dates_are_unchanged():
    times = pd.Series(pd.to_datetime(["2013-07-01"]))

    pd.testing.assert_series_equal(as_wall_clock(times, NEW_YORK), times)
