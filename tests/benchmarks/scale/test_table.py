import hashlib

import pandas as pd

from benchmarks.scale import table as module
from benchmarks.scale.table import write_project
from pipelines.config.params import load_params
from pipelines.config.schema import load_schema
from pipelines.dataset.pointer import load_pointer
from pipelines.stages.validate import check_table


def test_table_is_valid_and_in_time_order_and_the_same_every_time(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PIECE_ROWS", 700)  # the last piece is shorter
    first, second = (write_project(tmp_path / name, rows=1500, rounds=50, threads=1) for name in ("a", "b"))
    folder = tmp_path / "a" / "pipelines"
    schema, params = load_schema(folder / "schema.yaml"), load_params(folder / "params.yaml")

    rows = check_table(pd.read_parquet(first), schema, params.validate_)

    assert len(rows) == 1500 and len(schema.feature_names) == 16
    assert rows["visited"].is_monotonic_increasing and rows["visited"].iloc[-1] > pd.Timestamp("2020-12-30")
    assert 0.2 < rows["bought"].mean() < 0.8
    assert first.read_bytes() == second.read_bytes()


def test_pointer_names_the_table(tmp_path):
    path = write_project(tmp_path, rows=100, rounds=5, threads=1)

    pointer = load_pointer(path.with_name("current.yaml"))

    assert pointer.md5 == hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    assert (pointer.name, pointer.size_bytes) == (path.name, path.stat().st_size)
