import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipelines.dataset import rows as pieces
from pipelines.dataset.rows import write_rows
from pipelines.dataset.sorting import Sorting
from pipelines.errors import InvalidData

SCHEMA = pa.schema(
    [('ti"me', pa.timestamp("ns")), ("target", pa.float64()), ("kind", pa.string()), ("hash", pa.uint64())]
)


@pytest.fixture
def frame():
    """Rows of which many have the same time, down to the nanosecond."""
    random = np.random.default_rng(3)
    return pd.DataFrame(
        {
            'ti"me': pd.Timestamp("2025-01-01") + pd.to_timedelta(random.integers(0, 50, 1000), unit="ns"),
            "target": np.where(random.random(1000) < 0.1, np.nan, random.normal(size=1000)),
            "kind": np.where(random.random(1000) < 0.1, None, random.choice(["a", "NA", ""], 1000)),
            "hash": random.integers(0, 2**64, 1000, dtype=np.uint64),
        }
    ).astype({'ti"me': "datetime64[ns]", "kind": "str"})


@pytest.fixture
def sorting(frame, tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_CELLS", 1000)
    write_rows([frame], tmp_path / "table.parquet", SCHEMA)
    return Sorting(tmp_path / "table.parquet", by='ti"me', known="target", memory_mib=128)


def test_rows_are_in_the_order_that_a_stable_sort_gives(sorting, frame):
    found = pd.concat(list(sorting.rows(None, None)), ignore_index=True)

    wanted = frame[frame["target"].notna()].sort_values('ti"me', kind="stable").reset_index(drop=True)
    pd.testing.assert_frame_equal(found, wanted)


def test_limits_are_exact_to_the_nanosecond(sorting, frame):
    start, end = (pd.Timestamp("2025-01-01") + pd.Timedelta(place, unit="ns") for place in (10, 20))

    found = pd.concat(list(sorting.rows(start, end)), ignore_index=True)

    assert found['ti"me'].min() == start
    assert found['ti"me'].max() == end - pd.Timedelta(1, unit="ns")
    inside = frame['ti"me'].between(start, end, inclusive="left") & frame["target"].notna()
    assert len(found) == inside.sum()


def test_table_that_does_not_fit_into_memory_is_sorted_with_files_that_are_removed(tmp_path, monkeypatch):
    """Random texts of 320 MB, and 256 MiB for them."""
    random = np.random.default_rng(1)
    schema = pa.schema([("time", pa.timestamp("ns")), ("target", pa.float64()), ("text", pa.string())])

    def frames():
        for _ in range(20):
            texts = [random.bytes(400).hex() for _ in range(20_000)]
            times = pd.Timestamp("2025-01-01") + pd.to_timedelta(random.integers(0, 10**9, 20_000), unit="s")
            yield pd.DataFrame({"time": times.astype("datetime64[ns]"), "target": 1.0, "text": texts})

    monkeypatch.setattr(pieces, "PIECE_CELLS", 30_000)
    path = tmp_path / "table.parquet"
    write_rows(frames(), path, schema)
    found, spilled = [], set()

    for piece in Sorting(path, by="time", known="target", memory_mib=256).rows(None, None):
        found.append(piece["time"])
        spilled |= {file.name for file in (tmp_path / "sorting").glob("*")}

    times = pd.concat(found)
    assert len(times) == 400_000
    assert times.is_monotonic_increasing
    assert spilled
    assert list(tmp_path.iterdir()) == [path]


def test_file_that_cannot_be_sorted_is_reported(tmp_path):
    (tmp_path / "table.parquet").write_text("nothing of the sort")

    with pytest.raises(InvalidData, match=r"cannot sort .*table\.parquet .*PIPELINE_SORT_MEMORY_MIB"):
        list(Sorting(tmp_path / "table.parquet", by="time", known="target", memory_mib=128).rows(None, None))
