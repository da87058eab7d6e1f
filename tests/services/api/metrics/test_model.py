from dataclasses import replace

import pytest

from services.api.metrics.model import describe_limits, describe_model


def test_model_and_reference_are_described(client, sample, lineage):
    assert sample("espalier_model_info", name="orchard", version="7", run_id=lineage.run_id) == 1
    assert sample("espalier_model_trained_timestamp_seconds") == lineage.created.timestamp()
    assert sample("espalier_model_data_until_timestamp_seconds") == lineage.data_until.timestamp()
    assert sample("espalier_model_test_metric", metric="roc_auc") == 0.8
    assert sample("espalier_feature_reference_share", model_version="7", feature="height", bin="10 and above") == 0.4
    assert sample("espalier_score_reference_share", model_version="7", bin="below 0.5") == 0.6
    assert sample("espalier_reference_shap_abs_mean", feature="height") == 1.5
    assert sample("espalier_feature_natural_psi", model_version="7", feature="height") == 0.5
    assert sample("espalier_feature_natural_missing_share", model_version="7", feature="height") == 0.25
    assert sample("espalier_score_natural_psi", model_version="7") == 0.2
    assert sample("espalier_label_reference_share", model_version="7", label="bearing") == 0.4


def test_unknown_natural_variation_has_no_series(client, sample):
    assert sample("espalier_feature_natural_psi", model_version="7", feature="age") is None
    assert sample("espalier_feature_natural_missing_share", model_version="7", feature="age") is None


def test_older_bundle_has_fewer_series(model, registry):
    bundle = model.bundle
    reference = bundle.reference.model_copy(update={"contributions": None, "label_shares": None})
    lineage = bundle.manifest.lineage.model_copy(update={"data_until": None})
    manifest = bundle.manifest.model_copy(update={"lineage": lineage})

    describe_model(registry, replace(model, bundle=replace(bundle, reference=reference, manifest=manifest)))

    assert registry.get_sample_value("espalier_reference_shap_abs_mean", {"feature": "height"}) is None
    assert registry.get_sample_value("espalier_label_reference_share", {"model_version": "7", "label": "bare"}) is None
    assert registry.get_sample_value("espalier_model_data_until_timestamp_seconds") is None
    assert registry.get_sample_value("espalier_model_trained_timestamp_seconds") is not None


def test_age_limits_are_in_seconds_and_absent_without_a_limit(client, sample, registry):
    assert sample("espalier_max_age_seconds", kind="model") == 45 * 86400
    assert sample("espalier_max_age_seconds", kind="data") is None

    fresh = type(registry)()
    describe_limits(fresh, model_days=0, data_days=3)
    assert fresh.get_sample_value("espalier_max_age_seconds", {"kind": "model"}) is None
    assert fresh.get_sample_value("espalier_max_age_seconds", {"kind": "data"}) == 3 * 86400


@pytest.mark.parametrize(
    ("target_type", "scores"),
    [
        ("multiclass", {"balanced_accuracy": 0.7, "roc_auc": 0.85, "class_shares": None, "base_rate": None}),
        ("regression", {"mae": 1.5, "r2": 0.84, "coverage": None, "log_loss": None}),
        ("interval", {"pinball_loss": 0.5, "coverage": 0.88}),
    ],
)
def test_scores_of_other_targets_are_described(client, sample, scores):
    found = {name: sample("espalier_model_test_metric", metric=name) for name in scores}

    assert found == scores


@pytest.mark.parametrize("target_type", ["multiclass"])
def test_shares_of_classes_are_described(client, sample):
    assert sample("espalier_score_reference_share", model_version="7", bin="some") == 0.5
    assert sample("espalier_label_reference_share", model_version="7", label="some") == 0.5


@pytest.mark.parametrize("target_type", ["regression"])
def test_regression_has_no_shares_of_labels(client, registry):
    assert not [one for metric in registry.collect() for one in metric.samples if "label_reference" in one.name]
