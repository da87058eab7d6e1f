"""Parquet files on a real worker: uvloop, threads, signals. What a file may be: ../prediction/parquet."""

import os
import random

import httpx
import pyarrow as pa
import pytest

from services.api.http.media_types import PARQUET
from tests.services.api.prediction.columnar.arrow import table
from tests.services.api.prediction.parquet.files import parquet
from tests.services.api.prediction.parquet.hostile import write_library
from tests.services.api.server_process.running import end, wait_until, wait_until_ready, workers_of

DAMAGED = 30


def children_of(pid):
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/children") as file:
            found += file.read().split()
    return found


@pytest.fixture
def begin(secure, headers, start):
    """Start an API of one worker, and return what sends files to it."""

    def run(**changes):
        process = start(API_WORKERS="1", **changes)
        wait_until_ready(secure, process)
        who = {**headers(), "Content-Type": PARQUET}

        def post(content, **options):
            return secure.post("/v1/predict", content=content, headers=who, **options)

        post.process = process
        return post

    return run


def bomb():
    """Texts of 20 kB in 100,000 rows, in a few thousand bytes."""
    indices, texts = pa.array([0] * 100_000, pa.int32()), ["x" * 20_000]
    columns = {"height": [1.0], "age": [1], "grafted": [True], "kind": ["pear"]}
    many = {name: pa.array(values * 100_000) for name, values in columns.items()}
    soil = pa.DictionaryArray.from_arrays(indices, texts)
    return parquet(pa.table(many | {"soil": soil}), compression="zstd", store_schema=False)


def test_worker_outlives_every_file_and_leaves_no_process(begin, contract):
    send = begin()
    (worker,) = workers_of(send.process)
    whole, source, statuses = parquet(table([contract.example] * 200)), random.Random(4), set()  # noqa: S311
    assert len(send(whole).json()["predictions"]) == 200

    for _ in range(DAMAGED):
        content = bytearray(whole)
        for _ in range(3):
            content[source.randrange(4, len(content))] = source.randrange(256)
        statuses.add(send(bytes(content)).status_code)
    statuses.add(send(bomb()).status_code)

    assert statuses <= {200, 400, 413, 422}
    assert send(whole).status_code == 200
    assert workers_of(send.process) == [worker]
    assert children_of(worker) == []
    with open(f"/proc/{worker}/maps") as maps:
        assert "arro3" not in maps.read(), "the library is only in the processes that decode"
    printed = end(send.process)
    assert '"Parquet file not decoded"' in printed
    assert "Traceback" not in printed


def test_process_ends_when_its_client_leaves(begin, contract, tmp_path):
    """A library that takes too long stands for a file that does."""
    send = begin(PYTHONPATH=write_library(tmp_path, "time.sleep(60)"))
    (worker,) = workers_of(send.process)

    with pytest.raises(httpx.TimeoutException):
        send(parquet(table([contract.example])), timeout=httpx.Timeout(10, read=0.5))

    wait_until(lambda: not children_of(worker))
    assert '"end":"stopped"' in end(send.process)
