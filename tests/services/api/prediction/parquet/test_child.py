"""The script by itself: what it takes from its surroundings, and how it ends when nobody ends it."""

import os
import resource
import signal
import subprocess
import sys

import pyarrow as pa
import pytest

from services.api.prediction.parquet import child, process
from tests.services.api.prediction.columnar.arrow import table
from tests.services.api.prediction.parquet.files import parquet

MEBIBYTE = 2**20


@pytest.fixture
def run(tmp_path):
    def start(content, libraries, *, memory=256 * MEBIBYTE, seconds=5, **options):
        (tmp_path / "file").write_bytes(content)
        arguments = [libraries, str(memory), str(seconds), "4096"]
        with open(tmp_path / "file", "rb") as file:
            return subprocess.run(
                [sys.executable, "-I", "-S", child.__file__, *arguments],
                stdin=file,
                capture_output=True,
                check=False,
                timeout=30,
                **options,
            )

    return start


def test_file_becomes_a_stream_without_compression(run, contract):
    rows = table([contract.example] * 5)

    done = run(parquet(rows, compression="zstd"), process._libraries(), env={})

    assert (done.returncode, done.stderr) == (0, b"")
    with pa.ipc.open_stream(done.stdout) as reader:
        assert reader.read_all().to_pylist() == rows.to_pylist()
    assert b"apple" in done.stdout or b"pear" in done.stdout


def test_refusal_by_the_library_has_a_code_of_its_own(run):
    assert run(b"PAR1" + bytes(100) + b"PAR1", process._libraries()).returncode == child.REFUSED


TELL = """
limits = [getattr(resource, f"RLIMIT_{name}") for name in ("AS", "CPU", "CORE", "FSIZE", "NOFILE", "NPROC")]
tried = []
for attempt in (
    lambda: open("/etc/hostname"),
    lambda: socket.socket(),
    lambda: os.pipe(),
    lambda: os.memfd_create("a"),
    lambda: subprocess.run(["/bin/true"]),
):
    try:
        attempt()
        tried.append("worked")
    except OSError as error:
        tried.append(os.strerror(error.errno))
found = [resource.getrlimit(limit) for limit in limits], tried, sys.modules.keys() & {"services", "numpy", "site"}
out.write(repr(found).encode())
"""


def test_limits_are_set_before_the_file_is_read(run, library):
    done = run(b"content", library(TELL), memory=300 * MEBIBYTE, seconds=7)

    limits, tried, modules = eval(done.stdout)  # noqa: S307 (written above)
    assert limits == [(limit, limit) for limit in (300 * MEBIBYTE, 7, 0, 0, child.OPEN_FILES, 0)]
    assert set(tried) == {"Too many open files"}
    assert modules == set()


def test_lower_limit_of_the_container_stays(run, library):
    def lower():
        resource.setrlimit(resource.RLIMIT_AS, (200 * MEBIBYTE, 200 * MEBIBYTE))

    done = run(b"content", library(TELL), preexec_fn=lower)

    assert eval(done.stdout)[0][0] == (200 * MEBIBYTE, 200 * MEBIBYTE)  # noqa: S307 (written above)


def test_it_ends_by_itself_if_nobody_ends_it(run, library):
    assert run(b"content", library("time.sleep(60)"), seconds=1).returncode == -signal.SIGALRM
    busy = run(b"content", library("while True: pass"), seconds=1).returncode
    assert busy in (-signal.SIGALRM, -signal.SIGXCPU, -signal.SIGKILL)


def test_it_ends_when_its_reader_is_gone(library, tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    arguments = [library("while True: out.write(bytes(4096))"), str(256 * MEBIBYTE), "60", "4096"]
    with open(tmp_path / "file", "rb") as file:
        started = subprocess.Popen(
            [sys.executable, "-I", "-S", child.__file__, *arguments], stdin=file, stdout=subprocess.PIPE
        )
    assert os.read(started.stdout.fileno(), 10) == bytes(10)

    started.stdout.close()

    assert started.wait(30) == child.REFUSED
