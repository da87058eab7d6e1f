"""Make targets that need no installed tools; and values given to make never become shell text."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATE = (".espalier/keys/model.key.pem", ".espalier/mlflow/mlflow.db", ".espalier/users.db", ".dvc/cache/files/x")
REMOVED = ("pipelines/work/run.json", "pipelines/dvc.lock", ".espalier/logs/api.log", ".espalier/load/1.json")
EVIL = "1; touch given-to-make #"
GIVEN = {
    "deploy": ("REGISTRY", "VERSION", "NAMESPACE", "VALUES"),
    "chart": ("REGISTRY", "VERSION"),
    "images": ("REGISTRY",),
    "registry-login": ("REGISTRY", "REGISTRY_USER", "REGISTRY_PASSWORD"),
    "secrets": ("NAMESPACE", "RELEASE", "HOST", "SLACK_URL_FILE"),
    "reset": ("CONFIRM",),
    "load": ("URL", "USER", "PASSWORD_FILE", "CA", "RATE", "SECONDS", "ROWS", "REQUEST"),
}


@pytest.fixture
def folder(tmp_path):
    """A checkout's Makefile, with files that runs leave."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path)
    for name in (*STATE, *REMOVED):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def make(folder, *arguments, **options):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, **options
    )


def existing(folder, names):
    return [name for name in names if (folder / name).exists()]


def test_clean_keeps_models_keys_users_and_data(folder):
    assert make(folder, "clean").returncode == 0

    assert existing(folder, REMOVED) == []
    assert existing(folder, STATE) == list(STATE)


def test_reset_needs_confirmation(folder):
    done = make(folder, "reset")

    assert done.returncode == 2
    assert "make reset CONFIRM=1" in done.stderr
    assert existing(folder, (*STATE, *REMOVED)) == [*STATE, *REMOVED]


def test_confirmed_reset_removes_everything(folder):
    assert make(folder, "reset", "CONFIRM=1").returncode == 0

    assert existing(folder, (*STATE, *REMOVED)) == []


def test_help_lists_every_target_and_needs_only_bash(folder):
    tools = folder / "tools"
    tools.mkdir()
    (tools / "bash").symlink_to("/bin/bash")
    done = subprocess.run(
        [shutil.which("make"), "help"], cwd=folder, env={"PATH": str(tools)}, capture_output=True, text=True, check=True
    )

    assert "Go the whole way once" in done.stdout
    targets = re.findall(r"^[a-z0-9-]+:.*## ", (ROOT / "Makefile").read_text(), re.M)
    assert done.stdout.count("\n") == len(targets)


def test_setup_shows_progress_only_on_a_terminal(folder):
    assert "pip sync --quiet" in make(folder, "--dry-run", "setup").stdout

    ours, theirs = os.openpty()
    try:
        commands = subprocess.run(
            ["make", "--dry-run", "setup"], cwd=folder, stdout=subprocess.PIPE, stderr=theirs, text=True, check=True
        ).stdout
    finally:
        os.close(ours)
        os.close(theirs)

    assert "pip sync" in commands
    assert "pip sync --quiet" not in commands


@pytest.mark.parametrize("target", GIVEN)
def test_value_given_to_make_is_not_shell_text(target):
    assignments = [f"{name}={EVIL}" for name in GIVEN[target]]

    done = dry_run(target, "PUSH=1", *assignments)

    assert done.stdout
    assert "touch given-to-make" not in done.stdout


def dry_run(*arguments):
    command = ["make", "--dry-run", "--assume-old=.venv/.installed", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)


def test_no_recipe_contains_a_value_given_to_make():
    """Every target with every variable, not only the ones that GIVEN names for it."""
    targets = re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.M)
    names = {name for names in GIVEN.values() for name in names}

    done = dry_run(*targets, "PUSH=1", *(f"{name}={EVIL}" for name in sorted(names)))

    assert done.stdout.count("\n") > len(targets)
    assert "touch given-to-make" not in done.stdout
