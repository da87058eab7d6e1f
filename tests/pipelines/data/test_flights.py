import pandas as pd
import pytest

from pipelines.config.params import PARAMS_FILE, load_params
from pipelines.config.schema import SCHEMA_FILE, load_schema
from pipelines.data import flights
from pipelines.dataset.pointer import check_file, load_pointer
from pipelines.errors import MissingData
from pipelines.stages.validate import check_table

POINTER = flights.FLIGHTS_CSV.with_name("flights.csv.dvc")
ROOT = POINTER.parents[2]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return flights.export_flights(tmp_path_factory.mktemp("export") / "flights.csv")


def test_export_matches_the_committed_pointer(exported):
    check_file(exported, load_pointer(POINTER))


def test_export_has_the_expected_rows(exported):
    table = pd.read_csv(exported)
    late = table[(table["scheduled"] >= "2013-10-01") & table["late"].notna()]["late"]

    assert len(table) == 336_776
    assert late.mean() == pytest.approx(0.2297, abs=0.00005)
    assert table["wind_speed"].max() < flights.MAX_WIND_MPH


def test_every_row_matches_the_committed_schema(exported):
    from pipelines.dataset.tables import read_table

    schema = load_schema(ROOT / SCHEMA_FILE)

    checked = check_table(read_table(exported, schema), schema, load_params(ROOT / PARAMS_FILE).validate_)

    assert len(checked) == 336_776


def test_nothing_known_only_after_departure_is_exported(exported):
    columns = set(pd.read_csv(exported, nrows=1).columns)

    assert not columns & {"dep_delay", "dep_time", "arr_time", "air_time", "arr_delay"}


def test_missing_package_is_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(flights.importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(MissingData, match=r"espalier\[demo\]"):
        flights.export_flights(tmp_path / "flights.csv")
