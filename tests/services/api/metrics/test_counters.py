import pytest

from services.api.metrics.counters import AUTH_FAILURES, CONNECTION_REFUSALS, REJECTIONS


def test_connection_refusals_start_at_zero(client, sample):
    found = {reason: sample("espalier_connections_refused_total", reason=reason) for reason in CONNECTION_REFUSALS}

    assert set(found.values()) == {0}


def test_counters_start_at_zero(client, sample, reference):
    for reason in AUTH_FAILURES:
        assert sample("espalier_auth_failures_total", reason=reason) == 0
    for reason in REJECTIONS:
        assert sample("espalier_rejected_requests_total", reason=reason) == 0
    for label in ("bare", "bearing"):
        assert sample("espalier_predictions_total", model_version="7", label=label) == 0
    for feature, bins in reference.features.items():
        for label in bins.labels:
            assert sample("espalier_feature_bin_total", model_version="7", feature=feature, bin=label) == 0
    assert sample("espalier_score_bin_total", model_version="7", bin="below 0.5") == 0
    assert sample("espalier_predict_seconds_count") == 0
    assert sample("espalier_requests_in_progress") == 0
    assert sample("espalier_workers") == 1
    assert sample("espalier_explained_rows_total") == 0
    assert sample("espalier_shap_abs_sum_total", feature="height") == 0
    for label in ("bare", "bearing"):
        for predicted in ("bare", "bearing"):
            assert sample("espalier_feedback_total", model_version="7", label=label, predicted=predicted) == 0
        assert sample("espalier_feedback_score_bin_total", model_version="7", bin="below 0.5", label=label) == 0
    assert sample("espalier_feedback_log_loss_total", model_version="7") == 0
    assert sample("espalier_feedback_squared_error_total", model_version="7") == 0


def test_rows_are_counted_by_label_and_bin(client, ask, row, sample):
    for _ in range(3):
        answer = ask(row, {**row, "height": None, "soil": "peat"}).json()

    labels = [prediction["label"] for prediction in answer["predictions"]]
    for label in ("bare", "bearing"):
        assert sample("espalier_predictions_total", model_version="7", label=label) == 3 * labels.count(label)
    assert sample("espalier_feature_bin_total", model_version="7", feature="height", bin="below 5") == 3
    assert sample("espalier_feature_bin_total", model_version="7", feature="height", bin="missing") == 3
    assert sample("espalier_feature_bin_total", model_version="7", feature="soil", bin="other") == 3
    assert sample("espalier_predict_seconds_count") == 3


def test_explained_rows_and_contributions_are_counted(ask, row, sample):
    ask(row)
    predictions = ask(row, {**row, "height": 20.0}, params={"explain": "true"}).json()["predictions"]

    assert sample("espalier_explained_rows_total") == 2
    for feature in row:
        expected = sum(abs(prediction["contributions"][feature]) for prediction in predictions)
        assert sample("espalier_shap_abs_sum_total", feature=feature) == pytest.approx(expected)


@pytest.mark.parametrize("target_type", ["multiclass"])
@pytest.mark.parametrize("number", [1, 4, 5, 200])
def test_predicted_classes_are_counted(ask, row, sample, number):
    predictions = ask(*[{**row, "height": float(index % 20)} for index in range(number)]).json()["predictions"]

    labels = [prediction["label"] for prediction in predictions]
    for label in ("none", "some", "many"):
        assert sample("espalier_predictions_total", model_version="7", label=label) == labels.count(label)
        assert sample("espalier_score_bin_total", model_version="7", bin=label) == labels.count(label)


@pytest.mark.parametrize("target_type", ["regression", "interval"])
@pytest.mark.parametrize("number", [1, 4, 5, 200])
def test_predicted_values_are_counted(ask, row, sample, number):
    predictions = ask(*[{**row, "height": float(index % 20)} for index in range(number)]).json()["predictions"]

    assert sample("espalier_predictions_total", model_version="7", label="") == number
    low = sum(prediction["value"] < 12 for prediction in predictions)
    found = [sample("espalier_score_bin_total", model_version="7", bin=name) for name in ("below 12", "12 and above")]
    assert found == [low, number - low]


@pytest.mark.parametrize("target_type", ["multiclass"])
def test_contributions_are_counted_as_the_mean_over_the_classes(ask, row, sample):
    predictions = ask(row, {**row, "height": 20.0}, params={"explain": "true"}).json()["predictions"]

    for feature in row:
        by_row = [[abs(one[feature]) for one in each["contributions"].values()] for each in predictions]
        expected = sum(sum(values) / 3 for values in by_row)
        assert sample("espalier_shap_abs_sum_total", feature=feature) == pytest.approx(expected)
