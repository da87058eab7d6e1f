import subprocess
from pathlib import Path

import pytest

from pipelines.config.settings import Settings
from pipelines.errors import MissingData
from pipelines.model.lineage import LIBRARIES, Origin, read_origin
from pipelines.stages.fetch import main as fetch


@pytest.fixture
def origin(pushed):
    fetch()
    return read_origin(Settings(git_commit="c0ffee"))


def test_origin_names_code_data_params_and_libraries(origin):
    assert origin.git_commit == "c0ffee"
    assert origin.data_name == "trees.csv"
    assert set(origin.libraries) == set(LIBRARIES)
    assert origin.as_tags()["espalier.key"] == origin.key


def test_key_identifies_the_origin(origin):
    same = read_origin(Settings(git_commit="c0ffee"))
    Path("pipelines/params.yaml").write_text(Path("pipelines/params.yaml").read_text() + "\n")
    other = read_origin(Settings(git_commit="c0ffee"))

    assert same.key == origin.key
    assert other.key != origin.key


def test_commit_comes_from_git_and_is_marked_dirty(pushed, monkeypatch):
    for variable in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(variable, "A Person")
    for variable in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(variable, "a@example.org")
    fetch()
    assert read_origin(Settings()).git_commit == "unknown"

    Path("a.txt").write_text("1")
    for command in (["init", "-q"], ["add", "a.txt"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *command], check=True)
    clean = read_origin(Settings()).git_commit
    Path("a.txt").write_text("2")

    assert len(clean) == 40
    assert read_origin(Settings()).git_commit == f"{clean}-dirty"


def test_origin_needs_fetched_data(project):
    with pytest.raises(MissingData, match=r"pipelines\.stages\.fetch"):
        read_origin(Settings())


def origin_with(**changes):
    known = {"git_commit": "c0ffee", "data_name": "a.csv", "data_md5": "m", "data_sha256": "s", "params_sha256": "p"}
    return Origin(**{**known, "libraries": {"numpy": "1"}, **changes})


@pytest.mark.parametrize(
    "change",
    [
        {"git_commit": "decade"},
        {"data_sha256": "t"},
        {"params_sha256": "q"},
        {"libraries": {"numpy": "2"}},
        {"libraries": {"numpy": "1", "pandas": "1"}},
    ],
    ids=str,
)
def test_key_depends_on_code_data_parameters_and_libraries(change):
    assert origin_with(**change).key != origin_with().key


def test_key_does_not_depend_on_the_data_name():
    assert origin_with(data_name="b.csv").key == origin_with().key
