"""Whether every panel of every dashboard shows something, asked of a Prometheus that scrapes a release.

empty = empty_panels("http://127.0.0.1:9090", namespace="espalier")
assert not empty, empty
"""

from __future__ import annotations

import time

from dashboards.tools.prometheus import series_counts
from dashboards.tools.queries import load, window_of

__all__ = ["MAY_BE_EMPTY", "counts", "empty_panels"]

GOOD_NEWS = "empty is the good case"
BY_HAND = "runs by hand only: the CronJob is suspended until a schedule is set"
SHORT_LIVED = "cAdvisor may not have met a run of less than a minute"

MAY_BE_EMPTY: dict[str, str] = {
    "espalier-overview / Alerts / A": GOOD_NEWS,
    "espalier-api / Why pods wait / A": GOOD_NEWS,
    "espalier-api / Last exit codes / A": GOOD_NEWS,
    "espalier-training / Last good run by the clock / A": BY_HAND,
    "espalier-training / Next run / A": BY_HAND,
    "espalier-training / CPU / A": SHORT_LIVED,
    "espalier-training / Memory / A": SHORT_LIVED,
    "espalier-training / Memory / B": "gone with the pods of a run",
}
"""Queries that may find nothing in a healthy release that has had traffic, feedback and a run; each with its reason."""


def counts(url: str, namespace: str, ago: str = "1h") -> dict[str, int]:
    """The number of series that each query of each panel finds, by ``dashboard / panel / ref``."""
    window = window_of(ago, time.time())
    return {
        f"{uid} / {name}": number
        for uid, dashboard in load().items()
        for name, number in series_counts(dashboard, url, window, namespace=namespace).items()
    }


def empty_panels(url: str, namespace: str, ago: str = "1h", but: frozenset[str] = frozenset()) -> list[str]:
    """Return the queries that find nothing and should; ``but`` names more that a test knows a reason for."""
    allowed = {*MAY_BE_EMPTY, *but}
    return [name for name, number in counts(url, namespace, ago).items() if number == 0 and name not in allowed]
