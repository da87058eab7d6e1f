import pytest

from benchmarks.soak.report import SoakReport
from benchmarks.soak.usage import Sample


def sample(number, **changes):
    held = {"pss_mib": 120 + number % 2, "private_mib": 80.0, "files": 30, "threads": 9, "connections": 16}
    return Sample(seconds=5.0 * number, requests=100_000 * number, **(held | changes))


@pytest.fixture
def make_sample():
    return sample


@pytest.fixture
def make_report():
    """A soak that is passed, with changes."""

    def make(**changes):
        values = {
            "started": "2026-11-27T01:02:03+00:00",
            "commit": "abcdef0",
            "machine": {"processor": "a processor", "cores": "2", "memory": "24 GiB", "system": "Linux 6.1, x86_64"},
            "versions": {"python": "3.13.0"},
            "tools": {"wrk": "4.1.0"},
            "requests": 1000,
            "seconds": 4.0,
            "statuses": {"200": 900, "422": 100},
            "no_answer": 0,
            "differences": {},
            "counters": 30,
            "log_lines": 1004,
            "counted_requests": 1004,
            "samples": tuple(sample(number) for number in range(11)),
        }
        return SoakReport(**(values | changes))

    return make
