"""What is given to make never becomes shell text: a value with a semicolon would be a command."""

import re
import subprocess

import pytest

from tests.charts.rendering import ROOT

EVIL = "1; touch given-to-make #"
GIVEN = {
    "deploy": ("REGISTRY", "VERSION", "NAMESPACE", "VALUES"),
    "chart": ("REGISTRY", "VERSION"),
    "images": ("REGISTRY",),
    "registry-login": ("REGISTRY", "REGISTRY_USER", "REGISTRY_PASSWORD"),
    "secrets": ("NAMESPACE", "RELEASE", "HOST", "SLACK_URL_FILE"),
    "load": ("URL", "USER", "PASSWORD_FILE", "CA", "RATE", "SECONDS", "ROWS", "REQUEST"),
}


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
