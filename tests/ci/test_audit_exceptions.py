"""What the audit passes over has a date, and the day after it the audit fails."""

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
        (tmp_path / "given.toml").write_text(text)
        return "--file", str(tmp_path / "given.toml")

    return write


def test_options_are_printed_until_the_last_day_and_not_after_it(write):
    given = write('[[exception]]\nid = "CVE-1"\npackage = "p"\nreason = "r"\nuntil = 2027-01-31\n')

    assert ask(*given, "--today", "2027-01-31")[:2] == (0, "--ignore-vuln CVE-1\n")
    code, options, said = ask(*given, "--today", "2027-02-01")
    assert (code, options) == (1, "")
    assert "CVE-1 of p was passed over until 2027-01-31" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('id = "CVE-1"\npackage = "p"\nreason = "r"', "no until"),
        ('id = "CVE-1"\npackage = "p"\nreason = "r"\nuntil = "soon"', "a date such as"),
        ('id = "CVE-1"\npackage = "p"\nreason = "r"\nuntil = 2099-01-01', "look again sooner"),
    ],
)
def test_exception_without_a_date_that_somebody_will_meet_is_refused(write, text, expected):
    code, _, said = ask(*write(f"[[exception]]\n{text}\n"), "--today", "2027-01-01")

    assert code == 1
    assert expected in said


def test_no_exceptions_is_no_option(write):
    assert ask(*write("")) == (0, "\n", "")


def test_documentation_names_the_exceptions_and_their_dates():
    text = (ROOT / "docs/security.md").read_text()

    for one in tomllib.loads(FILE.read_text())["exception"]:
        assert one["id"] in text and str(one["until"]) in text
