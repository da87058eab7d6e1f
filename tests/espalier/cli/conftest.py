"""Call the command as its entry point does."""

from __future__ import annotations

import sys

import pytest

from espalier.cli import main as entry


@pytest.fixture
def run(monkeypatch, capfd):
    """Call the command in this process; give exit code, output and errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["espalier", *arguments])
        capfd.readouterr()
        try:
            entry.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        printed = capfd.readouterr()
        return code, printed.out, printed.err

    return call
