import pytest

from pipelines.errors import InvalidParams, Unreachable
from pipelines.promotion import kubernetes_api
from pipelines.promotion.kubernetes_api import connect, is_temporary, patiently, with_retries


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(kubernetes_api, "wait_exponential_jitter", lambda **_: lambda _state: 0)


def answering(*statuses):
    """A call that is refused with these statuses, one after another, and then works."""
    from kubernetes.client import ApiException

    left, calls = list(statuses), []

    def call():
        calls.append(1)
        if left:
            raise ApiException(status=left.pop(0), reason="refused")
        return len(calls)

    return call


def test_temporary_errors_are_retried():
    assert with_retries(answering(500, 429, 0, 503))() == 5


def test_lasting_errors_raise_unreachable():
    with pytest.raises(Unreachable, match="within 6 attempts"):
        with_retries(answering(*[503] * 6))()


def test_rejected_call_names_the_settings():
    with pytest.raises(InvalidParams, match=r"403 refused.*PIPELINE_LEASE"):
        patiently(answering(403), "PIPELINE_LEASE")()


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError()])
def test_broken_connection_is_temporary(error):
    assert is_temporary(error)
    assert not is_temporary(ValueError())


def test_missing_cluster_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))

    with pytest.raises(InvalidParams, match="no cluster is configured"):
        connect()
