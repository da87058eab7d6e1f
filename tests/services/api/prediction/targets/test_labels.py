from services.api.prediction.targets.labels import encode_labels, label_counts, label_text


def test_many_labels_are_not_all_named():
    assert label_text(["bare", "bearing"]) == "one of bare, bearing"
    names = [f"c{number}" for number in range(13)]
    assert label_text(names) == f"one of {', '.join(names[:12])}, … (13 in total, see GET /v1/model)"


def test_rows_are_counted_by_true_and_predicted_class():
    truth = encode_labels(["b", "c", "b"], ["a", "b", "c"])

    counts = label_counts(truth, encode_labels(["b", "a", "c"], ["a", "b", "c"]), classes=3)

    assert counts.reshape(3, 3).tolist() == [[0, 0, 0], [0, 1, 1], [1, 0, 0]]
