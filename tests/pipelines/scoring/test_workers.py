"""Several processes; what happens when one is killed: test_killed_runs.py."""

import os
import subprocess
import sys

import pytest

from pipelines.errors import InvalidData

SCORE = """
import sys
from pathlib import Path
from bundle import load_public_keys
from pipelines.config.settings import Settings
from pipelines.scoring.models import FolderModel
from pipelines.scoring.partitions import find_tables
from pipelines.scoring.run import Options, run_scoring

if __name__ == "__main__":
    source, target, bundle, key = sys.argv[1:]
    model = FolderModel(Path(bundle), load_public_keys([Path(key)]))
    tables = find_tables(source, target, Settings())
    run_scoring(tables, model, Settings(), Options(workers=2), lambda rows, share: print(rows, share))
"""


def test_processes_end_in_silence(folder, bundle_folder, keys, tmp_path):
    script = tmp_path / "score.py"
    script.write_text(SCORE)
    command = [sys.executable, str(script), str(folder), str(tmp_path / "scored"), str(bundle_folder), str(keys.public)]

    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == ["200 1", "201 1", "202 1"]


def test_failure_of_one_process_is_that_of_the_run(folder, rows, score, tmp_path):
    import pyarrow.parquet as pq

    pq.write_table(rows(3, age=[1, -1, 1]), folder / "b.parquet")

    with pytest.raises(InvalidData, match=r"b\.parquet: row 2: age must be"):
        score(folder, tmp_path / "scored", workers=2)

    assert not (tmp_path / "scored/b.parquet").exists()
