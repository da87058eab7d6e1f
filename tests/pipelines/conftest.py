from collections.abc import Callable

import pytest

from pipelines.gate.decision import Kind
from pipelines.gate.evidence import CalibrationBin, Evidence, Period


@pytest.fixture
def evidence() -> Callable[..., Evidence]:
    """Return a function that gives the evidence of an inconclusive comparison, or of another one."""

    def make(**changes) -> Evidence:
        usual = {
            "champion_version": "4",
            "comparison": 1,
            "metric": "log_loss",
            "champion": 0.498,
            "candidate": 0.4968,
            "gain": 0.0012,
            "error": 0.0016,
            "lower": -0.0021,
            "upper": 0.0045,
            "level": 0.025,
            "rows": 90_000,
            "test_rows": 90_000,
            "blocks": 90,
            "block": "1d",
            "neighbours": 0.1,
            "min_improvement": 0.001,
            "max_loss": 0.005,
            "kind": Kind.INCONCLUSIVE,
            "newer": False,
            "rows_to_decide": None,
            "periods": (Period(start="2025-03-01T00:00", rows=1000, gain=0.002),),
            "calibration": {
                name: (CalibrationBin(predicted=0.2, observed=0.25, rows=90_000),) for name in ("champion", "candidate")
            },
            "calibration_errors": {"champion": 0.05, "candidate": 0.05},
        }
        return Evidence.model_validate(usual | changes)

    return make
