import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from services.api.metrics.feedback import VERSIONS, FeedbackMetrics
from services.api.metrics.shared import SharedMetrics
from services.api.prediction.feedback import score_labels


@pytest.mark.parametrize("version", ["7", "6"])
def test_feedback_rows_are_counted_by_version_and_labels(model, registry, sample, reference, version):
    random = np.random.default_rng(5)
    likely, truth = random.uniform(0, 1, 50).astype(np.float32), random.integers(2, size=50).astype(bool)
    scored = score_labels(likely, truth, threshold=0.5)
    shared = SharedMetrics()
    registry.register(shared)
    metrics = FeedbackMetrics(shared, model)
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


def test_feedback_on_more_versions_than_there_are_records_replaces_the_oldest(model, registry, sample):
    shared = SharedMetrics()
    registry.register(shared)
    metrics = FeedbackMetrics(shared, model)
    scored = score_labels(np.array([0.25], dtype=np.float32), np.array([True]), threshold=0.5)
    for version in range(100, 101 + VERSIONS):
        metrics.count(str(version), scored)

    def rows(version):
        return sample("espalier_feedback_total", model_version=version, label="bearing", predicted="bare")

    assert (rows("100"), rows("101"), rows(str(100 + VERSIONS)), rows("7")) == (None, 1, 1, 0)


def test_feedback_of_all_workers_is_summed(model, registry, sample):
    shared = SharedMetrics()
    registry.register(shared)
    metrics = FeedbackMetrics(shared, model)
    scored = score_labels(np.array([0.25], dtype=np.float32), np.array([True]), threshold=0.5)
    for versions in (("5", "6"), ("6", "5", "6")):
        shared.use_slot(shared.take_slot())
        for version in versions:
            metrics.count(version, scored)

    found = [sample("espalier_feedback_squared_error_total", model_version=version) for version in ("5", "6")]
    assert found == pytest.approx([2 * 0.75**2, 3 * 0.75**2])
