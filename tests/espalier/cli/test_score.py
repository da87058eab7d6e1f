import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.small_project import make_table


def write_rows(path, rows=600, **changes):
    table = make_table(rows, seed=5).assign(grafted=lambda rows: rows["grafted"].astype(bool), **changes)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path, index=False)
    return path


@pytest.fixture
def orchard(make_bundle, keys, tmp_path, monkeypatch):
    """Arguments for the bundle of the tests in a folder."""
    monkeypatch.chdir(tmp_path)
    return "--bundle", str(make_bundle(tmp_path / "bundle")), "--public-key", str(keys.public)


def test_champion_of_the_registry_scores(run, candidate, registry, name, tmp_path):
    candidate()
    assert run("gate")[0] == 0
    rows = write_rows(tmp_path / "rows.parquet")

    code, out, stderr = run("score", str(rows), str(tmp_path / "scored.parquet"), "--json")

    told = json.loads(out)
    assert code == 0, stderr
    assert (told["model"]["name"], told["model"]["version"]) == (name, "1")
    assert (told["rows"], told["files"], told["evaluator"]) == (600, 1, "verified")
    assert "scored % 100/100 600 rows" in stderr
    found = pq.read_table(tmp_path / "scored.parquet")
    assert found.column_names[:5] == ["seen", "tag", "bears", "label", "probability"]
    assert json.loads(Path(told["drift_report"]).read_text())["rows"] == 600
    code, out, _ = run("score", str(rows), str(tmp_path / "scored.parquet"), "--version", "1", "--json")
    assert (code, json.loads(out)["skipped_files"], json.loads(out)["rows_per_second"]) == (0, 1, None)
    code, _, stderr = run("score", str(rows), str(tmp_path / "other.parquet"), "--version", "4")
    assert code == 7 and "has no version 4" in stderr


def test_drift_is_shown(run, orchard, tmp_path):
    rows = write_rows(tmp_path / "rows.parquet", height=49.0)

    code, out, stderr = run("score", str(rows), "scored.parquet", *orchard)

    assert code == 0, stderr
    assert "orchard version 7: 1 file(s), 600 rows" in stderr and "scored.drift.json" in stderr
    (height,) = (line for line in out.splitlines() if "height" in line)
    assert "drift: above 0.75, where the alert fires" in height


def test_small_batch_is_not_judged(run, orchard, tmp_path):
    rows = write_rows(tmp_path / "rows.parquet", 100)

    assert "too few rows" in run("score", str(rows), "scored.parquet", *orchard)[1]


def test_invalid_rows(run, orchard, tmp_path):
    rows = write_rows(tmp_path / "rows.parquet", age=[*[7] * 599, -1])

    code, _, stderr = run("score", str(rows), "scored.parquet", *orchard)
    assert (code, Path("scored.parquet").exists()) == (4, False)
    assert "row 600: age must be a whole number from 0 to 300 a" in stderr and "Traceback" not in stderr

    code, _, stderr = run("score", str(rows), "scored.parquet", *orchard, "--invalid-rows", "null")
    assert code == 0 and "600 rows, 1 of them without a prediction" in stderr
    assert pd.read_parquet("scored.parquet")["probability"].isna().sum() == 1


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("rows.parquet", "scored"), 2, "must both be files that end in .parquet, or both folders"),
        (("rows", "rows/scored"), 2, "must not contain each other"),
        (("nothing", "scored"), 3, "nothing has no file that ends in .parquet"),
        (("nothing.parquet", "scored.parquet"), 3, "nothing.parquet not found"),
        (("gs://rows/a.parquet", "scored.parquet"), 2, "only paths and s3://bucket/key"),
        (("rows.parquet", "scored.parquet", "--shard", "2/2"), 1, "write it as INDEX/NUMBER, such as 0/4"),
        (("rows.parquet", "scored.parquet", "--public-key", "nobody.pem"), 9, "cannot read the key nobody.pem"),
    ],
)
def test_mistakes_are_explained(run, orchard, arguments, code, told):
    write_rows(Path("rows.parquet"), 10)
    write_rows(Path("rows/a.parquet"), 10)

    found, _, stderr = run("score", *arguments[:2], *orchard, *arguments[2:])

    assert (found, told in stderr, "Traceback" in stderr) == (code, True, False), stderr
    assert not list(Path().rglob("scored*"))


def test_unsigned_bundle_is_refused(run, orchard, other_keys, make_bundle, tmp_path):
    make_bundle(tmp_path / "bundle", sign_with=other_keys.private)
    write_rows(Path("rows.parquet"), 10)

    code, _, stderr = run("score", "rows.parquet", "scored.parquet", *orchard)

    assert code == 9 and "does not match manifest.json with any of the 1 trusted key(s)" in stderr


def test_shards_of_a_folder(run, orchard, tmp_path):
    for name in ("a", "b", "c"):
        write_rows(Path(f"rows/{name}.parquet"), 200)

    first = run("score", "rows", "scored", *orchard, "--shard", "0/2", "--workers", "1")
    second = run("score", "rows", "scored", *orchard, "--shard", "1/2", "--workers", "1")

    assert "the drift report is written when the other shards are finished" in first[2]
    assert "scored/_drift.json" in second[2]
    assert len(pq.read_table("scored")) == 600
