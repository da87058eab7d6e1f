import pytest
from distributed import Client, MultiLock

from pipelines.dask_engine.connect import connected
from pipelines.dask_engine.locks import check_lock
from pipelines.dask_engine.workers import free_workers
from pipelines.errors import Unreachable


def test_lock_of_a_client_that_is_there_is_waited_for(cluster):
    settings = cluster.add("one").settings(dask_wait_seconds=1)

    with Client(cluster.address, set_as_default=False) as other, connected(settings) as client:
        workers = free_workers(client, settings)
        held = MultiLock([workers[0].address], other)
        held.acquire()
        with pytest.raises(Unreachable, match=r"another training holds the workers .*restart the scheduler"):
            check_lock(client, workers, settings)
        held.release()
        check_lock(client, workers, settings)


def test_lock_of_a_client_that_is_gone_is_released(cluster):
    settings = cluster.add("one").settings(dask_wait_seconds=5)
    with Client(cluster.address, set_as_default=False) as other, connected(settings) as client:
        workers = free_workers(client, settings)
        MultiLock([workers[0].address], other).acquire()

    with connected(settings) as client:
        check_lock(client, workers, settings)
