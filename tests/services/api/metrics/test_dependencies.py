"""The monitor of the dependencies; with real workers: server_process/test_dependencies_unavailable.py."""

import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry

from bundle import BUNDLE_FILES
from services.api.metrics import dependencies as module
from services.api.startup import dependency_monitor

VERSIONS = [
    {"version": "2", "creation_timestamp": 2000, "tags": [{"key": "gate", "value": "rejected"}]},
    {"version": "1", "creation_timestamp": 1000, "tags": [{"key": "gate", "value": "passed"}]},
]


@pytest.fixture
def pages():
    """Responses of MLflow by the last part of the path."""
    return {
        "get": (200, {"registered_model": {"aliases": [{"alias": "champion", "version": "1"}]}}),
        "search": (200, {"model_versions": VERSIONS}),
        "get-download-uri": (200, {"artifact_uri": "mlflow-artifacts:/1/bundle"}),
        "artifacts": (200, {"files": [{"path": name, "file_size": 1} for name in BUNDLE_FILES]}),
    }


@pytest.fixture
def mlflow_uri(pages, answering):
    return answering(lambda path: pages[urlsplit(path).path.rpartition("/")[2]])


@pytest.fixture
def silent():
    """A port that accepts connections and never answers, as behind a firewall that drops packets."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        yield listening.getsockname()[1]


@pytest.fixture
def start_monitor(make_settings, served, mlflow_uri, monkeypatch):
    """Start the monitor, and return a function that reads a gauge."""
    monkeypatch.setattr(module, "FIRST_SECONDS", 0)
    started = []

    def run(**changes):
        defaults = {
            "mlflow_tracking_uri": mlflow_uri,
            "dependency_check_interval_seconds": 1,
            "dependency_check_timeout_seconds": 1,
        }
        started.append(
            dependency_monitor(
                make_settings(**{**defaults, "dependency_check_jitter_seconds": 0, **changes}), served.version
            )
        )
        registry = CollectorRegistry()
        registry.register(started[-1])
        started[-1].start()
        return lambda name, **labels: registry.get_sample_value(f"espalier_{name}", labels)

    yield run
    for one in started:
        one.stop()


def comes_to(value, expected, name="dependency_up", **labels):
    for _ in range(100):
        if value(name, **labels) == expected:
            return True
        time.sleep(0.05)
    return False


def up(value):
    return [value("dependency_up", dependency=name) for name in ("mlflow", "artifacts", "database")]


def test_answering_dependencies_are_up(start_monitor):
    value = start_monitor()

    assert comes_to(value, 1, dependency="artifacts")
    assert comes_to(value, 1, dependency="database")
    assert up(value) == [1, 1, 1]
    assert value("registry_alias_version", alias="champion") == 1
    assert value("registry_consecutive_rejections") == 1


def test_unavailable_artifacts_differ_from_an_unavailable_registry(start_monitor, pages):
    pages["artifacts"] = (500, {})

    value = start_monitor()

    assert comes_to(value, 0, dependency="artifacts")
    assert value("dependency_up", dependency="mlflow") == 1


def test_champion_without_files_is_down(start_monitor, pages):
    pages["artifacts"] = (200, {"files": []})

    assert comes_to(start_monitor(), 0, dependency="artifacts")


def test_unavailable_registry_is_logged_and_its_last_state_kept(start_monitor, pages, caplog):
    value = start_monitor()
    assert comes_to(value, 1, dependency="mlflow")
    pages["get"] = (503, {})

    assert comes_to(value, 0, dependency="mlflow")
    assert comes_to(value, 0, dependency="artifacts")
    assert value("registry_alias_version", alias="champion") == 1
    assert [one.dependency for one in caplog.records if one.message == "does not answer"] == ["mlflow"]

    pages["get"] = (200, {"registered_model": {}})
    assert comes_to(value, 1, dependency="mlflow")
    assert comes_to(value, 0, "registry_alias_version", alias="champion")


def test_registry_that_never_answered_has_no_series(start_monitor):
    value = start_monitor(mlflow_tracking_uri="http://127.0.0.1:1")

    assert comes_to(value, 0, dependency="mlflow")
    assert value("registry_alias_version", alias="champion") is None
    assert value("registry_versions", gate="passed") is None


def test_unregistered_model_counts_as_up(start_monitor, pages):
    pages["get"], pages["search"] = (404, {}), (200, {})

    value = start_monitor()

    assert comes_to(value, 1, dependency="mlflow")
    assert value("registry_alias_version", alias="champion") == 0
    assert value("registry_versions", gate="passed") == 0


@pytest.mark.parametrize("answer", [(200, {"registered_model": 7}), (403, {}), (200, {"nothing": "known"})])
def test_invalid_response_is_down_and_stops_no_thread(start_monitor, pages, answer):
    pages["get"] = answer

    value = start_monitor()

    assert comes_to(value, 0, dependency="mlflow")
    pages["get"] = (200, {"registered_model": {}})
    assert comes_to(value, 1, dependency="mlflow")


def test_hanging_registry_is_unavailable_and_hides_nothing_else(start_monitor, silent):
    value = start_monitor(mlflow_tracking_uri=f"http://127.0.0.1:{silent}")

    assert comes_to(value, 0, dependency="mlflow")
    assert comes_to(value, 1, dependency="database")


def test_hanging_database_is_unavailable_and_hides_nothing_else(start_monitor, silent):
    value = start_monitor(database_url=f"postgresql+psycopg://ana@127.0.0.1:{silent}/x")

    assert comes_to(value, 1, dependency="mlflow")
    assert comes_to(value, 0, dependency="database")


def test_refusing_database_is_unavailable_and_its_password_stays_secret(start_monitor, caplog):
    value = start_monitor(database_url="postgresql+psycopg://ana:a%20secret@127.0.0.1:1/x")

    assert comes_to(value, 0, dependency="database")
    assert "a secret" not in caplog.text and "a%20secret" not in caplog.text


def test_hanging_check_becomes_down(start_monitor, monkeypatch):
    monkeypatch.setattr(module, "MISSED_ROUNDS", 0.25)
    hang, asked = threading.Event(), []

    def ping(*_arguments, **_options):
        asked.append(1)
        if len(asked) > 1:
            hang.wait(10)

    monkeypatch.setattr(module, "ping", ping)

    value = start_monitor()

    assert comes_to(value, 1, dependency="database")
    assert comes_to(value, 0, dependency="database")
    hang.set()


def test_hanging_first_check_is_down(start_monitor, monkeypatch):
    monkeypatch.setattr(module, "MISSED_ROUNDS", 0.25)
    hang = threading.Event()
    monkeypatch.setattr(module, "ping", lambda *_arguments, **_options: hang.wait(10))

    value = start_monitor()

    assert value("dependency_up", dependency="database") is None
    assert comes_to(value, 0, dependency="database")
    hang.set()
