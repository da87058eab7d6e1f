"""What the parent learns of its dependencies; with real workers: server_process/test_dependencies_unavailable.py."""

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
    """What MLflow says, by the end of the path."""
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
    """A port that takes connections and never says a word, as behind a firewall that drops."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        yield listening.getsockname()[1]


@pytest.fixture
def begin(make_settings, served, mlflow_uri, monkeypatch):
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


def test_all_that_answers_is_up(begin):
    value = begin()

    assert comes_to(value, 1, dependency="artifacts")
    assert comes_to(value, 1, dependency="database")
    assert up(value) == [1, 1, 1]
    assert value("registry_alias_version", alias="champion") == 1
    assert value("registry_consecutive_rejections") == 1


def test_unlistable_files_are_told_from_an_unavailable_registry(begin, pages):
    pages["artifacts"] = (500, {})

    value = begin()

    assert comes_to(value, 0, dependency="artifacts")
    assert value("dependency_up", dependency="mlflow") == 1


def test_champion_whose_files_are_gone_is_no_artifact(begin, pages):
    pages["artifacts"] = (200, {"files": []})

    assert comes_to(begin(), 0, dependency="artifacts")


def test_unavailable_registry_is_logged_and_its_last_state_kept(begin, pages, caplog):
    value = begin()
    assert comes_to(value, 1, dependency="mlflow")
    pages["get"] = (503, {})

    assert comes_to(value, 0, dependency="mlflow")
    assert comes_to(value, 0, dependency="artifacts")
    assert value("registry_alias_version", alias="champion") == 1
    assert [one.dependency for one in caplog.records if one.message == "does not answer"] == ["mlflow"]

    pages["get"] = (200, {"registered_model": {}})
    assert comes_to(value, 1, dependency="mlflow")
    assert comes_to(value, 0, "registry_alias_version", alias="champion")


def test_nothing_is_said_of_a_registry_that_never_answered(begin):
    value = begin(mlflow_tracking_uri="http://127.0.0.1:1")

    assert comes_to(value, 0, dependency="mlflow")
    assert value("registry_alias_version", alias="champion") is None
    assert value("registry_versions", gate="passed") is None


def test_model_that_nobody_registered_is_an_answer(begin, pages):
    pages["get"], pages["search"] = (404, {}), (200, {})

    value = begin()

    assert comes_to(value, 1, dependency="mlflow")
    assert value("registry_alias_version", alias="champion") == 0
    assert value("registry_versions", gate="passed") == 0


@pytest.mark.parametrize("answer", [(200, {"registered_model": 7}), (403, {}), (200, {"nothing": "known"})])
def test_answer_that_makes_no_sense_is_none_and_ends_no_thread(begin, pages, answer):
    pages["get"] = answer

    value = begin()

    assert comes_to(value, 0, dependency="mlflow")
    pages["get"] = (200, {"registered_model": {}})
    assert comes_to(value, 1, dependency="mlflow")


def test_hanging_registry_is_unavailable_and_hides_nothing_else(begin, silent):
    value = begin(mlflow_tracking_uri=f"http://127.0.0.1:{silent}")

    assert comes_to(value, 0, dependency="mlflow")
    assert comes_to(value, 1, dependency="database")


def test_hanging_database_is_unavailable_and_hides_nothing_else(begin, silent):
    value = begin(database_url=f"postgresql+psycopg://ana@127.0.0.1:{silent}/x")

    assert comes_to(value, 1, dependency="mlflow")
    assert comes_to(value, 0, dependency="database")


def test_refusing_database_is_unavailable_and_its_password_stays_secret(begin, caplog):
    value = begin(database_url="postgresql+psycopg://ana:a%20secret@127.0.0.1:1/x")

    assert comes_to(value, 0, dependency="database")
    assert "a secret" not in caplog.text and "a%20secret" not in caplog.text


def test_question_that_hangs_is_no_answer_any_more(begin, monkeypatch):
    monkeypatch.setattr(module, "MISSED_ROUNDS", 0.25)
    hang, asked = threading.Event(), []

    def ping(*_arguments, **_options):
        asked.append(1)
        if len(asked) > 1:
            hang.wait(10)

    monkeypatch.setattr(module, "ping", ping)

    value = begin()

    assert comes_to(value, 1, dependency="database")
    assert comes_to(value, 0, dependency="database")
    hang.set()


def test_first_question_that_hangs_is_said_too(begin, monkeypatch):
    monkeypatch.setattr(module, "MISSED_ROUNDS", 0.25)
    hang = threading.Event()
    monkeypatch.setattr(module, "ping", lambda *_arguments, **_options: hang.wait(10))

    value = begin()

    assert value("dependency_up", dependency="database") is None
    assert comes_to(value, 0, dependency="database")
    hang.set()
