import json
from pathlib import Path

import pytest

from espalier.bundle import BundleMetrics, Reference
from pipelines.errors import MissingData
from pipelines.evaluate import read_model


def test_metrics_slices_bins_and_plots_are_there_and_in_mlflow(candidate, registry):
    candidate()

    metrics = BundleMetrics.model_validate_json(Path("pipelines/work/metrics.json").read_text())
    reference = Reference.model_validate_json(Path("pipelines/work/reference.json").read_text())
    run_id = json.loads(Path("pipelines/work/run.json").read_text())["run_id"]
    assert metrics.test.roc_auc > 0.8
    assert {part.column for part in metrics.slices} == {"kind", "month"}
    assert set(reference.features) == set(reference.contributions) == {"height", "age", "grafted", "kind", "soil"}
    assert max(reference.contributions, key=reference.contributions.get) == "height"
    logged = registry._client.get_run(run_id).data.metrics
    assert logged["test.roc_auc"] == pytest.approx(metrics.test.roc_auc)
    names = {
        file.path for folder in ("plots", "evaluation") for file in registry._client.list_artifacts(run_id, folder)
    }
    assert names >= {"plots/roc.png", "plots/calibration.png", "evaluation/metrics.json", "evaluation/slices.json"}


def test_minimum_quality_holds_on_rows_with_gaps(candidate):
    """A frozen slice: rows without a height are harder, and must still be better than guessing."""
    from sklearn.metrics import roc_auc_score

    from pipelines.evaluate import predict
    from pipelines.files import TEST, read_prepared
    from pipelines.matrix import encode

    candidate()
    booster, contract = read_model()
    rows = read_prepared(TEST)
    rows = rows[rows["height"].isna()]

    assert roc_auc_score(rows["bears"], predict(booster, encode(rows, contract))) > 0.6


def test_missing_model_is_said(project):
    with pytest.raises(MissingData, match=r"pipelines\.train"):
        read_model()
