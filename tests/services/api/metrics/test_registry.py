import pytest
from prometheus_client import CollectorRegistry

from services.api.metrics.registry import RegistryState
from services.api.model.mlflow_registry import RegisteredVersion


@pytest.fixture
def state_of():
    """The gauges for versions with these tags, oldest first."""

    def make(*tags, **aliases):
        versions = [RegisteredVersion(number, 100.0 * number, one) for number, one in enumerate(tags, start=1)]
        registry = CollectorRegistry()

        class Known:
            def collect(self):
                return RegistryState(aliases, versions[::-1]).gauges()

        registry.register(Known())
        return lambda name, **labels: registry.get_sample_value(f"espalier_registry_{name}", labels)

    return make


PASSED, REJECTED = {"gate": "passed"}, {"gate": "rejected"}


def test_alias_gauge_is_the_version_or_0(state_of):
    value = state_of(PASSED, PASSED, champion="2")

    found = [value("alias_version", alias=alias) for alias in ("champion", "challenger", "previous")]
    assert found == [2, 0, 0]


def test_versions_are_counted_by_verdict(state_of):
    value = state_of(PASSED, REJECTED, {}, PASSED)

    assert (value("versions", gate="passed"), value("versions", gate="rejected")) == (2, 1)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], 0),
        ([PASSED], 0),
        ([REJECTED, REJECTED], 2),
        ([REJECTED, PASSED, REJECTED, {"by": "hand"}, REJECTED], 2),
        ([REJECTED, PASSED], 0),
    ],
)
def test_consecutive_rejections_count_to_the_last_pass(state_of, tags, expected):
    assert state_of(*tags)("consecutive_rejections") == expected


@pytest.mark.parametrize(
    ("tags", "passed", "rejected"),
    [([], 0, 0), ([PASSED], 1, 0), ([PASSED, REJECTED, PASSED, REJECTED, {"by": "hand"}], 3, 4)],
)
def test_newest_version_of_each_verdict_has_its_number(state_of, tags, passed, rejected):
    value = state_of(*tags)

    assert (value("newest_version", gate="passed"), value("newest_version", gate="rejected")) == (passed, rejected)


def test_rollouts_that_failed_are_counted(state_of):
    assert state_of({**PASSED, "rollout": "failed"}, {**PASSED, "rollout": "complete"})("failed_rollouts") == 1


def test_newest_version_has_its_time_and_none_has_none(state_of):
    assert state_of(PASSED, REJECTED)("newest_version_timestamp_seconds") == 200
    assert state_of()("newest_version_timestamp_seconds") is None


def test_version_without_all_its_files_is_not_counted(state_of):
    value = state_of(PASSED, {**REJECTED, "bundle": "complete"}, {**PASSED, "bundle": "uploading"})

    assert (value("versions", gate="passed"), value("versions", gate="rejected")) == (1, 1)
    assert value("consecutive_rejections") == 1
    assert value("newest_version_timestamp_seconds") == 200
