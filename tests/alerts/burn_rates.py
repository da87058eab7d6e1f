"""Cases at the edge of each condition of a burn-rate alert, with the recorded series as input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.alerts.promtool import FOLDER, Rule, rules, run_tests
from tests.promql import Selector, selectors

CONDITIONS: dict[tuple[str, str], tuple[float, float, float]] = {
    ("1h", "5m"): (14.4, 14.4, 10),
    ("6h", "30m"): (6, 6, 10),
    ("1d", "2h"): (3, 3, 10),
    ("3d", "6h"): (1, 1, 10),
}
"""Long and short window: multiples of the budget that the ratios must exceed, and failures in the long window.

Source: The Site Reliability Workbook, chapter 5, table 5-8, with a fourth pair for the slowest burn.
"""

BUDGETS = {"ApiErrorBudgetBurn": 0.001, "ApiLatencyBudgetBurn": 0.01}
MINUTES = {"m": 1, "h": 60}


def burn_rate_alerts() -> list[Rule]:
    """Return the burn-rate alerts."""
    return [rule for rule in rules(FOLDER / "slo.yaml") if rule.get("alert") in BUDGETS]


def check_edges(folder: Path, alert: Rule) -> None:
    """Evaluate the alert alone with promtool: it fires 10 % above its three conditions, and not 10 % below any of them.

    Raises:
        AssertionError: with promtool's output.
    """
    path = folder / "alert.json"
    path.write_text(json.dumps({"groups": [{"name": "edges", "rules": [alert]}]}))
    run_tests(folder, {"rule_files": [path.name], "evaluation_interval": "1m", "tests": list(_cases(alert))})


def _cases(alert: Rule) -> Iterator[dict[str, Any]]:
    series = [_series(selector) for selector in selectors(alert["expr"])]
    *multiples, failures = CONDITIONS[alert["labels"]["long"], alert["labels"]["short"]]
    limits = [multiple * BUDGETS[alert["alert"]] for multiple in multiples] + [failures]
    yield _case(alert, series, [limit * 1.1 for limit in limits], fires=True)
    for low in range(len(limits)):
        values = [limit * (0.9 if place == low else 1.5) for place, limit in enumerate(limits)]
        yield _case(alert, series, values, fires=False)


def _series(selector: Selector) -> str:
    labels = ",".join(f'{matcher.label}="{matcher.value}"' for matcher in selector.matchers)
    return f"{selector.metric}{{{labels}}}"


def _case(alert: Rule, series: list[str], values: list[float], *, fires: bool) -> dict[str, Any]:
    minutes = int(alert["for"][:-1]) * MINUTES[alert["for"][-1]] + 1
    return {
        "interval": "1m",
        "input_series": [
            {"series": one, "values": f"{value:g}+0x{minutes}"} for one, value in zip(series, values, strict=True)
        ],
        "promql_expr_test": [
            {
                "eval_time": f"{minutes}m",
                "expr": 'count(ALERTS{alertstate="firing"}) or vector(0)',
                "exp_samples": [{"labels": "{}", "value": int(fires)}],
            }
        ],
    }
