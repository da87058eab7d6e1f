"""The metrics of an example release as OpenMetrics text: every metric that the dashboards query, with its labels.

The dashboards are tested with it without a cluster. It does not prove that the metrics exist: tests/contracts and the
e2e tests do. Version 4 replaces version 3 in the middle, and one feature drifts. A second release in another namespace
predicts a number (``example_number.py``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from tests.dashboards.example_number import add_number_release
from tests.dashboards.openmetrics import Release, Value

PODS = {
    "espalier-api-7c9d-x2x4z": "3",
    "espalier-api-7c9d-kk8tq": "3",
    "espalier-api-84f6-p9wmd": "4",
    "espalier-api-84f6-v7rn5": "4",
}
FEATURES = {
    "departure_minute": ("below 500", "500 to 900", "900 to 1100", "1100 and above", "missing"),
    "distance": ("below 300", "300 to 800", "800 to 1500", "1500 and above", "missing"),
    "origin": ("EWR", "JFK", "LGA", "missing"),
    "temp": ("below 30", "30 to 50", "50 to 70", "70 and above", "missing"),
    "visib": ("below 5", "5 to 10", "10 and above", "missing"),
    "wind_gust": ("below 20", "20 to 30", "30 and above", "missing"),
}
SCORES = ("below 0.1", *(f"0.{low} to 0.{low + 1}" for low in range(1, 9)), "0.9 and above")
LE = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, math.inf)
ROUTES = {
    ("/v1/predict", "POST"): 24.0,
    ("/v1/auth/token", "POST"): 0.3,
    ("/healthz", "GET"): 0.2,
    ("none", "GET"): 0.05,
}
TEST = {
    "roc_auc": 0.694,
    "pr_auc": 0.41,
    "log_loss": 0.495,
    "base_rate_log_loss": 0.539,
    "brier": 0.161,
    "accuracy": 0.772,
    "calibration_error": 0.021,
    "base_rate": 0.231,
    "rows": 82609,
}
LABELS = ("late", "on_time")


def make(path: Path, start: float, end: float, step: float = 60) -> None:
    """Write the metrics of the release between two times."""
    release = Release(start, end, step)
    for pod, version in PODS.items():
        _pod(release, pod, version)
    _rules(release)
    _deployments(release)
    _runs(release)
    add_number_release(release)
    release.write(path)


def daily(low: float, high: float) -> Callable[[float], float]:
    """Rise and fall once."""
    return lambda place: low + (high - low) * math.sin(math.pi * place) ** 2


def lives(version: str, value: Value) -> Callable[[float], float]:
    """Version 3 until a little after the middle, version 4 from the middle on."""

    def at(place: float) -> float:
        alive = place < 0.52 if version == "3" else place >= 0.5
        return (value(place) if callable(value) else value) if alive else math.nan

    return at


def _pod(release: Release, pod: str, version: str) -> None:
    pod_labels = {"pod": pod, "container": "api"}
    labels = {"job": "espalier-api-metrics", "instance": f"{pod}:9090", "service": "espalier-api-metrics", **pod_labels}

    def gauge(name: str, value: Value, /, **more: object) -> None:
        release.gauge(name, lives(version, value), **labels, **more)

    def counter(name: str, rate: Value, /, **more: object) -> None:
        wave = daily(0.3, 1.0)
        release.counter(
            name,
            lives(version, lambda place: wave(place) * (rate(place) if callable(rate) else rate)),
            **labels,
            **more,
        )

    _http(counter)
    _model(gauge, counter, version)
    _drift(gauge, counter, version)
    _state(gauge, counter, release.end - 3 * 86400)
    release.counter("container_cpu_usage_seconds_total", lives(version, daily(0.1, 0.4)), **pod_labels)
    release.counter("container_cpu_cfs_periods_total", lives(version, 10.0), **pod_labels)
    release.counter("container_cpu_cfs_throttled_periods_total", lives(version, daily(0, 0.8)), **pod_labels)
    release.gauge("container_memory_working_set_bytes", lives(version, daily(3.1e8, 3.6e8)), **pod_labels)
    for resource, request, limit in (("cpu", 0.25, 1), ("memory", 2**29, 2**30)):
        release.gauge("kube_pod_container_resource_requests", lives(version, request), resource=resource, **pod_labels)
        release.gauge("kube_pod_container_resource_limits", lives(version, limit), resource=resource, **pod_labels)
    release.gauge("kube_pod_container_status_restarts_total", lives(version, 0), **pod_labels)


def _http(counter: Callable[..., None]) -> None:
    for (handler, method), rate in ROUTES.items():
        fast = 0.08 if handler == "/v1/auth/token" else 0.008
        for status, share in (("2xx", 0.985), ("3xx", 0.0), ("4xx", 0.0147), ("5xx", 0.0003)):
            counter("http_requests_total", rate * share, handler=handler, method=method, status=status)
        counter("http_request_duration_seconds_count", rate, handler=handler, method=method)
        for le in LE:
            share = 1 - math.exp(-le / fast) if math.isfinite(le) else 1.0
            le_text = "+Inf" if math.isinf(le) else le
            counter("http_request_duration_seconds_bucket", rate * share, handler=handler, method=method, le=le_text)
    for le in LE:
        share = 1 - math.exp(-le / 0.004) if math.isfinite(le) else 1.0
        counter("espalier_predict_seconds_bucket", 24 * share, le="+Inf" if math.isinf(le) else le)


def _model(gauge: Callable[..., None], counter: Callable[..., None], version: str) -> None:
    gauge(
        "espalier_model_info",
        1,
        name="flight-delay",
        version=version,
        run_id=f"{version}923fb271b3445c7a22cfc52fcb2fea7",
    )
    for source in ("registry", "cache", "peer"):
        gauge("espalier_model_source", float(source == "registry"), source=source)
    for reason in ("verified", "unsupported", "different", "failed", "no_golden_rows", "xgboost_different"):
        evaluator = "lignum" if reason == "verified" else "xgboost"
        gauge("espalier_model_evaluator", float(reason == "verified"), evaluator=evaluator, reason=reason)
    for metric, value in TEST.items():
        gauge("espalier_model_test_metric", value + (0.004 if version == "4" and value < 1 else 0), metric=metric)
    for label, share in zip(LABELS, (0.24, 0.76), strict=True):
        counter("espalier_predictions_total", 48 * share, model_version=version, label=label)
        for predicted, right in zip(LABELS, (0.3, 0.7) if label == "late" else (0.1, 0.9), strict=True):
            counter("espalier_feedback_total", share * right, model_version=version, label=label, predicted=predicted)
    counter("espalier_feedback_squared_error_total", 0.165, model_version=version)
    counter("espalier_feedback_log_loss_total", 0.5, model_version=version)
    for place, name in enumerate(SCORES):
        share, late = _bell(place, 2.0), min(0.95, (place + 0.4) / 10)
        counter("espalier_score_bin_total", 48 * share, model_version=version, bin=name)
        gauge("espalier_score_reference_share", _bell(place, 2.2), model_version=version, bin=name)
        for label, part in zip(LABELS, (late, 1 - late), strict=True):
            counter("espalier_feedback_score_bin_total", share * part, model_version=version, bin=name, label=label)


def _drift(gauge: Callable[..., None], counter: Callable[..., None], version: str) -> None:
    for number, (feature, bins) in enumerate(FEATURES.items()):
        for name in bins:
            share = 0.02 if name == "missing" else 0.98 / (len(bins) - 1)
            gauge("espalier_feature_reference_share", share, model_version=version, feature=feature, bin=name)
            counter("espalier_feature_bin_total", 48 * share, model_version=version, feature=feature, bin=name)
        counter("espalier_shap_abs_sum_total", 0.5 * (0.6 - 0.09 * number), feature=feature)
        gauge("espalier_reference_shap_abs_mean", 0.55 - 0.08 * number, feature=feature)
    counter("espalier_explained_rows_total", 0.5)


def _state(gauge: Callable[..., None], counter: Callable[..., None], trained: float) -> None:
    gauge("up", 1)
    gauge("espalier_workers", 2)
    gauge("espalier_requests_in_progress", daily(0, 1.6))
    gauge("espalier_model_trained_timestamp_seconds", trained)
    gauge("espalier_model_data_until_timestamp_seconds", trained - 864000)
    gauge("espalier_max_age_seconds", 3888000, kind="model")
    for dependency in ("mlflow", "database", "artifacts"):
        is_unavailable = dependency != "database"
        gauge(
            "espalier_dependency_up",
            lambda place, is_unavailable=is_unavailable: float(not (is_unavailable and 0.7 < place < 0.75)),
            dependency=dependency,
        )
    for alias, number in (("champion", 4), ("challenger", 0), ("previous", 3)):
        gauge(
            "espalier_registry_alias_version", lambda place, number=number: max(number - (place < 0.52), 0), alias=alias
        )
    for gate, number in (("passed", 4), ("rejected", 1)):
        gauge("espalier_registry_versions", lambda place, number=number: number - (place < 0.5), gate=gate)
    gauge("espalier_registry_consecutive_rejections", lambda place: float(0.2 < place < 0.5))
    gauge("espalier_registry_failed_rollouts", 0)
    gauge("espalier_registry_newest_version_timestamp_seconds", trained)
    for reason, rate in (
        ("invalid_credentials", 0.02),
        ("invalid_token", 0.01),
        ("insufficient_scope", 0),
        ("too_many_logins", 0),
    ):
        counter("espalier_auth_failures_total", rate, reason=reason)
    for reason, rate in (
        ("out_of_range", 0.12),
        ("unknown_category", 0.05),
        ("missing_feature", 0.02),
        ("wrong_type", 0),
    ):
        counter("espalier_rejected_requests_total", rate, reason=reason)
    for queue in ("event_loop", "batches"):
        counter("espalier_overload_refusals_total", 0.1, queue=queue)


def _rules(release: Release) -> None:
    """What the recording rules of alerts/ leave, not computed but made up as well."""
    job = {"job": "espalier-api-metrics"}
    release.gauge("espalier:http_requests:rate5m", daily(22, 72), **job)
    for window in ("5m", "1h", "6h", "3d"):
        release.gauge(f"espalier:http_error_ratio:rate{window}", daily(0.0002, 0.0006), **job)
        release.gauge(f"espalier:predict_slow_ratio:rate{window}", daily(0.001, 0.004), **job)
    for reason, share in (("out_of_range", 0.004), ("unknown_category", 0.002)):
        release.gauge("espalier:rejected_rows_ratio:rate1h", share, reason=reason, **job)
    for version in ("3", "4"):
        labels = {"model_version": version, **job}
        for number, (feature, bins) in enumerate(FEATURES.items()):
            rise = 0.32 if feature == "temp" else 0.012 * number
            psi = lives(
                version, lambda place, rise=rise: 0.008 + rise * place**1.5 + 0.006 * math.sin(40 * place * rise) ** 2
            )
            release.gauge("espalier:feature_drift:7d", psi, feature=feature, **labels)
            release.gauge(
                "espalier:feature_missing_share:7d", lives(version, 0.015 + 0.01 * number), feature=feature, **labels
            )
            for place, name in enumerate(bins):
                share = 0.015 if name == "missing" else _bell(place, 1.5, len(bins) - 1)
                release.gauge(
                    "espalier:feature_live_share:7d", lives(version, share), feature=feature, bin=name, **labels
                )
        for place, name in enumerate(SCORES):
            release.gauge("espalier:score_live_share:7d", lives(version, _bell(place, 2.0)), bin=name, **labels)
        release.gauge("espalier:score_drift:7d", lives(version, lambda place: 0.01 + 0.06 * place), **labels)
        release.gauge("espalier:feedback_log_loss:7d", lives(version, daily(0.497, 0.503)), **labels)
        release.gauge("espalier:feedback_base_rate_log_loss:7d", lives(version, 0.539), **labels)
        release.gauge("espalier:feedback_accuracy:7d", lives(version, daily(0.765, 0.774)), **labels)
        release.gauge("espalier:feedback_rows:increase7d", lives(version, lambda place: 400 + 900 * place), **labels)
    release.gauge(
        "ALERTS",
        lambda place: 1 if place > 0.85 else math.nan,
        alertname="ModelFeatureDrift",
        alertstate="firing",
        severity="warning",
        team="model",
        component="model",
        release="espalier",
        feature="temp",
    )


def _deployments(release: Release) -> None:
    for name in ("espalier-api", "espalier-mlflow"):
        pods = 2 if name == "espalier-api" else 1
        for metric in ("spec_replicas", "status_replicas_updated"):
            release.gauge(f"kube_deployment_{metric}", pods, deployment=name)
        down = lambda place, name=name, pods=pods: pods - float(name == "espalier-mlflow" and 0.7 < place < 0.75)  # noqa: E731
        release.gauge("kube_deployment_status_replicas_available", down, deployment=name)
        release.gauge("kube_deployment_status_replicas_unavailable", 0, deployment=name)
    for name in ("espalier-postgresql", "espalier-object-store"):
        release.gauge("kube_statefulset_status_replicas_ready", 1, statefulset=name)
    scaler = {"horizontalpodautoscaler": "espalier-api"}
    for metric, value in (
        ("status_current_replicas", 2),
        ("status_desired_replicas", 2),
        ("spec_min_replicas", 2),
        ("spec_max_replicas", 10),
    ):
        release.gauge(f"kube_horizontalpodautoscaler_{metric}", value, **scaler)
    for metric, value in (("status_target_metric", daily(35, 66)), ("spec_target_metric", 70)):
        labels = {"metric_name": "cpu", "metric_target_type": "utilization", **scaler}
        release.gauge(f"kube_horizontalpodautoscaler_{metric}", value, **labels)


def _runs(release: Release) -> None:
    span = release.end - release.start
    for run, begin, length in (("espalier-training", 0.08, 0.12), ("espalier-training-29411000", 0.44, 0.08)):
        started, ended = release.start + begin * span, release.start + (begin + length) * span

        def during(value: Value, begin: float = begin) -> Callable[[float], float]:
            return lambda place: (value(place) if callable(value) else value) if place >= begin else math.nan

        over = begin + length
        release.gauge("kube_job_status_start_time", during(started), job_name=run)
        release.gauge(
            "kube_job_status_completion_time",
            during(lambda at, over=over, end=ended: end if at >= over else math.nan),
            job_name=run,
        )
        release.gauge("kube_job_status_active", during(lambda at, over=over: float(at < over)), job_name=run)
        release.gauge("kube_job_status_succeeded", during(lambda at, over=over: float(at >= over)), job_name=run)
        release.gauge("kube_job_status_failed", during(0), job_name=run)
        pod = {
            "pod": f"{run}-q7k2d" if run != "espalier-training" else "espalier-training-b8m4x",
            "container": "training",
        }
        alive = during(lambda at, over=over: 1.0 if at < over else math.nan)
        release.counter("container_cpu_usage_seconds_total", alive, **pod)
        release.gauge("container_memory_working_set_bytes", lambda at, alive=alive: alive(at) * 9.4e8, **pod)
        release.gauge(
            "kube_pod_container_resource_limits", lambda at, alive=alive: alive(at) * 2**32, resource="memory", **pod
        )
    schedule = {"cronjob": "espalier-training"}
    release.gauge("kube_cronjob_status_last_successful_time", release.start + 0.52 * span, **schedule)
    release.gauge("kube_cronjob_next_schedule_time", release.end + 400000, **schedule)
    release.gauge("kube_cronjob_spec_suspend", 0, **schedule)


def _bell(place: int, peak: float, bins: int = len(SCORES)) -> float:
    weights = [math.exp(-(((one - peak) / 1.7) ** 2)) for one in range(bins)]
    return weights[place] / sum(weights)
