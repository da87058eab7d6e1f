import numpy as np

from pipelines.scoring.predictions import count_labels, prediction_columns


def test_two_classes_give_label_and_probability(contract):
    scores = np.array([0.2, 0.5, 0.9], dtype=np.float32)

    found = prediction_columns(contract.target, scores)

    assert {name: column.to_pylist() for name, column in found.items()} == {
        "label": ["bare", "bearing", "bearing"],
        "probability": scores.tolist(),
    }
    assert count_labels(found) == {"bare": 1, "bearing": 2}


def test_refused_rows_have_none(contract):
    scores, refused = np.array([0.2, 0.9], dtype=np.float32), np.array([False, True])

    found = prediction_columns(contract.target, scores, refused)

    assert found["label"].to_pylist() == ["bare", None]
    assert found["probability"].to_pylist() == [scores[0], None]
    assert count_labels(found) == {"bare": 1, "bearing": 0}


def test_columns_of_another_kind_have_no_labels():
    assert count_labels({"value": None}) == {}
