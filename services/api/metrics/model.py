"""What is known of a model when it is loaded, and how old it may become, as gauges that never change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge

from services.api.model.source import SOURCES

if TYPE_CHECKING:
    from services.api.model.loaded import Model

__all__ = ["describe_limits", "describe_model"]

SECONDS_A_DAY = 24 * 60 * 60


def describe_model(registry: CollectorRegistry, model: Model) -> None:
    """Say which model it is, how good it was, and how values were spread when it was made."""
    _describe_version(registry, model)
    _describe_reference(registry, model)


def describe_limits(registry: CollectorRegistry, *, model_days: float, data_days: float) -> None:
    """Say how old a model and its data may become, which is for alerts to ask; no limit, no series."""
    limit = _gauge("espalier_max_age_seconds", "How old it may become.", ["kind"], registry)
    for kind, days in (("model", model_days), ("data", data_days)):
        if days:
            limit.labels(kind).set(days * SECONDS_A_DAY)


def _describe_version(registry: CollectorRegistry, model: Model) -> None:
    lineage, scores = model.bundle.manifest.lineage, model.bundle.metrics.test
    info = _gauge("espalier_model_info", "What is served; always 1.", ["name", "version", "run_id"], registry)
    info.labels(model.name, model.version, lineage.run_id).set(1)
    sources = _gauge("espalier_model_source", "Where the bundle came from; 1 for that one.", ["source"], registry)
    for source in SOURCES:
        sources.labels(source).set(source == model.source)
    trained = _gauge("espalier_model_trained_timestamp_seconds", "When the model was trained.", [], registry)
    trained.set(lineage.created.timestamp())
    if lineage.data_until is not None:
        until = _gauge("espalier_model_data_until_timestamp_seconds", "Newest time of its data.", [], registry)
        until.set(lineage.data_until.timestamp())
    metric = _gauge("espalier_model_test_metric", "Quality on the test rows.", ["metric"], registry)
    for name, value in scores.model_dump(exclude_none=True).items():
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
        "Mean absolute SHAP value on the test rows, in log-odds.",
        ["feature"],
        registry,
    )
    for feature, value in (reference.contributions or {}).items():
        contribution.labels(feature).set(value)


def _describe_natural_variation(registry: CollectorRegistry, model: Model) -> None:
    """Where it is not known, there is no series, and the rules have their fixed thresholds alone."""
    psi = _gauge(
        "espalier_feature_natural_psi",
        "Largest PSI of any seven days of the training period against all of it.",
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
        "Largest PSI of the scores of any seven days of the training and test periods against the test rows.",
        ["model_version"],
        registry,
    )
    if model.bundle.reference.score.natural_psi is not None:
        score.labels(model.version).set(model.bundle.reference.score.natural_psi)


def _gauge(name: str, text: str, labels: list[str], registry: CollectorRegistry) -> Gauge:
    # Every worker of a process tree serves the same version, so any of them may speak for all.
    return Gauge(name, text, labels, registry=registry, multiprocess_mode="mostrecent")
