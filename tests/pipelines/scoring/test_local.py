"""Files on this machine."""

import os
import subprocess
import sys

import pytest

from pipelines.errors import AlteredData, MissingData, OutputConflict, PipelineError
from pipelines.scoring.local import Folder


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_file_appears_only_when_it_is_complete(folder, tmp_path):
    with folder.write("deep/file") as file:
        file.write(b"half")
        assert folder.names() == []
        file.write(b"whole")

    assert (tmp_path / "deep/file").read_bytes() == b"halfwhole"
    assert folder.names() == ["deep/file"]


def test_failed_write_leaves_the_old_file_and_nothing_else(folder, tmp_path):
    folder.replace("file", b"old")

    with pytest.raises(ValueError, match="broken"), folder.write("file") as file:
        file.write(b"new")
        raise ValueError("broken")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert folder.read("file") == b"old"


def test_file_that_a_killed_process_left_is_begun_again(folder, tmp_path):
    code = """
import os, sys
from pathlib import Path
from pipelines.scoring.local import Folder
with Folder(Path(sys.argv[1])).write("file") as file:
    file.write(b"x" * 100_000)
    file.flush()
    os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
    assert [path.name for path in tmp_path.iterdir()] == [".file.part"]

    folder.replace("file", b"short")

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"short")]


def test_two_writers_of_one_file(folder):
    with folder.write("file") as first:
        first.write(b"first")
        with pytest.raises(OutputConflict, match=r"another process is writing .*file; wait"), folder.write("file"):
            pass

    assert folder.read("file") == b"first"


def test_first_one_creates(folder):
    assert folder.create("record", b"first") == b"first"
    assert folder.create("record", b"second") == b"first"
    assert folder.names() == ["record"]


def test_changed_file_is_noticed(folder, tmp_path):
    folder.replace("table", b"before")

    with folder.open("table") as opened:
        digest = opened.digest()
        opened.check()
        folder.replace("table", b"after!")
        with pytest.raises(AlteredData, match="changed while it was read"):
            opened.check()
        assert opened.file.read() == b"before"

    with folder.open("table") as opened:
        assert opened.digest() != digest


def test_removed_file_is_noticed(folder, tmp_path):
    folder.replace("table", b"before")

    with folder.open("table") as opened, pytest.raises(AlteredData):
        (tmp_path / "table").unlink()
        opened.check()


def test_missing_file(folder):
    with pytest.raises(MissingData, match="table not found"), folder.open("table"):
        pass
    assert folder.read("record") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission(folder, tmp_path):
    tmp_path.chmod(0o500)

    with pytest.raises(PipelineError, match="cannot write"), folder.write("file"):
        pass


def test_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(PipelineError, match=r"cannot write .*(Not a directory|File exists)"):
        Folder(tmp_path / "file").replace("table", b"")
