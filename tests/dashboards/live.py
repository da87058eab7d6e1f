"""Check against a Prometheus that scrapes a release that every panel of every dashboard has data.

empty = empty_panels("http://127.0.0.1:9090", namespace="espalier")
assert not empty, empty
"""

from __future__ import annotations

import time

from dashboards.tools.prometheus import series_counts
from dashboards.tools.queries import load, window_of

__all__ = ["MAY_BE_EMPTY", "counts", "empty_panels"]

GOOD_NEWS = "empty is the good case"
BY_HAND = "runs are started by hand: the CronJob is suspended until a schedule is set"
OF_A_NUMBER = "the target of the release has two classes"
SHORT_LIVED = "cAdvisor may miss a run of less than a minute"

MAY_BE_EMPTY: dict[str, str] = {
    "espalier-overview / Alerts / A": GOOD_NEWS,
    "espalier-api / Waiting containers / A": GOOD_NEWS,
    "espalier-api / Last exit codes / A": GOOD_NEWS,
    **dict.fromkeys(
        (
            *(f"espalier-model / Root mean squared error / {ref}" for ref in "ABC"),
            *(f"espalier-model / Mean absolute error / {ref}" for ref in "ABC"),
            *(f"espalier-model / Coverage of the interval / {ref}" for ref in "AB"),
        ),
        OF_A_NUMBER,
    ),
    "espalier-training / Last successful scheduled run / A": BY_HAND,
    "espalier-training / Next scheduled run / A": BY_HAND,
    "espalier-training / CPU / A": SHORT_LIVED,
    "espalier-training / Memory / A": SHORT_LIVED,
    "espalier-training / Memory / B": "deleted with the pods of a run",
}
"""Queries that may be empty in a healthy release with two classes, traffic, feedback and a run, with the reason."""


def counts(url: str, namespace: str, ago: str = "1h") -> dict[str, int]:
    """Return the number of series of each panel's queries, by ``dashboard / panel / ref``."""
    window = window_of(ago, time.time())
    return {
        f"{uid} / {name}": number
        for uid, dashboard in load().items()
        for name, number in series_counts(dashboard, url, window, namespace=namespace).items()
    }


def empty_panels(url: str, namespace: str, ago: str = "1h", but: frozenset[str] = frozenset()) -> list[str]:
    """Return the queries that are empty and must not be; ``but`` names more that may be."""
    allowed = {*MAY_BE_EMPTY, *but}
    return [name for name, number in counts(url, namespace, ago).items() if number == 0 and name not in allowed]
