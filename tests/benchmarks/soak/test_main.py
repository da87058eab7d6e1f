"""The command line."""

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.soak import __main__ as command
from benchmarks.soak.report import write_report


@pytest.fixture
def run(tmp_path):
    app = typer.Typer()
    app.command()(command.main)

    def run(*arguments):
        return CliRunner().invoke(app, [*arguments])

    return run


@pytest.mark.parametrize(("changes", "code"), [({}, 0), ({"log_lines": 1}, 3)])
def test_saved_soak_is_shown_and_judged(run, make_report, tmp_path, changes, code):
    write_report(tmp_path / "soak.json", make_report(**changes))

    done = run("--render", str(tmp_path / "soak.json"))

    assert done.exit_code == code
    assert ("exact and flat" in done.output) == (code == 0)


def test_missing_file_is_one_line(run):
    done = run("--render", "missing.json")

    assert done.exit_code == 1
    assert "missing.json has no result of a soak" in done.output and done.output.count("\n") == 1


def test_too_few_requests_are_refused(run):
    assert run("--requests", "1").exit_code == 2
