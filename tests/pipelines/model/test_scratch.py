import os
import subprocess
import sys

import pytest

from pipelines.model.scratch import scratch_folder


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_folder_is_removed_with_what_is_in_it(tmp_path):
    with pytest.raises(KeyError), scratch_folder() as folder:
        (folder / "pages").mkdir()
        (folder / "pages" / "page").write_text("a page")
        raise KeyError

    assert list((tmp_path / "pipelines/work").iterdir()) == []


def test_folder_of_a_killed_process_is_removed_and_that_of_a_running_one_stays(tmp_path):
    code = "import os, time\nfrom pipelines.model.scratch import scratch_folder\n"
    code += "with scratch_folder() as folder:\n    print(folder, flush=True)\n    time.sleep(60)\n"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        left = tmp_path / process.stdout.readline().strip()
        with scratch_folder():
            assert left.exists()
        process.kill()
    assert left.exists()

    with scratch_folder() as folder:
        assert not left.exists()
        assert folder.exists()


def test_number_of_a_container_before_this_one_is_free_again(tmp_path):
    left = tmp_path / f"pipelines/work/training-{os.getpid()}"
    left.mkdir(parents=True)
    (left / "page").write_text("a page")

    with scratch_folder() as folder:
        assert folder.resolve() == left
        assert list(folder.iterdir()) == []
