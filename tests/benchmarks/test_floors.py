"""When a quick run fails."""

from benchmarks.floors import FLOORS, below_floors
from benchmarks.plan import QUICK


def test_met_floors_give_no_line():
    assert below_floors({"1": 0.5, "100": 0.3}, {"1": 0.5, "100": 0.2}) == []


def test_ratio_below_its_floor_is_named_with_both_numbers():
    (line,) = below_floors({"1": 0.5, "100": 0.19}, {"1": 0.5, "100": 0.2})

    assert "100 row(s)" in line and "0.190" in line and "0.2" in line


def test_missing_ratio_is_no_pass():
    (line,) = below_floors({"1": 0.5}, {"1": 0.5, "100": 0.2})

    assert "not measured" in line


def test_quick_run_measures_every_floor():
    assert set(FLOORS) <= {scenario.name for scenario in QUICK.scenarios}
    assert {"espalier", "starlette"} == set(QUICK.servers)
