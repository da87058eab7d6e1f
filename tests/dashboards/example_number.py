"""The metrics of an example release whose target is a number with an interval, in a namespace of its own.

Only what differs from the release of ``example.py``: what the panels on quality, predictions and scores query.
"""

from __future__ import annotations

from tests.dashboards.openmetrics import Release, Value

__all__ = ["NUMBER_NAMESPACE", "add_number_release"]

NUMBER_NAMESPACE = "numbers"
BINS = ("below 10", "10 to 20", "20 to 30", "30 and above")
TEST = {
    "rows": 900,
    "mse": 100.0,
    "rmse": 10.0,
    "mae": 8.0,
    "r2": 0.75,
    "base_mse": 400.0,
    "base_mae": 16.0,
    "pinball_loss": 1.2,
    "coverage": 0.9,
    "interval_width": 31.0,
}
RECORDS = {
    "feedback_rows:increase7d": 2400.0,
    "feedback_squared_error:7d": 110.0,
    "feedback_absolute_error:7d": 8.4,
    "feedback_number_error:7d": 8.4,
    "feedback_coverage:7d": 0.88,
    "test_number_error:max": 8.0,
    "test_constant_error:max": 16.0,
    "score_drift:7d": 0.1,
}


def add_number_release(release: Release) -> None:
    """Add one pod that serves one version."""
    labels = {"namespace": NUMBER_NAMESPACE, "job": "espalier-api-metrics", "pod": "espalier-api-1"}
    version = {"model_version": "1"}

    def gauge(name: str, value: Value, /, **more: object) -> None:
        release.gauge(name, value, **labels, **more)

    gauge("up", 1)
    gauge("espalier_model_info", 1, name="parcel-days", version="1", run_id="1923fb271b3445c7a22cfc52fcb2fea7")
    for metric, value in TEST.items():
        gauge("espalier_model_test_metric", value, metric=metric)
    for record, value in RECORDS.items():
        release.gauge(f"espalier:{record}", value, namespace=NUMBER_NAMESPACE, job="espalier-api-metrics", **version)
    release.counter("espalier_predictions_total", 12.0, **labels, **version, label="")
    for name in BINS:
        release.counter("espalier_score_bin_total", 3.0, **labels, **version, bin=name)
        gauge("espalier_score_reference_share", 0.25, **version, bin=name)
        gauge("espalier:score_live_share:7d", 0.25, **version, bin=name)
