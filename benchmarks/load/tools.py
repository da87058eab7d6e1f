"""Which load programs are there, and their versions."""

from __future__ import annotations

import re
import subprocess

from benchmarks.load.oha import find_oha
from benchmarks.load.wrk import find_wrk

__all__ = ["find_tools"]


def find_tools(*, open_loop: bool) -> dict[str, str]:
    """Return program → version.

    Raises:
        ToolMissing: one that is needed is not installed.
    """
    paths = {"wrk": find_wrk()} | ({"oha": find_oha()} if open_loop else {})
    return {name: _version(path) for name, path in paths.items()}


def _version(path: str) -> str:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return found[0] if found else "unknown"
