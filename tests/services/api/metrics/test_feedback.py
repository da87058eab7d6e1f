import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from services.api.metrics.feedback import FeedbackMetrics
from services.api.prediction.feedback import score_labels


@pytest.mark.parametrize("version", ["7", "6"])
def test_feedback_rows_are_counted_by_version_and_labels(model, registry, sample, reference, version):
    random = np.random.default_rng(5)
    likely, truth = random.uniform(0, 1, 50).astype(np.float32), random.integers(2, size=50).astype(bool)
    scored = score_labels(likely, truth, threshold=0.5)
    metrics = FeedbackMetrics(registry, model)
    metrics.count(version, scored)
    metrics.count(version, scored)

    names, here = ("bare", "bearing"), {"model_version": version}
    found = [
        [sample("espalier_feedback_total", label=label, predicted=predicted, **here) for predicted in names]
        for label in names
    ]
    np.testing.assert_array_equal(found, 2 * confusion_matrix(scored.truth, scored.predicted))
    assert sample("espalier_feedback_log_loss_total", **here) == pytest.approx(2 * scored.log_loss)
    assert sample("espalier_feedback_squared_error_total", **here) == pytest.approx(2 * scored.squared_error)
    for label, is_label in (("bare", ~scored.truth), ("bearing", scored.truth)):
        bins = [
            sample("espalier_feedback_score_bin_total", bin=name, label=label, **here)
            for name in reference.score.labels
        ]
        low = int((scored.probabilities[is_label] < 0.5).sum())
        assert bins == [2 * low, 2 * (int(is_label.sum()) - low)]
