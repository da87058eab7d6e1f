"""Interpreters, and the locked requirements of the peers."""

import re
import sys
from pathlib import Path

import pytest

from benchmarks.environments import PEERS, find_python, make_environment
from benchmarks.errors import PeerFailed
from benchmarks.servers import SERVERS

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"
LOCKS = sorted(PEERS.glob("*/requirements.txt"))


def test_python_that_does_not_start_is_passed_over(tmp_path, monkeypatch):
    shim = tmp_path / f"python{OWN}"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))

    assert find_python(OWN) == sys.executable


def test_missing_python_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))

    with pytest.raises(PeerFailed, match=r"no Python 3\.99 .*--python"):
        find_python("3.99")


def test_installed_environment_states_its_versions(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.environments._requirements", lambda _name: "")
    environment = make_environment("kserve", python_version=OWN, cache=tmp_path)
    installed = next(tmp_path.glob("environments/kserve-*/.installed"))
    before = installed.stat().st_mtime_ns

    assert environment.versions["python"].startswith(OWN)
    assert make_environment("kserve", python_version=OWN, cache=tmp_path) == environment
    assert installed.stat().st_mtime_ns == before, "it must be installed once only"


def test_requirements_that_cannot_be_installed_name_the_peer(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.environments._requirements", lambda _name: "./missing.whl --hash=sha256:00\n")

    with pytest.raises(PeerFailed, match="the environment of kserve cannot be made"):
        make_environment("kserve", python_version=OWN, cache=tmp_path)
    assert not list(tmp_path.glob("environments/*/.installed"))


def test_every_peer_is_locked():
    named = {server.environment for server in SERVERS.values()} - {"espalier"}

    assert named == {lock.parent.name for lock in LOCKS}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_lock_has_hashes_the_named_versions_and_no_host(lock: Path):
    text = lock.read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+(?:\[[a-z,]+\])?)==(\S+)", text, re.M))

    assert not re.search(r"https?://", text)
    assert text.count("--hash=sha256:") >= len(pinned) > 10
    for line in (lock.parent / "requirements.in").read_text().split():
        name, _, version = line.partition("==")
        assert pinned[name.partition("[")[0]].rstrip("\\ ") == version or not version


def test_peers_have_the_xgboost_of_the_image():
    """uv.lock names two versions; the image has the newer one, for it has Python 3.13."""
    text = (PEERS.parents[1] / "uv.lock").read_text()
    newest = max(re.findall(r'name = "xgboost-cpu"\nversion = "([\d.]+)"', text), key=lambda v: v.split("."))

    for lock in LOCKS:
        assert f"xgboost-cpu=={newest} " in lock.read_text(), lock.parent.name
