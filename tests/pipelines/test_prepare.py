import pandas as pd
import pytest

from pipelines.errors import InvalidData
from pipelines.params import PrepareParams
from pipelines.prepare import split_by_time


@pytest.fixture
def rows(table):
    known = table[table["bears"].notna()].copy()
    known["seen"] = pd.to_datetime(known["seen"])
    return known.sample(frac=1, random_state=1)


@pytest.mark.parametrize("params", [PrepareParams(test_share=0.3), PrepareParams(test_from="2025-05-01")])
def test_no_later_row_trains(rows, schema, params):
    train, test = split_by_time(rows, schema=schema, params=params)

    assert train["seen"].max() < test["seen"].min()
    assert len(train) + len(test) == len(rows)


def test_share_is_the_newest_part(rows, schema):
    _, test = split_by_time(rows, schema=schema, params=PrepareParams(test_share=0.25))

    assert len(test) / len(rows) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("date", "side"), [("2020-01-01", "training"), ("2030-01-01", "test")])
def test_empty_side_is_said(rows, schema, date, side):
    with pytest.raises(InvalidData, match=f"{side} set is empty"):
        split_by_time(rows, schema=schema, params=PrepareParams(test_from=date))


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_only_is_said(rows, schema, label):
    with pytest.raises(InvalidData, match=f"bears = {label}"):
        split_by_time(rows[rows["bears"] == label], schema=schema, params=PrepareParams(test_share=0.3))
