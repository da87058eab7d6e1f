"""The command line."""

import json
import signal
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.results import write_report


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
        code = 0
        try:
            command.main()
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def saved(report, tmp_path):
    write_report(tmp_path / "results.json", report)
    return str(tmp_path / "results.json")


@pytest.fixture(autouse=True)
def sigterm():
    """The command replaces this process's handler."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_sigterm_ends_the_server_that_runs(run):
    """As an exception, which leaves every block that has started a process."""
    run("--help")

    with pytest.raises(SystemExit) as ended:
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 143


def test_help_has_examples(run):
    code, out, _ = run("--help")

    assert code == 0
    assert "python -m benchmarks --quick" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--servers", "triton"], "there is no server triton; there are: espalier, starlette"),
        (["--scenarios", "1,7"], "there is no scenario 7; there are: 1, 100"),
        (["--server-core", "0", "--load-core", "0"], "need a core each"),
        (["--render", "missing.json"], "missing.json has no results"),
    ],
)
def test_wrong_argument_is_one_line(run, monkeypatch, arguments, message):
    monkeypatch.setattr("benchmarks.load.tools.find_tools", lambda **_: {})
    code, out, err = run(*arguments)

    assert (code, out) == (1, "")
    assert message in err
    assert err.count("\n") == 1


def test_missing_load_program_is_one_line(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = run("--quick")

    assert code == 1
    assert "wrk is not on PATH" in err


def test_render_prints_the_tables_and_the_notes(run, saved):
    code, out, err = run("--render", saved)

    assert code == 0
    assert "100 (0.50)" in out
    assert "KServe ModelServer: not measured" in err


def test_json_is_the_report(run, saved):
    _, out, _ = run("--render", saved, "--json")

    assert json.loads(out) == json.loads(Path(saved).read_text())


@pytest.mark.parametrize(("floors", "code"), [({"1": 0.4, "100": 0.05}, 0), ({"1": 0.4, "100": 0.2}, 3)])
def test_quick_run_is_judged(run, saved, monkeypatch, floors, code):
    monkeypatch.setattr("benchmarks.floors.FLOORS", floors)
    found, _, err = run("--quick", "--render", saved)

    assert found == code
    assert ("under the floor" in err) == bool(code)
