"""One benchmark at a time."""

import pytest

from benchmarks.alone import alone
from benchmarks.errors import BenchmarkFailed


def test_second_benchmark_is_refused_while_the_first_runs(tmp_path):
    with alone(tmp_path):
        with pytest.raises(BenchmarkFailed, match="another benchmark runs"), alone(tmp_path):
            pass

    with alone(tmp_path):
        pass
