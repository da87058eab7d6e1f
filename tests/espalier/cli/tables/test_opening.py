"""Every format, as pandas and other programs write it."""

import json

import pandas as pd
import pyarrow as pa
import pytest

from espalier.cli.output import CommandFailed
from espalier.cli.tables import opening
from espalier.cli.tables.batch import Wanted
from espalier.cli.tables.opening import open_source

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
COLUMNS = ["arrow", "csv", "feather", "parquet", "stream.arrow"]


@pytest.fixture(params=["json", "jsonl", *COLUMNS])
def path(request, tmp_path):
    """Three rows with columns that are no features; age is a column of floats in pandas, because of its gap."""
    path = tmp_path / f"trees.{request.param}"
    rows = [{"tag": f"T{number}", **row} for number, row in enumerate(ROWS)]
    frame = pd.DataFrame(rows).assign(note="a, b")
    if path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=1))
    elif path.suffix == ".jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n\n" for row in rows))
    elif path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        open_writer = pa.ipc.new_stream if "stream" in path.name else pa.ipc.new_file
        table = pa.Table.from_pandas(frame)
        with open_writer(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=1)
    return path


def test_every_format_gives_typed_batches(path):
    batches = list(open_source(path).batches(Wanted(FEATURES, ["tag"], size=2)))

    assert [len(batch.rows) for batch in batches] == [2, 1]
    assert [row for batch in batches for row in batch.rows] == ROWS
    assert [kept["tag"] for batch in batches for kept in batch.kept] == ["T0", "T1", "T2"]


@pytest.mark.parametrize("path", COLUMNS, indirect=True)
def test_columns_become_arrow_with_the_types_of_the_contract(path):
    batches = list(open_source(path).batches(Wanted(FEATURES, ["tag"], size=2, as_arrow=True)))

    assert [batch.rows.num_rows for batch in batches] == [2, 1]
    assert [row for batch in batches for row in batch.rows.to_pylist()] == ROWS
    types = [str(kind).replace("large_", "") for kind in batches[0].rows.schema.types]
    assert types == ["double", "int64", "bool", "string"]
    assert [kept["tag"] for batch in batches for kept in batch.kept] == ["T0", "T1", "T2"]


@pytest.mark.parametrize("path", COLUMNS, indirect=True)
def test_missing_columns_are_named(path):
    with pytest.raises(CommandFailed, match="no column soil, which the model needs"):
        list(open_source(path).batches(Wanted([*FEATURES, {"name": "soil", "type": "category"}])))
    with pytest.raises(CommandFailed, match="no column label, which --id-column requests"):
        list(open_source(path).batches(Wanted(FEATURES, ["label"])))


@pytest.mark.parametrize(
    "name", ["absent.csv", "absent.parquet", "absent.json", "absent.arrow", "broken.parquet", "broken.arrow"]
)
def test_unreadable_file_is_reported(tmp_path, name):
    for broken in ("broken.parquet", "broken.arrow"):
        (tmp_path / broken).write_text("no")

    with pytest.raises(CommandFailed, match="cannot read"):
        list(open_source(tmp_path / name).batches(Wanted(FEATURES)))


def test_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "find_spec", lambda _: None)

    with pytest.raises(CommandFailed, match="need the package pyarrow"):
        open_source(tmp_path / "trees.parquet")


@pytest.mark.parametrize("path", ["parquet", "json"], indirect=True)
def test_total_is_known_if_the_format_has_it(path):
    source = open_source(path)
    next(source.batches(Wanted(FEATURES, size=1)))

    assert source.total == 3
