from pathlib import Path

import pytest

from pipelines.dataset.pointer import check_file, load_pointer
from pipelines.errors import AlteredData, InvalidParams

CURRENT = Path("pipelines/data/current.yaml")


def test_pointer_says_which_bytes(project, save, table):
    path = save(table)

    pointer = load_pointer(CURRENT)

    assert pointer.name == "trees.csv"
    assert pointer.size_bytes == path.stat().st_size
    assert len(check_file(path, pointer)) == 64


def test_changed_data_is_refused(project, save, table):
    path = save(table)
    path.write_text(path.read_text().replace("apple", "grape", 1))

    with pytest.raises(AlteredData, match="was changed"):
        check_file(path, load_pointer(CURRENT))


@pytest.mark.parametrize(
    "text", ["outs:\n- md5: 1234.dir\n  size: 1\n  path: folder\n", "outs:\n- md5: zz\n  size: 1\n  path: a.csv\n"]
)
def test_pointer_to_something_else_than_one_file_is_refused(project, text):
    CURRENT.write_text(text)

    with pytest.raises(InvalidParams, match="dvc add"):
        load_pointer(CURRENT)


def test_file_that_is_no_pointer_is_refused(project):
    CURRENT.write_text("a: 1")

    with pytest.raises(InvalidParams, match="outs"):
        load_pointer(CURRENT)


def test_missing_pointer_is_said(project):
    with pytest.raises(InvalidParams, match="cannot read"):
        load_pointer(CURRENT)
