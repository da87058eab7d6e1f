"""Medians over rounds, and ratios within them."""

import pytest

from benchmarks.samples import Results
from benchmarks.summary import latencies, memory, peaks, ratios


def test_peak_is_the_median_of_the_rounds(results):
    peak = peaks(results)["espalier", "1"]

    assert (peak.per_second, peak.lowest, peak.highest) == (100.0, 50.0, 500.0)


def test_ratio_compares_the_same_round(results):
    """0.5, 0.5 and 0.1: the ratio of the medians would be 0.1."""
    assert ratios(results, "espalier", "starlette")["1"] == 0.5
    assert ratios(results, "starlette", "starlette") == {"1": 1.0, "100": 1.0}


def test_round_without_the_reference_gives_no_ratio(make_closed):
    found = Results(closed=(make_closed("espalier", 0, "1", 5.0), make_closed("starlette", 1, "1", 10.0)))

    assert ratios(found, "espalier", "starlette") == {}


def test_reference_without_an_answer_gives_no_ratio(make_closed):
    found = Results(closed=(make_closed("espalier", 0, "1", 5.0), make_closed("starlette", 0, "1", 0.0)))

    assert ratios(found, "espalier", "starlette") == {}


def test_errors_of_all_rounds_are_added_and_the_busiest_load_program_counts(make_closed):
    rounds = [make_closed("x", number, "1", 1.0, errors=2, load_cpu_share=number / 4) for number in range(3)]
    peak = peaks(Results(closed=tuple(rounds)))["x", "1"]

    assert (peak.errors, peak.load_cpu_share) == (6, 0.5)


def test_unknown_percentile_is_left_out_of_the_median(make_closed):
    values = (None, 2.0, 4.0)
    rounds = [make_closed("x", number, "1", 1.0, p99_ms=value) for number, value in enumerate(values)]

    assert peaks(Results(closed=tuple(rounds)))["x", "1"].p99_ms == pytest.approx(3.0)


def test_latency_by_share(results):
    found = latencies(results)

    assert found["espalier", "1", 0.5].p99_ms == 9.25
    assert found["starlette", "1", 0.5].p99_ms is None
    assert found["starlette", "1", 0.5].errors == 3


def test_start_and_memory_are_medians(results):
    assert (memory(results)["espalier"].seconds, memory(results)["espalier"].pss_mib) == (3.0, 200.0)
