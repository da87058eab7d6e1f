import pytest

from pipelines.errors import RegistryFailure, Unreachable
from pipelines.registry import Registry
from pipelines.settings import Settings


def test_unknown_name_has_no_versions(registry, name):
    assert registry.versions(name) == []
    assert registry.version_of(name, "champion") is None
    assert registry.find_version(name, "key") is None


def test_unknown_version_is_said_with_the_way_to_list_them(registry, name):
    with pytest.raises(RegistryFailure, match="espalier models"):
        registry.version(name, "9")


def test_refusal_of_mlflow_is_said_in_its_words(registry, name):
    with pytest.raises(RegistryFailure, match="refused to move an alias"):
        registry.set_alias(name, "champion", "1")


def test_server_that_is_away_is_said_within_the_budget():
    away = Registry(Settings(mlflow_tracking_uri="http://127.0.0.1:1", mlflow_retries=0))

    with pytest.raises(Unreachable, match="did not answer"):
        away.check()
