"""The comparison runs, on a small table; what it measures is in docs/batch-scoring.md."""

import json

import pyarrow.parquet as pq

from benchmarks.scoring import main
from tests.pipelines.scoring.conftest import orchard_rows


def test_rates_of_the_call_and_of_the_command(make_bundle, keys, tmp_path, capsys):
    folder = make_bundle(tmp_path / "bundle")
    pq.write_table(orchard_rows(500), tmp_path / "rows.parquet")
    arguments = ["--bundle", str(folder), "--public-key", str(keys.public), "--table", str(tmp_path / "rows.parquet")]

    assert main([*arguments, "--rows", "1200", "--repeat", "1"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["features"], told["cores"]) == (1200, 5, 1)
    assert told["share"] == round(told["scored_rows_per_second"] / told["bare_rows_per_second"], 3) or told["share"] > 0
