import pytest

from pipelines.dask_engine.connect import connected
from pipelines.dask_engine.workers import check_versions, free_workers
from pipelines.errors import InvalidParams, Unreachable


def test_without_a_worker_the_message_says_so(cluster):
    settings = cluster.settings(dask_wait_seconds=1, dask_workers=1)

    with (
        connected(settings) as client,
        pytest.raises(Unreachable, match=r"no worker came .* within 1 s .*start"),
    ):
        free_workers(client, settings)


def test_fewer_workers_are_enough_after_the_wait(cluster, capsys):
    settings = cluster.add("one").settings(dask_wait_seconds=5, dask_workers=2)

    with connected(settings) as client:
        assert [worker.rank_key.split("]")[0] for worker in free_workers(client, settings)] == ["[xgboost.dask-one"]
    assert "1 of 2 Dask workers are there" in capsys.readouterr().err


def test_workers_are_in_the_order_of_xgboost_s_ranks(two_workers):
    settings = two_workers.settings()

    with connected(settings) as client:
        found = free_workers(client, settings)
    assert [worker.rank_key for worker in found] == [
        f"[xgboost.dask-{name}]:{worker.address}" for name, worker in zip(("one", "two"), found, strict=True)
    ]


def test_busy_workers_are_not_free(cluster):
    settings = cluster.add("one").settings(dask_wait_seconds=2)

    with connected(settings) as client:
        sleeping = client.submit(__import__("time").sleep, 30)
        with pytest.raises(Unreachable, match=r"all 1 workers .* were busy"):
            while not client.call_stack():
                pass
            free_workers(client, settings)
        sleeping.cancel()


def test_same_versions_pass(two_workers):
    with connected(two_workers.settings()) as client:
        check_versions(client)


def test_other_xgboost_on_a_worker_is_refused(cluster, tmp_path):
    """Another package of this name in front of the real one."""
    stub = tmp_path / "packages/xgboost"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text('__version__ = "1.2.3"\n')
    settings = cluster.add("one", environment={"PYTHONPATH": str(stub.parent)}).settings()

    with connected(settings) as client:
        free_workers(client, settings)
        with pytest.raises(InvalidParams, match=r"worker tcp://\S+ has xgboost 1\.2\.3, this .*same image"):
            check_versions(client)
