import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from services.api.outcome_metrics import OutcomeMetrics
from services.api.outcomes import score_outcomes


@pytest.fixture
def outcomes(contract):
    random = np.random.default_rng(5)
    rows = [{**contract.example, "height": float(height)} for height in random.uniform(0, 20, 50)]
    return [{"row": row, "label": contract.target.classes[random.integers(2)]} for row in rows]


def test_every_row_is_counted_by_what_was_true_and_said(model, outcomes, registry, sample, reference):
    scored = score_outcomes(model, outcomes)
    metrics = OutcomeMetrics(registry, model)
    metrics.count(scored)
    metrics.count(scored)

    names, here = ("bare", "bearing"), {"model_version": "7"}
    found = [
        [sample("espalier_outcomes_total", label=label, predicted=said, **here) for said in names] for label in names
    ]
    np.testing.assert_array_equal(found, 2 * confusion_matrix(scored.truth, scored.predicted))
    assert sample("espalier_outcome_log_loss_total", **here) == pytest.approx(2 * scored.log_loss)
    assert sample("espalier_outcome_squared_error_total", **here) == pytest.approx(2 * scored.squared_error)
    for label, is_label in (("bare", ~scored.truth), ("bearing", scored.truth)):
        bins = [sample("espalier_outcome_score_bin_total", bin=b, label=label, **here) for b in reference.score.labels]
        low = int((scored.probabilities[is_label] < 0.5).sum())
        assert bins == [2 * low, 2 * (int(is_label.sum()) - low)]
