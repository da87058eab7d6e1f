"""A folder with a project's own files alone: stages run in it, and depend on the code that is elsewhere."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from espalier.local import project as projects
from espalier.local.project import CODE, NotAProject, enter_project
from pipelines.runner.run import run_pipeline
from tests.small_project import ROOT


@pytest.fixture
def wine(tmp_path, monkeypatch):
    """A copy of an example."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    folder = tmp_path / "wine"
    own = ["pipelines/schema.yaml", "pipelines/params.yaml", *(f"pipelines/data/{name}" for name in FILES)]
    for name in own:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "examples/wine" / name, folder / name, follow_symlinks=False)
    return folder


FILES = ("wine.csv", "wine.csv.dvc", "current.yaml")


def push():
    from pipelines.config.settings import Settings
    from pipelines.dataset.pointer import load_pointer
    from pipelines.dataset.remote import Remote

    pointer = load_pointer(Path("pipelines/data/current.yaml"))
    Remote(Settings()).push(pointer, Path("pipelines/data/wine.csv"))


def test_stages_run_in_the_folder_and_are_skipped_until_their_code_changes(wine, tmp_path, monkeypatch):
    code = tmp_path / "code"
    for package in ("bundle", "pipelines"):
        shutil.copytree(ROOT / package, code / package, ignore=shutil.ignore_patterns("work", "__pycache__", "*.csv"))
    monkeypatch.setattr(projects, "CODE", code)

    enter_project(wine)
    push()

    assert Path.cwd() == wine
    assert run_pipeline({}, until="prepare") == ["fetch", "validate", "prepare"]
    assert run_pipeline({}, until="prepare") == []
    (code / "pipelines/stages/__pycache__").mkdir(exist_ok=True)
    (code / "pipelines/targets/__pycache__").mkdir(exist_ok=True)
    (code / "pipelines/targets/__pycache__/x.pyc").write_text("")
    assert run_pipeline({}, until="prepare") == []
    with (code / "pipelines/stages/prepare.py").open("a") as file:
        file.write("# changed")
    assert run_pipeline({}, until="prepare") == ["prepare"]


def test_every_dependency_of_a_stage_is_of_the_project_or_of_the_code(wine):
    enter_project(wine)

    shipped = yaml.safe_load((ROOT / "pipelines/dvc.yaml").read_text())["stages"]
    written = yaml.safe_load(Path("pipelines/dvc.yaml").read_text())["stages"]

    for name, stage in shipped.items():
        assert {**written[name], "deps": None} == {**stage, "deps": None}
        for before, after in zip(stage["deps"], written[name]["deps"], strict=True):
            of_project = before.startswith(("pipelines/work/", "${")) or before == "pipelines/schema.yaml"
            assert after == (before if of_project else f".espalier/code/{before}")
            assert of_project or Path(after).exists()


def test_git_sees_the_files_of_the_owner_alone(wine):
    def untracked():
        listed = subprocess.run(
            ["git", "-C", str(wine), "status", "--porcelain", "-uall"], capture_output=True, text=True, check=True
        )
        return listed.stdout

    subprocess.run(["git", "init", "-q", str(wine)], check=True)
    before = untracked()

    enter_project(wine)

    assert untracked() == before


def test_code_is_found_first_and_entering_again_changes_nothing(wine):
    enter_project(wine)
    assert os.environ["PYTHONPATH"].split(os.pathsep) == [str(CODE), "elsewhere"]
    times = {path: path.lstat().st_mtime_ns for path in wine.rglob("*") if not path.is_dir()}

    enter_project(wine)

    assert {path: path.lstat().st_mtime_ns for path in wine.rglob("*") if not path.is_dir()} == times


def test_files_of_the_owner_stay(wine):
    own = {".dvc/config": "[core]\n", ".gitignore": "mine\n", "pipelines/dvc.yaml": "stages: {}\n"}
    for name, text in own.items():
        (wine / name).parent.mkdir(exist_ok=True)
        (wine / name).write_text(text)

    enter_project(wine)

    assert {name: (wine / name).read_text() for name in own} == own


def test_link_follows_the_code(wine, tmp_path):
    enter_project(wine)
    link = wine / ".espalier/code"
    link.unlink()
    link.symlink_to(tmp_path / "moved")

    enter_project(wine)

    assert link.readlink() == CODE


def test_checkout_is_entered_as_it_is(project, monkeypatch):
    before = set(project.rglob("*"))
    monkeypatch.chdir("/")

    enter_project(project)

    assert Path.cwd() == project
    assert set(project.rglob("*")) == before


@pytest.mark.parametrize("missing", ["schema.yaml", "params.yaml"])
def test_other_folder_is_refused(wine, tmp_path, missing):
    (wine / "pipelines" / missing).unlink()

    with pytest.raises(NotAProject, match=rf"wine is not the folder of a project: pipelines/{missing} not found"):
        enter_project(wine)
    assert Path.cwd() == tmp_path
    assert not (wine / ".dvc").exists()
