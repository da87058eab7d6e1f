import sys

import pytest

from benchmarks.errors import BenchmarkFailed
from benchmarks.scale.watch import watch

MEBIBYTES = 60


def python(code, *arguments):
    return [sys.executable, "-c", code, *arguments]


def test_memory_and_time_of_a_stage_are_those_of_its_process():
    code = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', "
        f"'import time; kept = bytearray({MEBIBYTES} * 2**20); time.sleep(1)', 'pipelines.stages.train'])"
    )

    found = watch(python(code))

    assert found.peaks["train"] > MEBIBYTES > found.peaks["other"] - MEBIBYTES / 2
    assert 0 < found.stages["train"] <= found.seconds


def test_failure_has_the_output():
    with pytest.raises(BenchmarkFailed, match="exited with 3: no table"):
        watch(python("print('no table'); raise SystemExit(3)"))


def test_much_output_does_not_block():
    assert watch(python("print('x' * 1_000_000)")).seconds > 0
