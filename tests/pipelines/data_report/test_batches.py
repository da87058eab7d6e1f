"""Both formats give the same values as validate reads; what cannot be read is counted, not refused."""

import numpy as np
import pandas as pd
import pytest

from pipelines.config.schema import Schema
from pipelines.data_report import batches as module
from pipelines.data_report.batches import Batches
from pipelines.errors import InvalidData, MissingData

SCHEMA = Schema.model_validate(
    {
        "target": {"name": "y", "classes": ["a", "b"], "values": ["no", "yes"]},
        "time": {"name": "seen", "timezone": "Europe/Berlin"},
        "identifiers": [{"name": "tag"}],
        "features": [
            {"name": "size", "type": "float", "nullable": True},
            {"name": "ripe", "type": "bool"},
            {"name": "kind", "type": "category", "nullable": True},
        ],
    }
)


def table(rows=200):
    frame = pd.DataFrame(
        {
            "tag": range(rows),
            "unused": "x",
            "seen": pd.date_range("2025-03-30", periods=rows, freq="1h").strftime("%Y-%m-%dT%H:%M:%SZ"),
            "size": np.arange(rows) / 4,
            "ripe": np.arange(rows) % 3 == 0,
            "kind": np.array(["NA", "pear"])[np.arange(rows) % 2],
            "y": np.array(["no", "yes"])[np.arange(rows) % 2],
        }
    )
    frame.loc[5, ["size", "kind", "y"]] = None
    return frame


@pytest.mark.parametrize("suffix", ["csv", "parquet", ""])
def test_values_of_all_formats(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(module, "ROWS", 64)
    monkeypatch.setattr(module, "BLOCK_BYTES", 1024)
    path = tmp_path / f"t.{suffix}".rstrip(".")
    if suffix == "csv":
        table().to_csv(path, index=False)
    elif suffix == "parquet":
        table().to_parquet(path, index=False)
    else:
        path.mkdir()
        for number in range(4):
            table()[number * 50 : number * 50 + 50].to_parquet(path / f"{number}.parquet", index=False)

    found = list(Batches(path, SCHEMA))

    assert len(found) > 2 and sum(batch.rows for batch in found) == 200
    sizes = np.concatenate([batch.numbers["size"] for batch in found])
    np.testing.assert_array_equal(sizes, table()["size"].to_numpy())
    assert np.concatenate([batch.numbers["ripe"] for batch in found]).sum() == 67
    kinds = pd.concat([batch.texts["kind"] for batch in found], ignore_index=True)
    assert kinds.isna().sum() == 1 and (kinds == "NA").sum() == 100
    times = pd.concat([batch.times for batch in found], ignore_index=True)
    assert times.iloc[0] == pd.Timestamp("2025-03-30 01:00") and times.iloc[1] == pd.Timestamp("2025-03-30 03:00")
    assert all(not any(batch.unreadable.values()) for batch in found)


def test_unreadable_cells_are_counted(tmp_path):
    wrong = table().astype({"size": "str"})
    wrong.loc[[1, 2], "size"] = "wide"
    wrong["seen"] = wrong["seen"].str.removesuffix("Z")
    wrong.loc[7, "seen"] = "soon"
    wrong.to_csv(tmp_path / "t.csv", index=False)

    [batch] = Batches(tmp_path / "t.csv", SCHEMA)

    assert (batch.unreadable["size"], batch.unreadable["seen"]) == (2, 1)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(MissingData, match=r"t\.csv not found; put the table beside its pointer"):
        Batches(tmp_path / "t.csv", SCHEMA)
    table().drop(columns="kind").to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InvalidData, match=r"missing column\(s\) kind, which schema\.yaml names"):
        Batches(tmp_path / "t.csv", SCHEMA)
    (tmp_path / "t.csv").write_text("tag,seen,size,ripe,kind,y\n1,2025-01-01,1,1,a,no\n1,2\n")
    with pytest.raises(InvalidData, match=r"cannot read .*t\.csv: CSV parse error: Expected 6 columns, got 2: 1,2"):
        list(Batches(tmp_path / "t.csv", SCHEMA))
    (tmp_path / "t.parquet").write_bytes(b"no Parquet")
    with pytest.raises(InvalidData, match="cannot read"):
        Batches(tmp_path / "t.parquet", SCHEMA)
