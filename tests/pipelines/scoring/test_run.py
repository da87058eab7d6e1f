"""A run as a whole, on local files."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from bundle import UnsignedBundle, UntrustedSignature
from evaluation.encoding import encode
from pipelines.errors import InvalidData, OutputConflict
from pipelines.scoring.partitions import Shard


def expected(table, bundle, booster):
    """Probabilities of rows as the API encodes and XGBoost predicts them."""
    names = [feature.name for feature in bundle.contract.features]
    matrix = encode(table.select(names).to_pylist(), bundle.contract)
    return booster.inplace_predict(matrix, validate_features=False)


def test_file_is_scored(table, score, bundle, booster, tmp_path):
    target = tmp_path / "scored.parquet"

    summary = score(table, target, batch_rows=128)

    found, rows = pq.read_table(target), pq.read_table(table)
    probabilities = expected(rows, bundle, booster)
    np.testing.assert_array_equal(found["probability"].to_numpy(), probabilities)
    labels = np.where(probabilities >= 0.5, "bearing", "bare").tolist()
    assert found["label"].to_pylist() == labels
    assert found["tree"].equals(rows["tree"])
    assert found.column_names == [
        "tree",
        "label",
        "probability",
        "model_name",
        "model_version",
        "model_run_id",
        "scored_at",
    ]
    assert set(found["model_name"].to_pylist()) == {"orchard"}
    assert set(found["model_version"].to_pylist()) == {"7"}
    assert set(found["model_run_id"].to_pylist()) == {"0123456789abcdef"}
    assert set(found["scored_at"].to_pylist()) == {summary.run.began}
    (result,) = summary.results
    assert result.counts.rows == 1000
    assert result.counts.labels == {label: labels.count(label) for label in ("bare", "bearing")}
    assert summary.evaluator == "verified"


@pytest.mark.parametrize("workers", [1, 3])
def test_folder_is_scored_file_by_file(folder, score, bundle, booster, tmp_path, workers):
    target = tmp_path / "scored"

    summary = score(folder, target, workers=workers)

    names = ["2026/c.parquet", "a.parquet", "b.parquet"]
    assert sorted(path.relative_to(target).as_posix() for path in target.rglob("*.parquet")) == names
    for name in names:
        probabilities = expected(pq.read_table(folder / name), bundle, booster)
        np.testing.assert_array_equal(pq.read_table(target / name)["probability"].to_numpy(), probabilities)
    assert sum(result.counts.rows for result in summary.results) == 603
    assert len(pq.read_table(target)) == 603, "readers skip the files that are no tables"


def test_threads_give_the_same_file(table, score, tmp_path):
    one, four = tmp_path / "one.parquet", tmp_path / "four.parquet"

    score(table, one, batch_rows=50)
    score(table, four, batch_rows=50, workers=4)

    assert pq.read_table(one).drop(["scored_at"]).equals(pq.read_table(four).drop(["scored_at"]))


def test_finished_files_are_not_scored_again(folder, score, tmp_path):
    target = tmp_path / "scored"
    score(folder, target)
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*.parquet")}
    content = {path: path.read_bytes() for path in target.rglob("*.parquet")}
    (target / "b.parquet").unlink()

    summary = score(folder, target)

    assert [result.partition.target for result in summary.results if result.is_new] == ["b.parquet"]
    after = {path: path.stat().st_mtime_ns for path in target.rglob("*.parquet")}
    assert {path.name for path in before if before[path] != after[path]} == {"b.parquet"}
    assert {path: path.read_bytes() for path in target.rglob("*.parquet")} == content, "not even the time differs"


def test_new_file_is_added_to_a_finished_folder(folder, rows, score, tmp_path):
    score(folder, tmp_path / "scored")
    pq.write_table(rows(50), folder / "d.parquet")

    summary = score(folder, tmp_path / "scored")

    assert [result.partition.target for result in summary.results if result.is_new] == ["d.parquet"]
    assert summary.drift["rows"] == 653


def test_folder_never_has_two_versions(folder, score, make_bundle, tmp_path):
    target = tmp_path / "scored"
    score(folder, target)
    (target / "b.parquet").unlink()
    other = make_bundle(tmp_path / "other", version="8")

    with pytest.raises(
        OutputConflict, match=r"another model .*orchard version 7, now orchard version 8.*choose another"
    ):
        score(folder, target, bundle=other)

    assert not (target / "b.parquet").exists()


def test_file_of_another_version_is_not_replaced(table, score, make_bundle, tmp_path):
    target = tmp_path / "scored.parquet"
    score(table, target)
    before = target.read_bytes()

    with pytest.raises(OutputConflict, match="orchard version 7, now orchard version 8"):
        score(table, target, bundle=make_bundle(tmp_path / "other", version="8"))

    assert target.read_bytes() == before


def test_changed_input_is_not_taken_for_the_scored_one(table, rows, score, tmp_path):
    target = tmp_path / "scored.parquet"
    score(table, target)
    pq.write_table(rows(seed=9), table)

    with pytest.raises(OutputConflict, match=r"rows\.parquet has changed since .*scored\.parquet was scored"):
        score(table, target)


def test_file_of_another_program_is_not_replaced(table, rows, score, tmp_path):
    target = tmp_path / "mine.parquet"
    pq.write_table(rows(5), target)

    with pytest.raises(OutputConflict, match="not an output of this release"):
        score(table, target)


@pytest.mark.parametrize("options", [{"keep": ("tree", "age")}, {"invalid_rows": "null"}])
def test_folder_has_one_choice_of_columns(folder, score, tmp_path, options):
    score(folder, tmp_path / "scored")

    with pytest.raises(OutputConflict, match=f"another --{next(iter(options)).replace('_', '-')}"):
        score(folder, tmp_path / "scored", **options)


def test_failed_run_without_an_output_binds_nobody(folder, rows, score, tmp_path):
    for name in ("a.parquet", "b.parquet", "2026/c.parquet"):
        pq.write_table(rows(3, age=[1, -1, 1]), folder / name)
    with pytest.raises(InvalidData):
        score(folder, tmp_path / "scored")

    summary = score(folder, tmp_path / "scored", invalid_rows="null")

    assert sum(result.counts.refused for result in summary.results) == 3


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda folder: (folder / "manifest.sig").unlink(), UnsignedBundle),
        (lambda folder: (folder / "manifest.sig").write_bytes(b"0" * 64), UntrustedSignature),
    ],
)
def test_bundle_that_is_not_trusted_scores_nothing(table, score, bundle_folder, tmp_path, spoil, error):
    spoil(bundle_folder)

    with pytest.raises(error):
        score(table, tmp_path / "scored.parquet")

    assert not (tmp_path / "scored.parquet").exists()


def test_shards_share_the_files_and_the_last_one_reports_the_drift(folder, score, tmp_path):
    target = tmp_path / "scored"

    first = score(folder, target, shard=Shard(0, 2))
    assert first.drift is None and not (target / "_drift.json").exists()
    second = score(folder, target, shard=Shard(1, 2))

    names = [[result.partition.target for result in one.results] for one in (first, second)]
    assert names == [["2026/c.parquet", "b.parquet"], ["a.parquet"]]
    assert second.drift["rows"] == 603
    assert json.loads((target / "_drift.json").read_text()) == second.drift
    assert first.run == second.run


def test_shard_without_a_file(table, score, tmp_path):
    summary = score(table, tmp_path / "scored.parquet", shard=Shard(1, 2))

    assert (summary.results, summary.drift) == ([], None)


def test_drift_of_a_continued_run_is_that_of_all_files(folder, score, tmp_path):
    whole = score(folder, tmp_path / "whole").drift
    score(folder, tmp_path / "scored")
    (tmp_path / "scored/b.parquet").unlink()

    continued = score(folder, tmp_path / "scored").drift

    assert {**continued, "run": None} == {**whole, "run": None}
