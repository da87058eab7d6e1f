"""Scripts that replace docker, kind, kubectl and helm: they record their arguments and print prepared answers."""

from __future__ import annotations

import json
import os
import sys

import pytest

from espalier.cluster.tools import Kube

SCRIPT = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
given = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([{name!r}, sys.argv[1:], given]) + "\\n")
for part, (code, text) in json.loads((folder / "answers").read_text()).items():
    if part in " ".join([{name!r}, *sys.argv[1:]]):
        (sys.stderr if code else sys.stdout).write(text)
        sys.exit(code)
"""


class Tools:
    """What the scripts were called with, and what they answer."""

    def __init__(self, folder):
        self.folder = folder
        self.answer({})

    def answer(self, answers):
        """Part of a command line → (exit code, text); the first that fits is taken."""
        (self.folder / "answers").write_text(json.dumps(answers))

    @property
    def calls(self):
        file = self.folder / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def lines(self):
        return [" ".join([name, *arguments]) for name, arguments, _given in self.calls]


@pytest.fixture
def tools(tmp_path, monkeypatch):
    for name in ("docker", "kind", "kubectl", "helm"):
        script = tmp_path / name
        script.write_text(SCRIPT.format(python=sys.executable, folder=str(tmp_path), name=name))
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return Tools(tmp_path)


@pytest.fixture
def kube(tools):
    return Kube("here", context="there")
