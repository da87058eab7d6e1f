"""What the entry point says and ends with."""

import socket
import sys

import pytest

from services.api import __main__ as entry


def run_main(monkeypatch, environment, capsys, *arguments):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["services.api", *arguments])
    monkeypatch.setattr(entry.logging.config, "dictConfig", lambda _config: None)  # it would outlive the test
    try:
        entry.main()
    except SystemExit as end:
        return end.code, capsys.readouterr().err
    return 0, capsys.readouterr().err


def test_migrate_makes_the_tables_and_ends(monkeypatch, environment, capsys, tmp_path):
    code, printed = run_main(monkeypatch, environment, capsys, "migrate")

    assert (code, printed) == (0, "")
    assert (tmp_path / "users.db").exists()


UNAVAILABLE = {"API_DATABASE_URL": "postgresql+psycopg://ana:a%20secret@127.0.0.1:1/x"}


def test_migrate_reports_an_unavailable_database(monkeypatch, environment, capsys):
    code, printed = run_main(monkeypatch, environment | UNAVAILABLE, capsys, "migrate")
    tolerated, told = run_main(monkeypatch, environment | UNAVAILABLE, capsys, "migrate", "--tolerate-absence")

    assert (code, tolerated) == (2, 0)
    assert "refused" in printed and told.startswith("not migrated yet: ")
    assert "a%20secret" not in printed + told and "a secret" not in printed + told


@pytest.mark.parametrize("port", ["API_PORT", "API_METRICS_PORT", "API_PEER_PORT"])
def test_port_that_is_taken_is_said(monkeypatch, environment, capsys, port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]

        code, printed = run_main(monkeypatch, environment | {port: str(number)}, capsys)

    assert code == 2
    assert printed.startswith(f"the API does not start: port {number} on 127.0.0.1 cannot be used")
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"API_JWT_SIGNING_KEY_FILE": "/nowhere/jwt.pem"}, "make a pair with: espalier keys"),
        ({"API_MODEL_NAME": "nobody", "API_WAIT_FOR_MODEL": "false"}, "registry has no model nobody"),
        ({"API_MODEL_NAME": "../nobody"}, "API_MODEL_NAME: String should match pattern"),
        ({"API_MODEL_VERSION": "../../x"}, "API_MODEL_VERSION: String should match pattern"),
        ({"API_MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}, "is it running"),
        ({"API_WORKERS": "none"}, "API_WORKERS: Input should be a valid integer"),
        ({"API_TLS_KEY_FILE": "/nowhere/key.pem"}, "HTTPS cannot be spoken"),
        ({"API_MODEL_PUBLIC_KEY_FILES": "/nowhere/model.pem"}, "bundles cannot be verified: cannot read the key"),
        ({"API_MODEL_CACHE_DIR": "/dev/null/cache"}, "(API_MODEL_CACHE_DIR): Not a directory"),
        ({"API_METRICS_DIR": "/dev/null/metrics"}, "(API_METRICS_DIR): Not a directory"),
        ({"API_DATABASE_URL": "sqlite:////dev/null/users.db"}, "/dev/null/users.db cannot be used"),
        ({"API_DATABASE_URL": "a secret"}, "API_DATABASE_URL is no URL of a database"),
        ({"API_DATABASE_URL": "nosuch://ana:a%20secret@here/x"}, "API_DATABASE_URL is no URL of a database"),
        ({"API_DATABASE_URL": "mysql+pymysql://ana:a%20secret@here/x"}, "No module named"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(monkeypatch, environment, capsys, change, said):
    code, printed = run_main(monkeypatch, environment | change, capsys)

    assert code == 2
    assert said in printed
    assert printed.count("\n") == 1
    assert "Traceback" not in printed
    assert "a secret" not in printed
    assert "a%20secret" not in printed


def test_bundle_that_is_refused_has_an_exit_code_of_its_own(monkeypatch, environment, capsys, other_keys):
    change = {"API_MODEL_PUBLIC_KEY_FILES": str(other_keys.public)}

    code, printed = run_main(monkeypatch, environment | change, capsys)

    assert code == 3
    assert "is refused (untrusted_signature)" in printed
    assert printed.count("\n") == 1


def test_counts_of_before_are_removed_and_nothing_else(make_settings, tmp_path):
    (tmp_path / "counter_1.db").write_bytes(b"x")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept.txt").write_text("x")

    entry._metrics_folder(make_settings(metrics_dir=tmp_path))

    assert {path.name for path in tmp_path.iterdir()} >= {"kept", "kept.txt"}
    assert not list(tmp_path.glob("*.db"))
