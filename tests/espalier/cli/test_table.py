import json

import pandas as pd
import pytest

from espalier.cli.output import CommandFailed
from espalier.cli.table import open_source

FEATURES = [
    {"name": "height", "type": "float"},
    {"name": "age", "type": "int"},
    {"name": "grafted", "type": "bool"},
    {"name": "kind", "type": "category"},
]
ROWS = [
    {"height": 3.5, "age": 12, "grafted": True, "kind": "pear"},
    {"height": None, "age": None, "grafted": False, "kind": None},
    {"height": 1.0, "age": 3, "grafted": True, "kind": "plum"},
]


@pytest.fixture(params=["csv", "parquet", "json"])
def path(request, tmp_path):
    path = tmp_path / f"trees.{request.param}"
    rows = [{"tag": f"T{number}", **row} for number, row in enumerate(ROWS)]
    if request.param == "json":
        path.write_text(json.dumps(rows))
    elif request.param == "csv":
        pd.DataFrame(rows).assign(note="a, b").to_csv(path, index=False)
    else:
        pd.DataFrame(rows).assign(note="a, b").to_parquet(path)  # age is a column of floats then, because of its gap
    return path


def test_every_format_gives_typed_batches(path):
    batches = list(open_source(path).batches(FEATURES, 2, ["tag"]))

    assert [len(batch.rows) for batch in batches] == [2, 1]
    assert [row for batch in batches for row in batch.rows] == ROWS
    assert [kept["tag"] for batch in batches for kept in batch.kept] == ["T0", "T1", "T2"]


@pytest.mark.parametrize("path", ["csv", "parquet"], indirect=True)
def test_missing_columns_are_named(path):
    with pytest.raises(CommandFailed, match="no column soil, which the model needs"):
        list(open_source(path).batches([*FEATURES, {"name": "soil", "type": "category"}], 2, []))
    with pytest.raises(CommandFailed, match="no column label, which --id-column requests"):
        list(open_source(path).batches(FEATURES, 2, ["label"]))


@pytest.mark.parametrize("name", ["absent.csv", "absent.parquet", "absent.json", "broken.parquet"])
def test_unreadable_file_is_reported(tmp_path, name):
    (tmp_path / "broken.parquet").write_text("no")

    with pytest.raises(CommandFailed, match="cannot read"):
        list(open_source(tmp_path / name).batches(FEATURES, 2, []))


def test_total_is_known_if_the_format_has_it(path):
    assert open_source(path).total == (None if path.suffix == ".csv" else 3)
