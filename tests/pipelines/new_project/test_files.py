"""All files of a project are written, or none; those that exist stay."""

import shutil

import pytest

from pipelines.dataset.pointer import check_file, load_pointer
from pipelines.errors import InvalidParams
from pipelines.new_project.draft import Wish, draft_project
from pipelines.new_project.files import check_free, write_project
from pipelines.targets.project import load_project
from tests.pipelines.new_project.tables import loans


@pytest.fixture(scope="module")
def drafted(tmp_path_factory):
    """A table, and the draft of its project."""
    table = tmp_path_factory.mktemp("table") / "loans.csv"
    loans().to_csv(table, index=False)
    return table, draft_project(table, Wish("outcome", "loans"))


def names(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


FILES = {
    "pipelines/schema.yaml",
    "pipelines/params.yaml",
    "pipelines/data/loans.csv",
    "pipelines/data/loans.csv.dvc",
    "pipelines/data/current.yaml",
    "pipelines/data/.gitignore",
}


def test_project_is_complete(drafted, tmp_path):
    table, draft = drafted
    folder = tmp_path / "deep/loans"

    check_free(folder, table)
    write_project(folder, table, draft)

    assert names(folder) == FILES
    pointer = load_pointer(folder / "pipelines/data/current.yaml")
    check_file(folder / "pipelines/data" / pointer.name, pointer)
    assert (folder / "pipelines/data/current.yaml").readlink().name == "loans.csv.dvc"
    assert (folder / "pipelines/data/loans.csv").read_bytes() == table.read_bytes()
    assert load_project(folder / "pipelines/params.yaml", folder / "pipelines/schema.yaml").target.name == "outcome"
    assert "/loans.csv\n" in (folder / "pipelines/data/.gitignore").read_text()


def test_file_that_exists_is_named(drafted, tmp_path):
    table, draft = drafted
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/schema.yaml").write_text("mine")

    with pytest.raises(InvalidParams, match=r"already has pipelines/schema\.yaml; --force replaces them"):
        check_free(tmp_path, table)

    write_project(tmp_path, table, draft)  # --force
    check_file(tmp_path / "pipelines/data/loans.csv", load_pointer(tmp_path / "pipelines/data/current.yaml"))
    assert (tmp_path / "pipelines/schema.yaml").read_text() == draft.schema_text


def test_table_that_is_in_its_place_stays(drafted, tmp_path):
    table, draft = drafted
    own = tmp_path / "pipelines/data/loans.csv"
    own.parent.mkdir(parents=True)
    shutil.copy(table, own)
    (own.parent / ".gitignore").write_text("mine\n")

    check_free(tmp_path, own)
    write_project(tmp_path, own, draft)

    assert names(tmp_path) == FILES
    assert own.read_bytes() == table.read_bytes()
    assert (own.parent / ".gitignore").read_text() == "mine\n"


def test_nothing_is_left_when_writing_fails(drafted, tmp_path, monkeypatch):
    table, draft = drafted

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.new_project.files.shutil.copyfile", full)

    with pytest.raises(InvalidParams, match="No space left on device; nothing was written"):
        write_project(tmp_path / "a/b", table, draft)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_a_file(drafted, tmp_path):
    table, draft = drafted
    (tmp_path / "loans").write_text("mine")

    with pytest.raises(InvalidParams, match="cannot write to"):
        write_project(tmp_path / "loans", table, draft)
    assert (tmp_path / "loans").read_text() == "mine"
