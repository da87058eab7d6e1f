"""Between training and the gate: data files by name, and nothing that could be more than that."""

import os
from pathlib import Path

import pytest
import yaml

from pipelines.dataset.files import DATA_JSON, METRICS_JSON, MODEL, RUN_JSON, WORK
from pipelines.dataset.pointer import load_pointer
from pipelines.errors import AlteredData, InvalidData, MissingData
from pipelines.runner import handover
from pipelines.runner.handover import HANDED_OVER, check, take_over
from tests.small_project import ROOT


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    for path in HANDED_OVER:
        (folder / path.name).write_bytes(path.name.encode())
    return folder


@pytest.fixture
def target(tmp_path):
    return tmp_path / "ours"


def test_exactly_the_named_files_are_copied(source, target):
    (source / "register.py").write_text("raise SystemExit")
    (source / "params.yaml").write_text("register: {}")

    take_over(source, target)

    assert {path.name for path in target.iterdir()} == {path.name for path in HANDED_OVER}
    assert (target / "model.ubj").read_bytes() == b"model.ubj"


def test_second_takeover_replaces_the_files(source, target):
    take_over(source, target)
    (source / "run.json").write_text("newer")

    take_over(source, target)

    assert (target / "run.json").read_text() == "newer"


def test_symbolic_link_is_refused(source, target, tmp_path):
    secret = tmp_path / "model.key.pem"
    secret.write_text("secret")
    (source / "contract.json").unlink()
    (source / "contract.json").symlink_to(secret)

    with pytest.raises(InvalidData, match=r"contract\.json is not a regular file"):
        take_over(source, target)
    assert not (target / "contract.json").exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_refused_without_waiting(source, target, make):
    (source / "model.ubj").unlink()
    make(source / "model.ubj")

    with pytest.raises(InvalidData, match=r"model\.ubj is not a regular file"):
        take_over(source, target)


def test_missing_file_is_reported_with_how_to_create_it(source, target):
    (source / "run.json").unlink()

    with pytest.raises(MissingData, match="espalier train --until evaluate"):
        take_over(source, target)


def test_file_over_its_limit_is_refused(source, target, monkeypatch):
    monkeypatch.setitem(HANDED_OVER, MODEL, 5)

    with pytest.raises(InvalidData, match=r"model\.ubj is larger than its limit of 5 bytes"):
        take_over(source, target)


def test_file_that_grows_while_read_is_rejected(source, target, monkeypatch):
    """Its size was asked for before; what is copied is counted all the same."""
    real = os.fstat

    class Smaller:
        def __init__(self, found):
            self.st_mode, self.st_size = found.st_mode, 1

    monkeypatch.setattr(handover.os, "fstat", lambda number: Smaller(real(number)))
    monkeypatch.setitem(HANDED_OVER, MODEL, 5)

    with pytest.raises(InvalidData, match="larger than its limit of 5 bytes"):
        take_over(source, target)
    assert not [path for path in target.iterdir() if path.name.startswith("model.ubj")]


def test_everything_that_register_depends_on_is_handed_over():
    stage = yaml.safe_load((ROOT / "pipelines/dvc.yaml").read_text())["stages"]["register"]

    assert {name for name in stage["deps"] if name.startswith(str(WORK))} == {str(path) for path in HANDED_OVER}


@pytest.fixture
def pointer(candidate):
    candidate()
    return load_pointer(Path("pipelines/data/current.yaml"))


def test_output_of_the_stages_is_accepted(pointer):
    check(pointer)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (METRICS_JSON, b"{}"),
        (RUN_JSON, b'{"run_id": 7}'),
        (DATA_JSON, b"["),
        (MODEL, b""),
        (MODEL, b"no model"),
        (MODEL, b"{no model"),
    ],
    ids=str,
)
def test_malformed_file_is_reported_by_name(pointer, path, content):
    path.write_bytes(content)

    with pytest.raises(InvalidData, match=path.name):
        check(pointer)


def test_data_of_another_pointer_is_refused(pointer):
    DATA_JSON.write_text(DATA_JSON.read_text().replace(pointer.md5, "0" * 32))

    with pytest.raises(AlteredData, match=f"MD5 {'0' * 32}, but"):
        check(pointer)
