"""What every route that predicts counts; the counters themselves: metrics/test_counters.py."""

import numpy as np
import pytest

from services.api.http.counted_prediction import predict_and_count


@pytest.fixture
def services(client):
    return client.app.state.services


@pytest.mark.parametrize("number", [1, 4, 5, 300])
def test_rows_labels_bins_and_time_are_counted(services, matrix, sample, reference, number):
    rows = np.ascontiguousarray(matrix[:number])
    predicted = predict_and_count(services, rows, explain=False)

    np.testing.assert_array_equal(predicted.outputs, services.model.predict(rows))
    positives = int(predicted.codes.sum())
    labels = [sample("espalier_predictions_total", model_version="7", label=label) for label in ("bare", "bearing")]
    assert labels == [number - positives, positives]
    for feature, bins in reference.features.items():
        counts = [
            sample("espalier_feature_bin_total", model_version="7", feature=feature, bin=name) for name in bins.labels
        ]
        assert sum(counts) == number
    assert sample("espalier_predict_seconds_count") == 1
    assert sample("espalier_explained_rows_total") == 0


def test_explanations_are_counted(services, matrix, sample):
    predicted = predict_and_count(services, np.ascontiguousarray(matrix[:3]), explain=True)

    assert sample("espalier_explained_rows_total") == 3
    total = sum(
        sample("espalier_shap_abs_sum_total", feature=name) for name in ("height", "age", "grafted", "kind", "soil")
    )
    assert total == pytest.approx(float(abs(predicted.contributions[:, :-1]).sum()), rel=1e-5)
