"""XGBoost's call without a server."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.environments import Environment
from benchmarks.errors import BenchmarkFailed
from benchmarks.model_call import measure_call

CORE = min(os.sched_getaffinity(0))


def measure(workload, rows):
    environment = Environment(Path(sys.executable), {})
    return measure_call(environment, workload, rows=rows, seconds=0.5, core=CORE, number=2)


def test_more_rows_take_longer(workload):
    one, many = measure(workload, 1), measure(workload, 2000)

    assert (one.round, one.rows, many.rows) == (2, 1, 2000)
    assert one.per_second > many.per_second > 0


def test_program_that_fails_says_why(workload, tmp_path):
    with pytest.raises(BenchmarkFailed, match=r"missing\.ubj"):
        measure(replace(workload, ubj=tmp_path / "missing.ubj"), 1)
