"""Every exception of the audit has an expiry date, and the audit fails after it."""

import subprocess
import sys
import tomllib

import pytest

from tests.small_project import ROOT

FILE = ROOT / ".ci/audit-exceptions.toml"


def ask(*arguments):
    command = [sys.executable, str(ROOT / ".ci/audit-exceptions"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def write(tmp_path):
    def write(text):
        (tmp_path / "exceptions.toml").write_text(text)
        return "--file", str(tmp_path / "exceptions.toml")

    return write


def test_exception_expires_after_its_last_day(write):
    file = write('[[exception]]\nid = "CVE-1"\npackage = "p"\nreason = "r"\nuntil = 2027-01-31\n')

    assert ask(*file, "--today", "2027-01-31")[:2] == (0, "--ignore-vuln CVE-1\n")
    code, options, message = ask(*file, "--today", "2027-02-01")
    assert (code, options) == (1, "")
    assert "CVE-1 of p was ignored until 2027-01-31" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('id = "CVE-1"\npackage = "p"\nreason = "r"', "no until"),
        ('id = "CVE-1"\npackage = "p"\nreason = "r"\nuntil = "soon"', "a date such as"),
        ('id = "CVE-1"\npackage = "p"\nreason = "r"\nuntil = 2099-01-01', "choose an earlier date"),
    ],
)
def test_exception_without_a_near_date_is_refused(write, text, expected):
    code, _, message = ask(*write(f"[[exception]]\n{text}\n"), "--today", "2027-01-01")

    assert code == 1
    assert expected in message


def test_no_exceptions_print_no_option(write):
    assert ask(*write("")) == (0, "\n", "")


def test_osv_scanner_gets_the_same_exceptions(write):
    file = write('[[exception]]\nid = "CVE-1"\npackage = "p"\nreason = \'no "fix" § \\\'\nuntil = 2027-01-31\n')

    code, configuration, _ = ask(*file, "--osv-scanner", "--today", "2027-01-31")
    assert code == 0
    assert tomllib.loads(configuration) == {"IgnoredVulns": [{"id": "CVE-1", "reason": 'no "fix" § \\'}]}

    assert ask(*file, "--osv-scanner", "--today", "2027-02-01")[:2] == (1, "")


def test_documentation_names_every_exception():
    text = (ROOT / "docs/security.md").read_text()

    for exception in tomllib.loads(FILE.read_text())["exception"]:
        assert exception["id"] in text and str(exception["until"]) in text
