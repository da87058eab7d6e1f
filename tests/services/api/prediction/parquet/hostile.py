"""A library in place of arro3: what it does stands for what a file could make the real one do."""

from __future__ import annotations

import textwrap
from pathlib import Path

__all__ = ["write_library"]

LIBRARY = """
import os, resource, signal, socket, subprocess, sys, time

def read_parquet(file, *, batch_size):
    return bytes(file)

def write_ipc_stream(content, out, *, compression):
{body}
"""


def write_library(folder: Path, body: str) -> str:
    """Write a library that runs some code instead of decoding, and return the folder that it is in."""
    for name, content in (("core", ""), ("io", LIBRARY.format(body=textwrap.indent(body, "    ")))):
        package = folder / "libraries" / "arro3" / name
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text(content)
    return str(folder / "libraries")
