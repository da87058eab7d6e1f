"""Constant gauges: the served model, its reference statistics, and the age limits of model and data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge

from evaluation.evaluator import REASONS, VERIFIED
from services.api.model.source import SOURCES

if TYPE_CHECKING:
    from services.api.model.loaded import Model

__all__ = ["describe_limits", "describe_model"]

SECONDS_A_DAY = 24 * 60 * 60


def describe_model(registry: CollectorRegistry, model: Model) -> None:
    """Set the gauges of the model, its test scores, and its reference distributions."""
    _describe_version(registry, model)
    _describe_reference(registry, model)


def describe_limits(registry: CollectorRegistry, *, model_days: float, data_days: float) -> None:
    """Set the age limits of the model and its data, for the alerts; without a limit there is no series."""
    limit = _gauge("espalier_max_age_seconds", "Age above which an alert fires.", ["kind"], registry)
    for kind, days in (("model", model_days), ("data", data_days)):
        if days:
            limit.labels(kind).set(days * SECONDS_A_DAY)


def _describe_version(registry: CollectorRegistry, model: Model) -> None:
    lineage, scores = model.bundle.manifest.lineage, model.bundle.metrics.test
    info = _gauge("espalier_model_info", "The served model; always 1.", ["name", "version", "run_id"], registry)
    info.labels(model.name, model.version, lineage.run_id).set(1)
    sources = _gauge(
        "espalier_model_source", "Source of the served bundle: 1 for the one it came from.", ["source"], registry
    )
    for source in SOURCES:
        sources.labels(source).set(source == model.source)
    evaluators = _gauge(
        "espalier_model_evaluator",
        "Who evaluates the trees, and why: 1 for the one in use.",
        ["evaluator", "reason"],
        registry,
    )
    for reason in REASONS:
        name = "lignum" if reason == VERIFIED else "xgboost"
        evaluators.labels(name, reason).set(reason == model.evaluator.reason)
    trained = _gauge("espalier_model_trained_timestamp_seconds", "Time when the model was trained.", [], registry)
    trained.set(lineage.created.timestamp())
    if lineage.data_until is not None:
        until = _gauge(
            "espalier_model_data_until_timestamp_seconds", "Time of the newest row of the model's data.", [], registry
        )
        until.set(lineage.data_until.timestamp())
    metric = _gauge("espalier_model_test_metric", "Scores of the model on the test rows.", ["metric"], registry)
    for name, value in scores.figures.items():
        metric.labels(name).set(value)


def _describe_reference(registry: CollectorRegistry, model: Model) -> None:
    reference = model.bundle.reference
    share = _gauge(
        "espalier_feature_reference_share",
        "Share of the training rows in a bin.",
        ["model_version", "feature", "bin"],
        registry,
    )
    for feature, bins in reference.features.items():
        for label, value in zip(bins.labels, bins.shares, strict=True):
            share.labels(model.version, feature, label).set(value)
    _describe_natural_variation(registry, model)
    labels = _gauge(
        "espalier_label_reference_share",
        "Share of the training rows with a label.",
        ["model_version", "label"],
        registry,
    )
    for label, value in (reference.label_shares or {}).items():
        labels.labels(model.version, label).set(value)
    score = _gauge(
        "espalier_score_reference_share", "Share of the test rows' scores in a bin.", ["model_version", "bin"], registry
    )
    for label, value in zip(reference.score.labels, reference.score.shares, strict=True):
        score.labels(model.version, label).set(value)
    contribution = _gauge(
        "espalier_reference_shap_abs_mean",
        "Mean absolute SHAP value on the test rows, in log-odds or the unit of the target.",
        ["feature"],
        registry,
    )
    for feature, value in (reference.contributions or {}).items():
        contribution.labels(feature).set(value)


def _describe_natural_variation(registry: CollectorRegistry, model: Model) -> None:
    """Unknown values have no series; the recording rules then use only their fixed thresholds."""
    psi = _gauge(
        "espalier_feature_natural_psi",
        "Largest PSI of any seven days of the training period, compared with the whole period.",
        ["model_version", "feature"],
        registry,
    )
    missing = _gauge(
        "espalier_feature_natural_missing_share",
        "Largest share of missing values in any seven days of the training period.",
        ["model_version", "feature"],
        registry,
    )
    for feature, bins in model.bundle.reference.features.items():
        if bins.natural_psi is not None:
            psi.labels(model.version, feature).set(bins.natural_psi)
        if bins.natural_missing_share is not None:
            missing.labels(model.version, feature).set(bins.natural_missing_share)
    score = _gauge(
        "espalier_score_natural_psi",
        "Largest PSI of the scores of any seven days of the training and test periods, compared with the test rows.",
        ["model_version"],
        registry,
    )
    if model.bundle.reference.score.natural_psi is not None:
        score.labels(model.version).set(model.bundle.reference.score.natural_psi)


def _gauge(name: str, text: str, labels: list[str], registry: CollectorRegistry) -> Gauge:
    return Gauge(name, text, labels, registry=registry)
