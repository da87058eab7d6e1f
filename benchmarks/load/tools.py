"""Which load programs are there, and their versions."""

from __future__ import annotations

import re
import subprocess

from benchmarks.load.vegeta import find_vegeta
from benchmarks.load.wrk import find_wrk

__all__ = ["find_tools"]


def find_tools(*, open_loop: bool) -> dict[str, str]:
    """Return program → version.

    Raises:
        ToolMissing: one that is needed is not installed.
    """
    paths = {"wrk": find_wrk()} | ({"vegeta": find_vegeta()} if open_loop else {})
    return {name: _version(path) for name, path in paths.items()}


def _version(path: str) -> str:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    first_line = (done.stdout or done.stderr).partition("\n")[0]  # the next ones name other things, such as Go
    found = re.search(r"\d+\.\d+(\.\d+)?", first_line)
    return found[0] if found else "unknown"
