"""What a process that decodes may do, and what becomes of it if it does more."""

import os
import resource
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from services.api.prediction.parquet.process import Decoding, End, Limits
from tests.services.api.prediction.columnar.arrow import table
from tests.services.api.prediction.parquet.files import parquet

MEBIBYTE = 2**20
LIMITS = Limits(memory_bytes=256 * MEBIBYTE, output_bytes=4 * MEBIBYTE, seconds=20)
SHORT = Limits(memory_bytes=256 * MEBIBYTE, output_bytes=4 * MEBIBYTE, seconds=1)


def run(content=b"content", limits=LIMITS):
    return Decoding(limits).run(content, batch_rows=4096)


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No open file and no child, not even one that has ended."""
    before = set(os.listdir("/proc/self/fd"))
    children = children_of_this_process()
    yield
    assert len(os.listdir("/proc/self/fd")) == len(before)
    assert children_of_this_process() == children


def children_of_this_process():
    found = set()
    for thread in os.listdir("/proc/self/task"):
        with suppress(FileNotFoundError), open(f"/proc/self/task/{thread}/children") as file:  # a thread may just end
            found |= set(file.read().split())
    return found


def test_file_is_decoded(contract):
    ended = run(parquet(table([contract.example] * 3)))

    assert (ended.how, ended.status) == (End.DONE, "exit code 0")
    assert ended.stream[:4] == b"\xff\xff\xff\xff"


def test_large_file_is_passed_whole(hostile):
    hostile("out.write(str((len(content), content[:3], content[-3:])).encode())")

    ended = run(bytearray(b"abc" + bytes(40 * MEBIBYTE) + b"xyz"))

    assert bytes(ended.stream) == str((40 * MEBIBYTE + 6, b"abc", b"xyz")).encode()


def test_process_has_no_environment_no_folder_and_nothing_open_but_the_file(hostile, monkeypatch):
    monkeypatch.setenv("API_DATABASE_URL", "postgresql://user:password@host")
    hostile(
        """
opened = []
for number in range(3, 100):
    try:
        os.fstat(number)
        opened.append(number)
    except OSError:
        pass
environment = {name for name in os.environ if name != "LC_CTYPE"}  # Python sets that itself
out.write(repr((environment, os.getcwd(), opened, os.getsid(0) == os.getpid())).encode())
"""
    )

    assert bytes(run().stream) == repr((set(), "/", [3], True)).encode()


ENDS = {
    "error": ("raise ValueError", End.REFUSED, "exit code 3"),
    "crash": ("os.abort()", End.FAILED, "SIGABRT"),
    "out of memory by the system": ("os.kill(os.getpid(), signal.SIGKILL)", End.FAILED, "SIGKILL"),
    "other exit code": ("os._exit(7)", End.FAILED, "exit code 7"),
    "memory": ("bytearray(300 * 2**20)", End.REFUSED, "exit code 3"),
    "crash behind output": ("out.write(b'half'); os.abort()", End.FAILED, "SIGABRT"),
    "output": ("while True: out.write(bytes(65536))", End.TOO_LARGE, "SIGKILL"),
}


@pytest.mark.parametrize("name", ENDS)
def test_end_is_told(hostile, name):
    body, how, status = ENDS[name]
    hostile(body)

    ended = run()

    assert (ended.how, ended.status) == (how, status)
    assert len(ended.stream) <= LIMITS.output_bytes + MEBIBYTE


@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(60)",
        "while True: pass",
        "os.close(1)\ntime.sleep(60)",
        "while True: out.write(b'a'); time.sleep(0.1)",
    ],
)
def test_time_is_limited(hostile, body):
    hostile(body)

    assert run(limits=SHORT).how is End.LATE


def test_process_is_ended_from_another_thread(hostile, tmp_path):
    hostile("out.write(b'begun')\ntime.sleep(60)")
    decoding, found = Decoding(LIMITS), []
    thread = threading.Thread(target=lambda: found.append(decoding.run(b"content", batch_rows=1)))
    thread.start()
    while not decoding._process:
        time.sleep(0.01)

    decoding.stop()

    thread.join(10)
    assert found[0].how is End.STOPPED


def test_stopped_process_is_not_started():
    decoding = Decoding(LIMITS)
    decoding.stop()

    assert decoding.run(b"content", batch_rows=1).how is End.STOPPED


def test_stop_after_the_end_does_nothing(contract):
    decoding = Decoding(LIMITS)
    decoding.run(parquet(table([contract.example])), batch_rows=1)

    decoding.stop()


def test_process_that_cannot_be_started_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/missing")

    with pytest.raises(FileNotFoundError):
        run()


MEASURED = """
import re, resource, sys
from services.api.prediction.parquet.process import Decoding, Limits
limits = Limits(memory_bytes=256 * 2**20, output_bytes=32 * 2**20, seconds=20)
ended = Decoding(limits).run(open(sys.argv[1], "rb").read(), batch_rows=4096)
own = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024  # or that of this process, if it has more
print(ended.how.name, len(ended.stream) >> 20, own, child, any(name.startswith("arro3.") for name in sys.modules))
"""


def test_memory_of_a_hundred_thousand_rows(tmp_path):
    """In a new interpreter, which as the worker does not import the library."""
    import numpy as np
    import pyarrow as pa

    source = np.random.default_rng(1)
    (tmp_path / "rows").write_bytes(parquet(pa.table({f"f{n}": source.normal(size=100_000) for n in range(25)})))

    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path / "rows")], capture_output=True, check=True, text=True
    )

    how, mebibytes, own, child, is_imported = done.stdout.split()
    assert (how, mebibytes, is_imported) == ("DONE", "19", "False")
    assert int(child) < 128, (own, child)
    assert int(own) < 160


def test_limits_of_the_parent_stay(contract):
    kinds = [resource.RLIMIT_AS, resource.RLIMIT_NOFILE, resource.RLIMIT_CPU, resource.RLIMIT_NPROC]
    before = [resource.getrlimit(kind) for kind in kinds]

    run(parquet(table([contract.example])))

    assert [resource.getrlimit(kind) for kind in kinds] == before
