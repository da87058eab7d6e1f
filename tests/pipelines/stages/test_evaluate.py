import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bundle import BundleMetrics, Reference
from pipelines.dataset.files import MODEL, TEST, TRAIN, read_prepared
from pipelines.dataset.rows import FileRows
from pipelines.errors import InvalidData, MissingData
from pipelines.model import expected_drift
from pipelines.model.matrix import encode
from pipelines.model.measure import predict
from pipelines.model.trained import read_model, read_training
from pipelines.stages import evaluate, train
from tests.small_project import binary


def test_metrics_slices_bins_and_plots_are_written_and_logged(candidate, registry):
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


def test_minimum_quality_on_rows_with_missing_values(candidate):
    """A frozen slice: rows without a height are harder, and must still be better than guessing."""
    from sklearn.metrics import roc_auc_score

    candidate()
    booster, contract = read_model()
    rows = read_prepared(TEST)
    rows = rows[rows["height"].isna()]

    assert roc_auc_score(rows["bears"], predict(booster, encode(rows, contract))) > 0.6


def test_model_trained_on_the_test_rows_is_rejected(candidate, monkeypatch):
    """The mistake itself: train is given the test rows for its own."""
    monkeypatch.setattr(train, "FileRows", lambda path: FileRows(TEST if path == TRAIN else path))

    with pytest.raises(InvalidData, match="trained on the test rows, not on the"):
        candidate()


def test_model_other_than_the_recorded_one_is_rejected(candidate):
    candidate()
    MODEL.write_bytes(MODEL.read_bytes() + b" ")

    with pytest.raises(InvalidData, match=r"training\.json does not belong to .*model\.ubj"):
        read_training()


def test_metrics_use_test_rows_and_the_reference_training_rows(candidate):
    candidate()

    metrics = BundleMetrics.model_validate_json(Path("pipelines/work/metrics.json").read_text())
    reference = Reference.model_validate_json(Path("pipelines/work/reference.json").read_text())
    rows, held_out = read_prepared(TRAIN), read_prepared(TEST)
    assert metrics.test.rows == len(held_out) != len(rows)
    assert metrics.test.base_rate == pytest.approx(held_out["bears"].mean())
    assert reference.features["height"].shares[-1] == pytest.approx(rows["height"].isna().mean())
    assert rows["height"].isna().mean() != pytest.approx(held_out["height"].isna().mean())
    booster, contract = read_model()
    likely = predict(booster, encode(held_out, contract))
    assert reference.score.shares[0] == pytest.approx((likely < 0.25).mean())
    assert contract.target.threshold == 0.4, "evaluate.threshold of params.yaml"
    assert metrics.test == binary(0.4).score(held_out["bears"].to_numpy(dtype="int8"), likely)


def test_stated_costs_are_measured_on_the_test_rows_and_logged(candidate, registry):
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("threshold: 0.4", "threshold: {false_positive: 1, false_negative: 4}"))
    candidate()

    costs = BundleMetrics.model_validate_json(Path("pipelines/work/metrics.json").read_text()).costs
    held_out, (booster, contract) = read_prepared(TEST), read_model()
    bears = held_out["bears"].to_numpy()
    positive = predict(booster, encode(held_out, contract)) >= 0.2
    assert contract.target.threshold == costs.threshold == 0.2
    assert costs.cost == pytest.approx((positive & (bears == 0)).mean() + 4 * (~positive & (bears == 1)).mean())
    run_id = json.loads(Path("pipelines/work/run.json").read_text())["run_id"]
    assert registry._client.get_run(run_id).data.metrics["test.cost"] == pytest.approx(costs.cost)
    assert f"{costs.cost:.4g} a row at threshold 0.2 (" in evaluate.main()


def test_missing_model_is_reported(project):
    with pytest.raises(MissingData, match=r"pipelines\.stages\.train"):
        read_model()


@pytest.mark.parametrize("final_fit", [False, True])
def test_rows_in_pieces_are_measured_as_those_in_one(candidate, final_fit):
    """Byte by byte: order of the rows, bins, natural variation, and the sample that is explained."""
    if final_fit:
        path = Path("pipelines/params.yaml")
        path.write_text(path.read_text().replace("rounds: 15", "rounds: 15, final_fit: true"))
        path.write_text(path.read_text().replace("min_slice_rows: 5", "min_slice_rows: 5, explained_rows: 50"))
    candidate()
    written = [Path(f"pipelines/work/{name}.json") for name in ("metrics", "reference")]
    whole = [path.read_bytes() for path in written]
    for path in (TRAIN, TEST):
        pq.write_table(pq.read_table(path), path, row_group_size=70)

    evaluate.main()

    assert [path.read_bytes() for path in written] == whole


def test_scores_of_some_training_rows_show_how_much_a_week_differs(candidate, monkeypatch):
    monkeypatch.setattr(expected_drift, "MIN_PSI_ROWS", 3)
    candidate()
    path = Path("pipelines/work/reference.json")
    whole = Reference.model_validate_json(path.read_text())
    predicted = []
    monkeypatch.setattr(evaluate, "SCORED_ROWS", len(FileRows(TRAIN)) // 2)
    monkeypatch.setattr(evaluate, "predict_pieces", counting(predicted, evaluate.predict_pieces))

    evaluate.main()

    some = Reference.model_validate_json(path.read_text())
    assert sum(predicted) == -(-len(FileRows(TRAIN)) // 3)
    assert 0 < some.score.natural_psi != whole.score.natural_psi
    assert some.score.shares == whole.score.shares
    assert some.features == whole.features


def counting(lengths, predict_pieces):
    def counted(*arguments, **options):
        for piece in predict_pieces(*arguments, **options):
            lengths.append(len(piece))
            yield piece

    return counted
