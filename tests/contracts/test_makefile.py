"""What a person types, where no tool has to be installed for it; and what is given to make never becomes shell text."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATE = (".espalier/keys/model.key.pem", ".espalier/mlflow/mlflow.db", ".espalier/users.db", ".dvc/cache/files/x")
LEFT = ("pipelines/work/run.json", "pipelines/dvc.lock", ".espalier/logs/api.log", ".espalier/load/1.json")
EVIL = "1; touch given-to-make #"
GIVEN = {
    "deploy": ("REGISTRY", "VERSION", "NAMESPACE", "VALUES"),
    "chart": ("REGISTRY", "VERSION"),
    "images": ("REGISTRY",),
    "registry-login": ("REGISTRY", "REGISTRY_USER", "REGISTRY_PASSWORD"),
    "secrets": ("NAMESPACE", "RELEASE", "HOST", "SLACK_URL_FILE"),
    "load": ("URL", "USER", "PASSWORD_FILE", "CA", "RATE", "SECONDS", "ROWS", "REQUEST"),
}


@pytest.fixture
def folder(tmp_path):
    """A checkout's Makefile, with what runs leave."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path)
    for name in (*STATE, *LEFT):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def make(folder, *arguments, **options):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, **options
    )


def there(folder, names):
    return [name for name in names if (folder / name).exists()]


def test_clean_keeps_models_keys_users_and_data(folder):
    assert make(folder, "clean").returncode == 0

    assert there(folder, LEFT) == []
    assert there(folder, STATE) == list(STATE)


def test_reset_asks_first(folder):
    done = make(folder, "reset")

    assert done.returncode == 2
    assert "make reset CONFIRM=1" in done.stderr
    assert there(folder, (*STATE, *LEFT)) == [*STATE, *LEFT]


def test_reset_that_is_confirmed_begins_anew(folder):
    assert make(folder, "reset", "CONFIRM=1").returncode == 0

    assert there(folder, (*STATE, *LEFT)) == []


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


def test_setup_shows_its_progress_on_a_terminal_and_nowhere_else(folder):
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
def test_values_given_to_make_are_no_part_of_a_command(target):
    assignments = [f"{name}={EVIL}" for name in GIVEN[target]]

    done = subprocess.run(
        ["make", "--dry-run", "--assume-old=.venv/.installed", target, "PUSH=1", *assignments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout
    assert EVIL not in done.stdout and "touch given-to-make" not in done.stdout


def test_recipes_expand_no_variable_of_the_user():
    """Those above are all that there are."""
    recipes = "\n".join(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("\t"))
    users = {name for names in GIVEN.values() for name in names} | {"NAMESPACE", "VALUES"}

    assert not set(re.findall(r"\$\((\w+)\)", recipes)) & users
