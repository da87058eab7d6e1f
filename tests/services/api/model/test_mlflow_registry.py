"""Responses that a real MLflow sends rarely; with a real server: test_source.py."""

from contextlib import closing

import pytest

from bundle import BundleTooLarge
from services.api.errors import StartupFailed
from services.api.model import mlflow_registry
from services.api.model.mlflow_registry import ModelRegistry, NotRegistered, RegistryAddress, RegistryUnavailable


@pytest.fixture
def answers():
    return []


@pytest.fixture
def asked():
    return []


@pytest.fixture
def pauses(monkeypatch):
    """Seconds slept between attempts."""
    slept = []
    monkeypatch.setattr("tenacity.nap.time.sleep", slept.append)
    return slept


@pytest.fixture
def connect(answers, asked, answering, pauses):
    """A server that gives ``answers`` in order, and the last one to every further call."""

    def answer(path):
        asked.append(path)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    with closing(ModelRegistry(RegistryAddress(answering(answer), retries=2, timeout_seconds=5))) as connected:
        yield connected


def test_busy_server_is_retried(connect, answers, asked, pauses):
    answers += [(503, {}), (429, {}), (200, {"registered_model": {"aliases": [{"alias": "a", "version": 3}]}})]

    assert connect.aliases("m") == {"a": "3"}
    assert len(asked) == 3
    assert pauses == [1, 2]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_whose_database_is_unavailable_is_unavailable_itself(connect, answers, asked, status):
    answers.append((status, {"error_code": "INTERNAL_ERROR"}))

    with pytest.raises(RegistryUnavailable, match=str(status)):
        connect.aliases("m")
    assert len(asked) == 3


def test_html_page_of_a_proxy_is_unavailable(connect, answers):
    answers.append((200, b"<html>signed out</html>"))

    with pytest.raises(RegistryUnavailable):
        connect.aliases("m")


def test_missing_version_is_not_retried(connect, answers, asked):
    answers.append((404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}))

    with pytest.raises(NotRegistered):
        connect.folder("m", "9")
    assert len(asked) == 1


def test_refusal_is_not_retried(connect, answers, asked):
    answers.append((403, {"message": "Invalid Host header"}))

    with pytest.raises(StartupFailed, match=r"refused \(403\).*Invalid Host"):
        connect.aliases("m")
    assert len(asked) == 1


def test_files_that_mlflow_does_not_serve_are_reported(connect, answers):
    answers.append((200, {"artifact_uri": "s3://bucket/1/bundle"}))

    with pytest.raises(StartupFailed, match="--serve-artifacts"):
        connect.folder("m", "1")


def test_download_over_the_limit_is_aborted(connect, answers, tmp_path):
    answers.append((200, b"x" * 1000))

    with pytest.raises(BundleTooLarge):
        connect.download("1/bundle", "model.ubj", tmp_path / "model.ubj", max_bytes=999)


def test_path_of_a_file_is_quoted(connect, answers, asked, tmp_path):
    answers.append((200, b"x"))
    connect.download("1/a b", "model.ubj", tmp_path / "model.ubj", max_bytes=10)

    assert asked == ["/api/2.0/mlflow-artifacts/artifacts/1/a%20b/model.ubj"]


def version(number, **tags):
    listed = [{"key": key, "value": value} for key, value in tags.items()]
    return {"version": str(number), "creation_timestamp": 1000 * number, "tags": listed}


def test_versions_are_paged_and_sorted_newest_first(connect, answers, asked):
    answers += [
        (200, {"model_versions": [version(2, gate="rejected"), version(9)], "next_page_token": "more"}),
        (200, {"model_versions": [version(10, gate="passed", rollout="failed")]}),
    ]

    found = connect.versions("m")

    assert [(one.number, one.created) for one in found] == [(10, 10), (9, 9), (2, 2)]
    assert found[0].tags == {"gate": "passed", "rollout": "failed"}
    assert "page_token=more" in asked[1]


def test_unregistered_name_has_no_versions(connect, answers):
    answers.append((200, {}))

    assert connect.versions("m") == []


def test_endless_pages_are_abandoned(connect, answers, asked):
    answers.append((200, {"model_versions": [], "next_page_token": "again"}))

    assert connect.versions("m") == []
    assert len(asked) == mlflow_registry.MAX_PAGES
