import pytest

from pipelines.runner.run import run_pipeline


@pytest.mark.parametrize("left", ["", '{"half', "[]", "1: ["])
@pytest.mark.parametrize("file", ["pipelines/dvc.lock", ".dvc/tmp/rwlock"])
def test_file_that_a_killed_run_left_does_not_stop_the_next(pushed, connected, project, capsys, file, left):
    run_pipeline({}, until="fetch")
    (project / file).write_text(left)

    assert run_pipeline({}, until="fetch") in ([], ["fetch"])

    assert f"removed {file.split('/')[-1]}, which a killed run left half written" in capsys.readouterr().err
    assert run_pipeline({}, until="fetch") == []


def test_file_with_whole_lines_of_which_some_are_missing_is_continued(pushed, connected, project):
    run_pipeline({}, until="fetch")
    (project / "pipelines/dvc.lock").write_text("schema: '2.0'\nstages:\n  fetch:\n    cmd: pyth")

    assert run_pipeline({}, until="fetch") == ["fetch"]
    assert run_pipeline({}, until="fetch") == []


@pytest.mark.parametrize("left", [None, '{"half'])
def test_entry_of_the_run_cache_without_content_is_made_again(pushed, connected, project, left):
    run_pipeline({}, until="validate")
    entries = list((project / ".dvc/cache/runs").glob("*/*/*"))
    assert len(entries) == 2
    for entry in entries:
        entry.unlink() if left is None else entry.write_text(left)

    for _ in range(2):  # DVC removes a file that it cannot read, and fails because its folder is empty
        (project / "pipelines/dvc.lock").unlink()
        assert run_pipeline({}, until="validate") == ["fetch", "validate"]


def test_whole_files_stay(pushed, connected, project, capsys):
    run_pipeline({}, until="fetch")
    before = (project / "pipelines/dvc.lock").read_bytes()

    assert run_pipeline({}, until="fetch") == []

    assert (project / "pipelines/dvc.lock").read_bytes() == before
    assert "removed" not in capsys.readouterr().err
