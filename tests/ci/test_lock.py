"""`.ci/lock` with a package index on loopback that publishes a newer version."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from tests.http_server import serving

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")

PROJECT = """
[project]
name = "project"
version = "0"
requires-python = ">=3.11"
dependencies = [{dependencies}]

[dependency-groups]
bootstrap = ["uv"]
"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, and logs no requests."""

    def log_message(self, *_arguments):
        pass


class Index:
    """A package index: a folder of wheels for each name."""

    def __init__(self, folder):
        self.folder = folder

    def publish(self, name, version):
        place = self.folder / "simple" / name
        place.mkdir(parents=True, exist_ok=True)
        info = f"{name}-{version}.dist-info"
        files = {
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items())
        with zipfile.ZipFile(place / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            for path, text in {**files, f"{info}/RECORD": record}.items():
                wheel.writestr(path, text)
        links = "".join(
            f'<a href="{path.name}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}">{path.name}</a>\n'
            for path in place.glob("*.whl")
        )
        (place / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")


def _digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def index(tmp_path):
    folder = tmp_path / "index"
    packages = Index(folder)
    for name in ("uv", "apple", "pear"):
        packages.publish(name, "1.0")
    with serving(partial(Quiet, directory=str(folder))) as url:
        packages.url = f"{url}/simple"
        yield packages


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci/lock", folder / ".ci/lock")
    return folder


@pytest.fixture
def lock(project, index):
    """Return a function that writes pyproject.toml, locks, and returns the text of the lock."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    environment |= {"UV_DEFAULT_INDEX": index.url, "UV_NO_CACHE": "1", "UV_NO_CONFIG": "1"}

    def run(*dependencies, options=()):
        quoted = ", ".join(f'"{dependency}"' for dependency in dependencies)
        (project / "pyproject.toml").write_text(PROJECT.format(dependencies=quoted))
        command = ["bash", ".ci/lock", str(UV), *options]
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return (project / "uv.lock").read_text()

    return run


def test_lock_has_hashes_and_no_host(lock, project):
    text = lock("apple")

    assert "127.0.0.1" not in text
    assert 'name = "apple"\nversion = "1.0"\nsource = { registry = "index" }' in text
    assert '{ path = "apple-1.0-py3-none-any.whl", hash = "sha256:' in text
    assert "uv==1.0 \\\n    --hash=sha256:" in (project / ".ci/uv.txt").read_text()


def test_new_dependency_keeps_locked_versions(lock, index):
    lock("apple")
    index.publish("apple", "2.0")

    text = lock("apple", "pear")

    assert 'name = "apple"\nversion = "1.0"' in text
    assert 'name = "pear"\nversion = "1.0"' in text
    assert "127.0.0.1" not in text


def test_upgrade_locks_the_newest_version(lock, index):
    lock("apple")
    index.publish("apple", "2.0")

    assert 'name = "apple"\nversion = "2.0"' in lock("apple", options=["--upgrade"])


def test_unchanged_bootstrap_file_keeps_its_time(lock, project):
    """Make would otherwise build the environment again, under whatever runs in it."""
    lock("apple")
    file = project / ".ci/uv.txt"
    os.utime(file, (1, 1))

    lock("apple", "pear")

    assert file.stat().st_mtime == 1
    assert [path.name for path in (project / ".ci").iterdir() if path.name.startswith("uv")] == ["uv.txt"]
