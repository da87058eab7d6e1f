import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from bundle import Target
from services.api.metrics.feedback import CELLS, MIN_VERSIONS, VERSIONS, FeedbackMetrics
from services.api.metrics.shared import SharedMetrics
from services.api.prediction.targets.chosen import choose_target


@pytest.fixture
def feedback(target, registry):
    """The shared memory and the metrics in it; version 7 is served."""
    shared = SharedMetrics()
    registry.register(shared)
    return shared, FeedbackMetrics(shared, target, served="7")


@pytest.mark.parametrize("version", ["7", "6"])
def test_feedback_rows_are_counted_by_version_and_labels(feedback, target, sample, reference, version):
    random = np.random.default_rng(5)
    likely, truth = random.uniform(0, 1, 50).astype(np.float32), random.integers(2, size=50).astype(bool)
    names, here = ("bare", "bearing"), {"model_version": version}
    counts = target.score(likely, [names[int(label)] for label in truth], 0.5)
    feedback[1].count(version, counts)
    feedback[1].count(version, counts)

    found = [
        [sample("espalier_feedback_total", label=label, predicted=predicted, **here) for predicted in names]
        for label in names
    ]
    np.testing.assert_array_equal(found, 2 * confusion_matrix(truth, likely >= 0.5))
    assert sample("espalier_feedback_log_loss_total", **here) == pytest.approx(2 * counts[4])
    assert sample("espalier_feedback_squared_error_total", **here) == pytest.approx(2 * counts[5])
    for label, is_label in (("bare", ~truth), ("bearing", truth)):
        bins = [
            sample("espalier_feedback_score_bin_total", bin=name, label=label, **here)
            for name in reference.score.labels
        ]
        low = int((likely[is_label] < 0.5).sum())
        assert bins == [2 * low, 2 * (int(is_label.sum()) - low)]


@pytest.fixture
def wrong(target):
    """What one row adds: bearing, with a probability of 0.25."""
    return target.score(np.array([0.25], dtype=np.float32), ["bearing"], 0.5)


def test_feedback_on_more_versions_than_there_are_records_replaces_the_oldest(feedback, wrong, sample):
    for version in range(100, 101 + VERSIONS):
        feedback[1].count(str(version), wrong)

    def rows(version):
        return sample("espalier_feedback_total", model_version=version, label="bearing", predicted="bare")

    assert (rows("100"), rows("101"), rows(str(100 + VERSIONS)), rows("7")) == (None, 1, 1, 0)


def test_feedback_of_all_workers_is_summed(feedback, wrong, sample):
    shared, metrics = feedback
    for versions in (("5", "6"), ("6", "5", "6")):
        shared.use_slot(shared.take_slot())
        for version in versions:
            metrics.count(version, wrong)

    found = [sample("espalier_feedback_squared_error_total", model_version=version) for version in ("5", "6")]
    assert found == pytest.approx([2 * 0.75**2, 3 * 0.75**2])


@pytest.mark.parametrize("target_type", ["multiclass", "regression", "interval"])
def test_every_counter_of_another_target_is_at_its_place(feedback, target, registry):
    width = sum(len(series.values) for series in target.feedback_series)
    feedback[1].count("6", np.arange(1.0, width + 1))

    exposed = {
        (sample.name, *(value for name, value in sample.labels.items() if name != "model_version")): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.labels["model_version"] == "6"
    }
    names = [(series.name, *values) for series in target.feedback_series for values in series.values]
    assert exposed == dict(zip(names, np.arange(1.0, width + 1), strict=True))


def test_many_classes_leave_room_for_fewer_versions(contract, reference, registry):
    classes = tuple(f"class {number}" for number in range(100))
    many = contract.model_copy(update={"target": Target(name="x", type="multiclass", classes=classes)})
    target, shared = choose_target(many, reference.score), SharedMetrics()
    registry.register(shared)
    metrics = FeedbackMetrics(shared, target, served="7")
    row = np.ones(100 * 100 + 2)
    kept = CELLS // (1 + len(row))

    for version in range(1, 2 + kept):
        metrics.count(str(version), row)

    kept_rows = {
        sample.labels["model_version"]: sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "espalier_feedback_log_loss_total"
    }
    assert kept_rows == {"7": 0, **dict.fromkeys(map(str, range(2, 2 + kept)), 1)} and kept >= MIN_VERSIONS
