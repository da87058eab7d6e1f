from pathlib import Path

import pytest

from pipelines.dataset.pointer import check_file, load_pointer
from pipelines.errors import AlteredData, InvalidParams

CURRENT = Path("pipelines/data/current.yaml")


def test_pointer_has_hash_size_and_name(project, save, table):
    path = save(table)

    pointer = load_pointer(CURRENT)

    assert pointer.name == "trees.csv"
    assert pointer.size_bytes == path.stat().st_size
    assert len(check_file(path, pointer)) == 64


def test_changed_data_is_rejected(project, save, table):
    path = save(table)
    path.write_text(path.read_text().replace("apple", "grape", 1))

    with pytest.raises(AlteredData, match="has changed"):
        check_file(path, load_pointer(CURRENT))


@pytest.mark.parametrize(
    "text", ["outs:\n- md5: 1234.dir\n  size: 1\n  path: folder\n", "outs:\n- md5: zz\n  size: 1\n  path: a.csv\n"]
)
def test_pointer_without_an_md5_is_rejected(project, text):
    CURRENT.write_text(text)

    with pytest.raises(InvalidParams, match="dvc add"):
        load_pointer(CURRENT)


def test_file_that_is_not_a_pointer_is_rejected(project):
    CURRENT.write_text("a: 1")

    with pytest.raises(InvalidParams, match="outs"):
        load_pointer(CURRENT)


def test_missing_pointer_is_reported(project):
    with pytest.raises(InvalidParams, match="cannot read"):
        load_pointer(CURRENT)


def test_pointer_to_a_folder_is_one(project):
    CURRENT.write_text(f"outs:\n- md5: {'0' * 32}.dir\n  size: 7\n  nfiles: 2\n  hash: md5\n  path: trees\n")

    assert load_pointer(CURRENT).is_folder
