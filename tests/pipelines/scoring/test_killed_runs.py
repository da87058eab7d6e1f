"""A run that is killed with SIGKILL, at any moment, and repeated gives the same files as one run that was left alone.

What is killed is a real process. It is forked from one that has imported everything, so that many can be killed.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

KILLS = 10
FILES, ROWS = 4, 10_000
PARQUET = re.compile(r"\.parquet$")

SCORE = """
import os
import sys
from pathlib import Path
from bundle import load_public_keys
from pipelines.config.settings import Settings
from pipelines.scoring.models import FolderModel
from pipelines.scoring.partitions import find_tables
from pipelines.scoring.run import Options, run_scoring

def run():
    source, target, bundle, key, workers = sys.argv[1:]
    settings = Settings(remote_retries=0)
    tables, model = find_tables(source, target, settings), FolderModel(Path(bundle), load_public_keys([Path(key)]))
    run_scoring(tables, model, settings, Options(batch_rows=500, workers=int(workers)), lambda _rows, _share: None)

if __name__ == "__main__":
    for _line in sys.stdin:
        child = os.fork()
        if not child:
            run()
            os._exit(0)
        print(child, flush=True)
        sys.stdin.readline()
        print(os.waitpid(child, 0)[1], flush=True)
"""


class Runs:
    """Starts runs, one after the other."""

    def __init__(self, command):
        path = {"PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | path,
            start_new_session=True,
            text=True,
        )

    def start(self):
        """Start a run, and return its process id."""
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def wait(self):
        """Return the status of the run. Until then its number is not another process's."""
        self.process.stdin.write("wait\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture
def lake(rows, tmp_path):
    folder = tmp_path / "lake"
    folder.mkdir()
    for number in range(FILES):
        pq.write_table(rows(ROWS, seed=number), folder / f"{number}.parquet")
    return folder


@pytest.fixture
def runs(bundle_folder, keys, tmp_path):
    script = tmp_path / "score.py"
    script.write_text(SCORE)
    started = []

    def make(source, target, workers=1):
        command = [sys.executable, str(script), str(source), str(target), str(bundle_folder), str(keys.public)]
        started.append(Runs([*command, str(workers)]))
        return started[-1]

    yield make
    for one in started:
        os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait(10)
        one.process.stdin.close()
        one.process.stdout.close()


def kill_and_repeat(runs, names, finished):
    """Kill runs soon after their first, second or third new file, and let the last one finish; return the kills.

    Args:
        runs: starts them.
        names: returns the files that there are now.
        finished: is called after each kill.
    """
    pauses, kills = random.Random(7), 0  # noqa: S311 - no secret
    for number in range(KILLS):
        child, last, changes = runs.start(), names(), 0
        while changes <= number % 3 and not _has_ended(child):
            now = names()
            changes, last = changes + (now != last), now
        time.sleep(pauses.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        if runs.wait() != signal.SIGKILL:
            break  # it had ended
        kills += 1
        finished()
    runs.start()
    assert runs.wait() == 0
    return kills


def _has_ended(child):
    return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_killed_and_repeated_run_gives_the_files_of_one_run(lake, score, runs, tmp_path):
    killed, whole, seen = tmp_path / "killed", tmp_path / "whole", set()

    def check():
        names = [path for path in killed.rglob("*.parquet") if not path.name.startswith(".")]
        seen.add(len(names))
        for path in names:
            assert pq.ParquetFile(path).metadata.num_rows == ROWS, "a file under its name is whole"

    assert kill_and_repeat(runs(lake, killed), lambda: set(killed.rglob("*")), check)
    assert len(seen) > 1, "the kills came while files were written"
    whole.mkdir()
    (whole / "_scoring.json").write_bytes((killed / "_scoring.json").read_bytes())  # it has the time
    score(lake, whole, batch_rows=500)

    assert contents(killed) == contents(whole), "and there is no unfinished file"


@pytest.mark.s3
def test_the_same_on_s3(lake, score, runs, s3, monkeypatch, tmp_path):
    import boto3

    monkeypatch.setenv("PIPELINE_S3_ENDPOINT_URL", s3)
    client = boto3.client("s3", endpoint_url=s3)
    for path in lake.iterdir():
        client.upload_file(str(path), "data", f"lake/{path.name}")

    def names():
        listed = client.list_objects_v2(Bucket="data", Prefix="scored/").get("Contents", ())
        return {entry["Key"] for entry in listed}

    def found():
        return {key: client.get_object(Bucket="data", Key=key)["Body"].read() for key in names()}

    def check():
        for key, content in found().items():
            if PARQUET.search(key):
                (tmp_path / "found.parquet").write_bytes(content)
                assert pq.ParquetFile(tmp_path / "found.parquet").metadata.num_rows == ROWS, key

    assert kill_and_repeat(runs("s3://data/lake", "s3://data/scored"), names, check)
    before = found()
    for key in filter(PARQUET.search, before):
        client.delete_object(Bucket="data", Key=key)
    one = runs("s3://data/lake", "s3://data/scored")
    one.start()
    assert one.wait() == 0

    assert found() == before
    client.close()


def test_processes_end_with_a_killed_run(lake, runs, tmp_path):
    """Only the first process is killed, as by the kernel when memory runs out."""
    run = runs(lake, tmp_path / "scored", workers=2)
    child = run.start()
    _until(lambda: members(run.process.pid) - {run.process.pid, child})

    os.kill(child, signal.SIGKILL)
    run.wait()

    _until(lambda: members(run.process.pid) == {run.process.pid})


def _until(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def members(group):
    """Return the processes of a group."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, of, *_ = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(of) == group and state != "Z":
            found.add(int(stat.parent.name))
    return found
