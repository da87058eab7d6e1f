import pytest

from pipelines.promotion.rollout_progress import is_complete, is_stuck, limit_seconds, progress


def deployment(wanted, *, surge=1, deadline=300, ready=5, **pods):
    strategy = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": 0}}
    spec = {"replicas": wanted, "strategy": strategy, "progressDeadlineSeconds": deadline, "minReadySeconds": ready}
    return {"spec": spec, "status": pods}


@pytest.mark.parametrize(
    ("new", "all_", "available", "done"),
    [(2, 2, 2, True), (1, 2, 2, False), (2, 3, 3, False), (2, 2, 1, False), (3, 3, 3, True), (0, 0, 0, False)],
)
def test_rollout_is_complete_when_every_pod_is_new_and_available(new, all_, available, done):
    pods = {"updatedReplicas": new, "replicas": all_, "availableReplicas": available}

    assert is_complete(deployment(2, **pods)) is done


def test_zero_pods_are_complete_only_if_allowed():
    assert not is_complete(deployment(0))
    assert is_complete(deployment(0), without_pods=True)


def test_deployment_without_status_is_not_complete():
    new = {"metadata": {}, "spec": {"template": {"metadata": {}}}}

    assert not is_complete(new) and not is_stuck(new)
    assert progress(new) == "0 of 1 pods are new, 0 of 0 available"


@pytest.mark.parametrize(
    ("wanted", "surge", "groups"),
    [(2, 1, 2), (20, 1, 20), (20, 4, 5), (20, "25%", 4), (2, "25%", 2), (10, "25%", 4), (3, "100%", 1), (0, "25%", 1)],
)
def test_limit_grows_with_the_number_of_surge_groups(wanted, surge, groups):
    assert limit_seconds(deployment(wanted, surge=surge), 60) == 300 + groups * 65


def test_limit_is_enough_for_twenty_slow_pods():
    assert limit_seconds(deployment(20), 60) > 20 * 25 > 420


def test_limit_with_a_surge_percentage_does_not_depend_on_pods():
    assert limit_seconds(deployment(100, surge="25%"), 60) == limit_seconds(deployment(8, surge="25%"), 60)


def test_missing_fields_have_the_defaults_of_kubernetes():
    assert limit_seconds({"spec": {"replicas": 4}}, 60) == 600 + 4 * 60
