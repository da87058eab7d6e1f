"""A table that is a folder of Parquet files, tracked by DVC itself."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.dataset.folder import read_listing
from pipelines.dataset.pointer import load_pointer
from pipelines.dataset.remote import Remote
from pipelines.errors import AlteredData, MissingData
from pipelines.stages import fetch, prepare, validate

FOLDER = Path("pipelines/data/trees")
TARGET = Path("pipelines/work/raw/trees")
REMOTE = Path("remote/files/md5")


def dvc(*arguments):
    """The command that the documentation names."""
    subprocess.run([sys.executable, "-m", "dvc", *arguments], check=True, timeout=120, capture_output=True)


@pytest.fixture
def pointer(project, table):
    for number, start in enumerate(range(0, 600, 200)):
        part = FOLDER / f"year=202{number}" / "part.parquet"
        part.parent.mkdir(parents=True)
        table[start : start + 200].to_parquet(part)
    dvc("add", str(FOLDER))
    return load_pointer(FOLDER.with_name("trees.dvc"))


@pytest.fixture
def pushed_folder(pointer, settings):
    remote = Remote(settings)
    remote.push(pointer, FOLDER)
    assert remote.has(pointer)
    return pointer


def stored(md5):
    return REMOTE / md5[:2] / md5[2:]


def listing(pointer):
    return json.loads(stored(pointer.md5).read_text())


def forget():
    for entry in Path(".dvc/cache/files/md5").rglob("*"):
        if entry.is_file():
            entry.chmod(0o644)
            entry.unlink()


def test_pushed_folder_is_fetched(pushed_folder, settings):
    forget()

    first = Remote(settings).fetch(pushed_folder, TARGET)

    assert {path.relative_to(TARGET): path.read_bytes() for path in TARGET.rglob("*.parquet")} == {
        path.relative_to(FOLDER): path.read_bytes() for path in FOLDER.rglob("*.parquet")
    }
    assert Remote(settings).fetch(pushed_folder, TARGET.with_name("again")) == first, "from the cache"
    assert sorted(path.name for path in TARGET.parent.iterdir()) == ["again", "trees"]


def test_stages_use_the_folder_as_a_table(pushed_folder, table):
    subprocess.run(["ln", "-sf", "trees.dvc", "pipelines/data/current.yaml"], check=True)

    assert "trees" in fetch.main()
    assert "600 rows of trees match" in validate.main()
    assert "test rows" in prepare.main()


@pytest.mark.parametrize("change", ["alter", "add", "remove"])
def test_folder_that_differs_from_its_pointer_is_not_pushed(pointer, settings, change):
    part = FOLDER / "year=2020" / "part.parquet"
    if change == "alter":
        part.write_bytes(part.read_bytes()[:-1] + b"?")
    elif change == "add":
        (FOLDER / "more.parquet").write_bytes(part.read_bytes())
    else:
        part.unlink()

    with pytest.raises(AlteredData, match=r"files in pipelines/data/trees have MD5 .* run: dvc add"):
        Remote(settings).push(pointer, FOLDER)
    assert not REMOTE.exists()


def test_altered_object_is_rejected_and_nothing_is_left(pushed_folder, settings):
    forget()
    victim = stored(listing(pushed_folder)[1]["md5"])
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")

    with pytest.raises(AlteredData):
        Remote(settings).fetch(pushed_folder, TARGET)
    assert list(TARGET.parent.iterdir()) == []


def test_half_an_object_in_the_cache_is_fetched_again(pushed_folder, settings):
    for md5 in (listing(pushed_folder)[2]["md5"], pushed_folder.md5):
        half = Path(".dvc/cache/files/md5") / md5[:2] / md5[2:]
        half.chmod(0o644)
        half.write_bytes(half.read_bytes()[:50])

    Remote(settings).fetch(pushed_folder, TARGET)

    assert len(list(TARGET.rglob("*.parquet"))) == 3


def test_missing_object_is_reported(pushed_folder, settings):
    forget()
    stored(pushed_folder.md5).unlink()

    with pytest.raises(MissingData, match="espalier data push"):
        Remote(settings).fetch(pushed_folder, TARGET)


@pytest.mark.parametrize("name", ["../outside.parquet", "/etc/passwd", "a/../../b.parquet", "a\\b.parquet", ""])
def test_name_outside_the_folder_is_rejected(pointer, name):
    content = json.dumps([{"md5": "0" * 32, "relpath": name}]).encode()
    named = load_of(pointer, content)

    with pytest.raises(AlteredData, match="outside the folder"):
        read_listing(content, named)


def load_of(pointer, content):
    """The pointer with the MD5 of another listing."""
    return replace(pointer, md5=hashlib.md5(content, usedforsecurity=False).hexdigest() + ".dir")


@pytest.mark.parametrize("content", [b"nothing of the sort", b'{"md5": 1}', b'[{"relpath": "a"}]'])
def test_object_that_is_not_a_listing_is_rejected(pointer, content):
    with pytest.raises(AlteredData, match="not a listing"):
        read_listing(content, load_of(pointer, content))


def test_listing_with_another_hash_is_rejected(pointer):
    with pytest.raises(AlteredData, match="corrupt"):
        read_listing(b"[]", pointer)
