from dataclasses import replace

from services.api.model_metrics import describe_model


def test_model_and_reference_are_described(client, sample, lineage):
    assert sample("espalier_model_info", name="orchard", version="7", run_id=lineage.run_id) == 1
    assert sample("espalier_model_trained_timestamp_seconds") == lineage.created.timestamp()
    assert sample("espalier_model_test_metric", metric="roc_auc") == 0.8
    assert sample("espalier_feature_reference_share", model_version="7", feature="height", bin="10 and above") == 0.4
    assert sample("espalier_score_reference_share", model_version="7", bin="below 0.5") == 0.6
    assert sample("espalier_reference_contribution_abs", feature="height") == 1.5


def test_bundle_from_before_contributions_has_none(model, registry):
    reference = model.bundle.reference.model_copy(update={"contributions": None})

    describe_model(registry, replace(model, bundle=replace(model.bundle, reference=reference)))

    assert registry.get_sample_value("espalier_reference_contribution_abs", {"feature": "height"}) is None
