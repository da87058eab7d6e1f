"""A model is trained by the scheduler and the workers of the release, with TLS and the release's network policies."""

import pytest

from espalier.cluster.waiting import wait_until

pytestmark = pytest.mark.slow

WORKERS = "app.kubernetes.io/name=dask-worker"
PATIENCE_SECONDS = 600


def wait_for(what, condition):
    wait_until(what, lambda: "" if condition() else "not yet", seconds=PATIENCE_SECONDS)


def ready_workers(platform):
    pods = platform.kube.get("pods", "-l", WORKERS)["items"]
    return [
        pod["metadata"]["name"]
        for pod in pods
        if any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))
    ]


@pytest.fixture(scope="module")
def workers(platform, first_champion, install):
    """Two workers that two cores can hold."""
    install(
        "training.dask.enabled=true",
        "training.dask.workers=2",
        "training.dask.threads=1",
        "training.dask.resources.requests.cpu=50m",
        "training.dask.resources.requests.memory=512Mi",
        "training.dask.scheduler.resources.requests.cpu=50m",
    )
    wait_for("two workers", lambda: len(ready_workers(platform)) == 2)
    yield
    install()
    platform.wait_until_settled()


def test_model_of_the_workers_passes_the_gate_and_is_served(platform, workers):
    before = platform.registry()
    job = platform.training_job("dask", rounds=90, engine="dask")
    platform.kube.apply(job)
    platform.wait_for_job(job["metadata"]["name"])

    after = platform.registry()
    assert after.newest != before.newest
    assert after.aliases["champion"] == after.newest
    wait_for("the new champion", lambda: platform.version() == after.newest)


def test_run_survives_a_worker_that_is_deleted(platform, workers):
    before = platform.registry()
    job = platform.training_job("dask-lost", rounds=400, engine="dask")
    name = job["metadata"]["name"]
    platform.kube.apply(job)
    wait_for("the first trees", lambda: "boosting" in platform.log(name))
    platform.kube.kubectl("delete", "pod", ready_workers(platform)[0], "--grace-period=0", "--force")
    platform.wait_for_job(name)

    assert "lost in training" in platform.log(name)
    assert platform.registry().newest != before.newest
