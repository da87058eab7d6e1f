"""Compare the server's own counters, and its access log, with the answers that were received."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import httpx

from benchmarks.soak.sending import Answered

__all__ = ["PREDICTED", "compare", "count_lines", "read_counters", "requests_of"]

SERIES = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LABEL = re.compile(r'([a-z_]+)="([^"]*)"')
PATH = "/v1/predict"
PREDICTED = "http_requests_total 2xx"
HANDLERS = ("http_requests_total", "http_request_duration_seconds_count")


def read_counters(url: str) -> dict[str, int]:
    """Return what the soak changes: the metrics of predictions, summed over labels that do not matter here."""
    return summed(httpx.get(url, trust_env=False, timeout=30).text)


def summed(text: str) -> dict[str, int]:
    """Return the counters in the text of a scrape."""
    found: Counter[str] = Counter()
    for name, labels, value in SERIES.findall(text):
        label = dict(LABEL.findall(labels))
        if name in HANDLERS and label.get("handler") != PATH:
            continue
        if name == "http_requests_total":
            found[f"{name} {label['status']}"] += int(float(value))
        elif name == "espalier_feature_bin_total":
            found[f"{name} {label['feature']}"] += int(float(value))
        elif name in ("http_request_duration_seconds_count", "espalier_predict_seconds_count") or name in (
            "espalier_predictions_total",
            "espalier_rejected_requests_total",
            "espalier_score_bin_total",
        ):
            found[name] += int(float(value))
    return dict(found)


def requests_of(counters: Mapping[str, int]) -> int:
    """Return how many predictions were answered, whatever the answer."""
    return counters.get("http_request_duration_seconds_count", 0)


def expected(answers: list[Answered], names: Mapping[str, int]) -> dict[str, int]:
    """Return counter → what the answers add to it, for these counters. Each request has one row."""
    statuses: Counter[int] = Counter()
    for one in answers:
        statuses.update(one.statuses)
    by_class = Counter[str]()
    for status, count in statuses.items():
        by_class[f"http_requests_total {status // 100}xx"] += count
    rows = statuses[200]
    found = {}
    for name in names:
        if name.startswith("http_requests_total"):
            found[name] = by_class[name]
        elif name == "http_request_duration_seconds_count":
            found[name] = statuses.total()
        elif name == "espalier_rejected_requests_total":
            found[name] = statuses[422]
        else:
            found[name] = rows
    return found


def compare(before: Mapping[str, int], after: Mapping[str, int], answers: list[Answered]) -> dict[str, tuple[int, int]]:
    """Return counter → (what it counted, what was answered), for the counters that differ."""
    counted = {name: after[name] - before.get(name, 0) for name in after}
    wanted = expected(answers, counted)
    return {name: (counted[name], wanted[name]) for name in counted if counted[name] != wanted[name]}


def count_lines(log: Path) -> int:
    """Return the number of lines of the access log about predictions."""
    with log.open("rb") as lines:
        return sum(_is_prediction(line) for line in lines)


def _is_prediction(line: bytes) -> bool:
    if b'"message":"request"' not in line:
        return False
    found = json.loads(line)
    return bool(found["route"] == PATH)
