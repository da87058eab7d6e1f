"""Messages and exit codes of the command line."""

import logging.config
import re
import socket
import sys

import pytest

from services.api import __main__ as entry
from services.api import serve


def run_main(monkeypatch, environment, capsys, *arguments):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["services.api", *arguments])
    monkeypatch.setattr(logging.config, "dictConfig", lambda _config: None)  # it would outlive the test
    with pytest.raises(SystemExit) as end:
        entry.main()
    return end.value.code, capsys.readouterr().err


def test_migrate_creates_the_tables(monkeypatch, environment, capsys, tmp_path):
    code, printed = run_main(monkeypatch, environment, capsys, "migrate")

    assert (code, printed) == (0, "")
    assert (tmp_path / "users.db").exists()


UNAVAILABLE = {"API_DATABASE_URL": "postgresql+psycopg://ana:a%20secret@127.0.0.1:1/x"}


def test_migrate_reports_an_unavailable_database(monkeypatch, environment, capsys):
    code, printed = run_main(monkeypatch, environment | UNAVAILABLE, capsys, "migrate")

    assert code == 2
    assert "refused" in printed
    assert "a%20secret" not in printed and "a secret" not in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port"], "No such option: --port"),
        (["serve", "--port", "1"], "No such option: --port"),
        (["migrate", "--until-done"], "No such option: --until-done"),
        (["migrate", "now"], "unexpected extra argument(s) (now)"),
        (["start"], "No such command 'start'"),
    ],
)
def test_unknown_arguments_are_refused(monkeypatch, capsys, tmp_path, arguments, message):
    code, printed = run_main(monkeypatch, {"API_DATABASE_URL": f"sqlite:///{tmp_path}/users.db"}, capsys, *arguments)

    assert code == 2
    assert message in printed and "for help" in printed
    assert not (tmp_path / "users.db").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "-h"], ["migrate", "--help"]])
def test_help_shows_an_example_and_needs_no_settings(monkeypatch, capsys, arguments):
    monkeypatch.setattr(sys, "argv", ["services.api", *arguments])
    with pytest.raises(SystemExit) as end:
        entry.main()

    assert end.value.code == 0
    assert re.search(r"Examples?:\n  .*python -m services\.api", capsys.readouterr().out)


@pytest.mark.parametrize("arguments", [[], ["serve"]])
@pytest.mark.parametrize("must_restart", [False, True])
def test_process_that_waited_restarts_with_the_same_arguments(
    monkeypatch, environment, capsys, arguments, must_restart
):
    started = []
    monkeypatch.setattr(serve, "serve_model", lambda _settings: must_restart)
    monkeypatch.setattr(sys, "orig_argv", ["/usr/bin/python3", "-m", "services.api", *arguments])
    monkeypatch.setattr(entry.os, "execv", lambda *command: started.append(command))

    code, _ = run_main(monkeypatch, environment, capsys, *arguments)

    assert code == 0
    expected = (sys.executable, [sys.executable, "-m", "services.api", *arguments])
    assert started == ([expected] if must_restart else [])


@pytest.mark.parametrize("port", ["API_PORT", "API_METRICS_PORT", "API_PEER_PORT"])
def test_port_in_use_is_reported(monkeypatch, environment, capsys, port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]

        code, printed = run_main(monkeypatch, environment | {port: str(number)}, capsys)

    assert code == 2
    assert printed.startswith(f"the API does not start: port {number} on 127.0.0.1 cannot be used")
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"API_JWT_SIGNING_KEY_FILE": "/nowhere/jwt.pem"}, "create a pair with: espalier keys"),
        ({"API_MODEL_NAME": "nobody", "API_WAIT_FOR_MODEL": "false"}, "registry has no model nobody"),
        ({"API_MODEL_NAME": "../nobody"}, "API_MODEL_NAME: String should match pattern"),
        ({"API_MODEL_VERSION": "../../x"}, "API_MODEL_VERSION: String should match pattern"),
        ({"API_MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}, "check that it is running"),
        ({"API_WORKERS": "none"}, "API_WORKERS: Input should be a valid integer"),
        ({"API_TLS_KEY_FILE": "/nowhere/key.pem"}, "cannot serve HTTPS with"),
        ({"API_MODEL_PUBLIC_KEY_FILES": "/nowhere/model.pem"}, "bundles cannot be verified: cannot read the key"),
        ({"API_MODEL_CACHE_DIR": "/dev/null/cache"}, "(API_MODEL_CACHE_DIR): Not a directory"),
        ({"API_DATABASE_URL": "sqlite:////dev/null/users.db"}, "cannot use the database sqlite:////dev/null/users.db"),
        ({"API_DATABASE_URL": "a secret"}, "API_DATABASE_URL is not a database URL"),
        ({"API_DATABASE_URL": "nosuch://ana:a%20secret@here/x"}, "API_DATABASE_URL is not a database URL"),
        ({"API_DATABASE_URL": "mysql+pymysql://ana:a%20secret@here/x"}, "No module named"),
    ],
)
def test_startup_error_is_one_line_and_exit_code_2(monkeypatch, environment, capsys, change, message):
    code, printed = run_main(monkeypatch, environment | change, capsys)

    assert code == 2
    assert message in printed
    assert printed.count("\n") == 1
    assert "Traceback" not in printed
    assert "a secret" not in printed
    assert "a%20secret" not in printed


def test_refused_bundle_exits_with_3(monkeypatch, environment, capsys, other_keys):
    change = {"API_MODEL_PUBLIC_KEY_FILES": str(other_keys.public)}

    code, printed = run_main(monkeypatch, environment | change, capsys)

    assert code == 3
    assert "is refused (untrusted_signature)" in printed
    assert printed.count("\n") == 1
