import pytest

from pipelines.config.settings import Settings, load_settings
from pipelines.errors import InvalidParams
from pipelines.promotion.kubernetes_rollout import KubernetesRollout
from pipelines.promotion.rollout import NoRollout, rollout_of


def test_no_rollout_always_succeeds():
    rollout = rollout_of(Settings(), lock=None)

    assert isinstance(rollout, NoRollout)
    assert rollout.serve("1")
    rollout.go_back("1")


@pytest.mark.parametrize("missing", ["DEPLOYMENT", "NAMESPACE", "LEASE"])
def test_kubernetes_rollout_needs_deployment_and_lease(monkeypatch, missing):
    for name in {"DEPLOYMENT", "NAMESPACE", "LEASE"} - {missing}:
        monkeypatch.setenv(f"PIPELINE_{name}", "given")
    monkeypatch.setenv("PIPELINE_ROLLOUT", "kubernetes")

    with pytest.raises(InvalidParams, match=f"needs .*PIPELINE_{missing}"):
        load_settings()


def test_kubernetes_rollout_gets_settings_and_lock(monkeypatch):
    settings = Settings(rollout="kubernetes", deployment="d", namespace="n", lease="l")
    monkeypatch.setattr(KubernetesRollout, "connect", lambda *given: given)

    assert rollout_of(settings, lock="the lock") == (settings, "the lock")
