"""`.ci/audit` without network: the real osv-scanner, a small lock, and a database of one advisory.

`make audit-tools` builds osv-scanner, `make test-audit` runs these tests.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.small_project import ROOT

LOCK = 'version = 1\nrequires-python = ">=3.11"\n'
PACKAGE = '\n[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "index" }}\n'
EXCEPTION = '[[exception]]\nid = "CVE-2030-1"\npackage = "cache"\nreason = "r"\nuntil = {until}\n'
ADVISORY = {
    "id": "PYSEC-2030-1",
    "aliases": ["CVE-2030-1"],
    "modified": "2030-01-01T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "cache"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
        }
    ],
}


class Checkout:
    """A folder with the audit's own files, a lock, and OSV's database beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".ci").mkdir(parents=True)
        for name in ("audit", "audit-exceptions"):
            shutil.copy(ROOT / ".ci" / name, folder / ".ci")
        self.database = folder.parent / "database"
        self.exceptions("")
        self.lock(cache="1.0")
        self.programs = re.findall(r"\S+\.txt", re.search(r"programs=\((.*?)\)", script(), re.S).group(1))
        for file in self.programs:
            self.pin(file, safe="1.0")

    def lock(self, **versions: str) -> None:
        packages = "".join(PACKAGE.format(name=name, version=version) for name, version in versions.items())
        (self.folder / "uv.lock").write_text(LOCK + packages)

    def pin(self, file: str, **versions: str) -> None:
        (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / file).write_text("".join(f"{name}=={version}\n" for name, version in versions.items()))

    def exceptions(self, text: str) -> None:
        (self.folder / ".ci/audit-exceptions.toml").write_text(text)

    def publish(self, *advisories: dict[str, object]) -> None:
        """Write the database, in the layout of osv-scanner's own download."""
        archive = self.database / "osv-scalibr/PyPI/all.zip"
        archive.parent.mkdir(parents=True)
        with zipfile.ZipFile(archive, "w") as file:
            for advisory in advisories:
                file.writestr(f"{advisory['id']}.json", json.dumps(advisory))

    def audit(self, **variables: str) -> tuple[int, str]:
        command = ["bash", ".ci/audit", str(Path(sys.executable).parent)]
        environment = {**os.environ, "OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY": str(self.database), **variables}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def script() -> str:
    return (ROOT / ".ci/audit").read_text()


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "checkout")


@pytest.fixture
def scanned(checkout, need):
    need("osv-scanner")
    checkout.publish(ADVISORY)
    return checkout


@pytest.mark.slow
def test_vulnerable_version_in_the_lock_fails_the_audit(scanned):
    code, output = scanned.audit()

    assert code == 1
    assert "PYSEC-2030-1" in output and "uv.lock" in output


@pytest.mark.slow
def test_fixed_version_passes(scanned):
    scanned.lock(cache="2.0")

    code, output = scanned.audit()
    assert code == 0, output


@pytest.mark.slow
def test_every_file_of_pinned_programs_is_audited(scanned):
    scanned.lock(cache="2.0")
    for file in scanned.programs:
        scanned.pin(file, cache="1.0")

        code, output = scanned.audit()
        assert code == 1 and file in output, output
        scanned.pin(file, safe="1.0")


@pytest.mark.slow
def test_exception_by_its_cve_passes_until_its_day(scanned):
    scanned.exceptions(EXCEPTION.format(until="2000-01-01"))
    code, output = scanned.audit()
    assert code == 1 and "review it" in output

    tomorrow = subprocess.run(["date", "-u", "-d", "1 day", "+%F"], capture_output=True, text=True, check=True).stdout
    scanned.exceptions(EXCEPTION.format(until=tomorrow.strip()))
    code, output = scanned.audit()
    assert code == 0, output


@pytest.mark.slow
def test_missing_database_is_an_error(checkout, need):
    need("osv-scanner")

    code, output = checkout.audit()
    assert code not in {0, 1} and "PyPI" in output


def test_missing_scanner_is_named(checkout, tmp_path):
    """A database was asked for, so the audit must not ask PyPI instead."""
    for name in ("bash", "dirname", "mktemp", "rm"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))

    code, output = checkout.audit(PATH=str(tmp_path / "bin"))

    assert code == 1
    assert "osv-scanner is not on PATH: make audit-tools" in output


def test_every_pinned_file_is_audited(checkout):
    """Apart from the servers that the benchmark compares with: only loopback reaches them."""
    listed = subprocess.run(["git", "ls-files", "*.txt"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    pinned = {file for file in listed.split() if "--hash=sha256:" in (ROOT / file).read_text()}

    assert {file for file in pinned if not file.startswith("benchmarks/peers/")} == {*checkout.programs, ".ci/uv.txt"}
