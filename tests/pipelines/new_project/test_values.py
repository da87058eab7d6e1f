import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from pipelines.new_project.values import look_at


def seen(values, dtype=None):
    return look_at(pd.Series(values, name="x", dtype=dtype))


@pytest.mark.parametrize(
    ("cells", "kind", "is_whole"),
    [
        (["1", "2", None], "number", True),
        (["1.0", "2.0"], "number", False),
        (["1e3", "-.5"], "number", False),
        (["True", "false", None], "bool", False),
        (["yes", "no"], "text", False),
        (["2025-01-31", "2025-02-01 10:00:00"], "time", False),
        ([None, None], "empty", False),
        ([True, False, None], "bool", False),
        ([1, 2, 3], "number", True),
        ([1.0, 2.0, None], "number", True),  # whole numbers of Parquet with empty cells
        ([1.0, 2.0, 3.0], "number", False),
        ([datetime.date(2025, 1, 31), None], "time", False),
        ([Decimal("1.5"), None], "number", False),
        ([np.array([1]), np.array([2])], "other", False),
        (pd.Categorical(["a", "b", None]), "text", False),
    ],
)
def test_kinds(cells, kind, is_whole):
    found = seen(cells)

    assert (found.kind, found.is_whole) == (kind, is_whole)
    assert found.missing == sum(np.ndim(cell) == 0 and pd.isna(cell) for cell in list(cells))


def test_few_texts_among_numbers_are_named():
    found = seen([*map(str, range(30)), "NA", "?"])

    assert (found.kind, found.odd) == ("number", ("NA", "?"))
    assert seen([*map(str, range(3)), "NA", "?"]).kind == "text"


def test_numbers_that_the_model_cannot_have_are_named():
    assert seen([1.0, np.inf]).odd == ("inf",)
    assert seen(["1", "1e39"]).odd == ("1e+39",)


def test_times_are_local_times_with_their_zone():
    zoned = pd.Series(pd.to_datetime(["2025-07-01 10:00"]).tz_localize("Europe/Berlin"), name="x")

    found = look_at(zoned)

    assert found.zone == "Europe/Berlin"
    assert found.cells.iloc[0] == pd.Timestamp("2025-07-01 10:00")
    assert seen(["2025-07-01T10:00:00+02:00"]).cells.iloc[0] == pd.Timestamp("2025-07-01 08:00")
    assert seen(["2025-07-01T10:00:00+02:00"]).zone == "UTC"


def test_dates_that_could_be_read_in_two_ways_are_no_times():
    assert seen(["31/12/2024", "01/02/2025"]).odd == ("31/12/2024",)
    assert seen([*["2025-01-01"] * 20, "2025-02-30"]).odd == ("2025-02-30",)
