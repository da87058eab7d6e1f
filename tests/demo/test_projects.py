"""The demo on the example projects, as a person starts it: one of each type of target, in a copy of its folder."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.small_project import ROOT

pytestmark = pytest.mark.demo

SHOWN = {
    "wine": ("accuracy", "predicted barolo", "calibration error"),
    "penguins": ("accuracy", "predicted gentoo", "calibration error"),
    "diabetes": ("root mean squared error", "by fifths of predicted value", "coverage of the interval"),
}


def espalier(*arguments, cwd):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIPELINE_", "API_", "ESPALIER_"))}
    environment |= {"PYTHONPATH": str(ROOT), "COLUMNS": "160"}
    command = [sys.executable, "-c", "from espalier.cli.main import main; main()", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=280, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wine", "penguins", "diabetes"])
def test_demo_predicts_the_test_rows_of_a_project(name, tmp_path):
    left = shutil.ignore_patterns(".dvc", ".espalier", "work")
    shutil.copytree(ROOT / "examples" / name, tmp_path / name, symlinks=True, ignore=left)

    code, out, stderr = espalier("demo", "--project", name, cwd=tmp_path)

    assert code == 0, stderr
    assert "version 1 passed the gate and is champion" in stderr
    assert f"{name}/pipelines/work/plots" in stderr
    for text in (*SHOWN[name], "test rows", "espalier_predictions_total"):
        assert text in " ".join(out.split())
    assert "flight" not in out + stderr

    code, out, stderr = espalier("models", "--project", name, "--json", cwd=tmp_path)

    assert (code, [version["number"] for version in json.loads(out)]) == (0, ["1"]), stderr
    assert {path.name for path in tmp_path.iterdir()} == {name}
