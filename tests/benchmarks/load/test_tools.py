"""Load programs that are missing, and their versions."""

import pytest

from benchmarks.errors import ToolMissing
from benchmarks.load.tools import find_tools


@pytest.fixture
def install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    def install(name, printed):
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\necho '{printed}'\nexit 1\n")
        file.chmod(0o755)

    return install


def test_missing_program_is_named_with_its_installation(install):
    with pytest.raises(ToolMissing, match=r"wrk is not on PATH.*apt-get install wrk"):
        find_tools(open_loop=False)

    install("wrk", "wrk debian/4.1.0-3+b2 [epoll]")
    with pytest.raises(ToolMissing, match=r"vegeta is not on PATH.*go install"):
        find_tools(open_loop=True)


def test_only_what_is_needed_is_asked_for(install):
    install("wrk", "wrk debian/4.1.0-3+b2 [epoll]")

    assert find_tools(open_loop=False) == {"wrk": "4.1.0"}


@pytest.mark.parametrize(
    ("printed", "version"),
    [("Version: v12.13.0\nRuntime: go1.26", "12.13.0"), ("Version: \nRuntime: go1.26", "unknown")],
)
def test_version_is_the_programs_own(install, printed, version):
    install("wrk", "wrk 4.2.0 [epoll]")
    install("vegeta", printed)

    assert find_tools(open_loop=True) == {"wrk": "4.2.0", "vegeta": version}
