import pytest

from pipelines.errors import InvalidParams
from pipelines.rollout import NoRollout, rollout_of
from pipelines.settings import Settings, load_settings


def test_nothing_to_tell_is_always_told():
    rollout = rollout_of(Settings())

    assert isinstance(rollout, NoRollout)
    assert rollout.serve("1")
    rollout.go_back("1")


def test_rollout_on_kubernetes_needs_to_know_what_to_roll_out(monkeypatch):
    monkeypatch.setenv("PIPELINE_ROLLOUT", "kubernetes")

    with pytest.raises(InvalidParams, match="needs PIPELINE_DEPLOYMENT"):
        load_settings()
