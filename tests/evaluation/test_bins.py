import numpy as np
import pytest

from evaluation.bins import BinCounter, DriftCounter


def counts(counter, values):
    found = dict(counter.count(np.asarray(values, dtype=np.float32)))
    return [found.get(place, 0) for place in range(len(counter.labels))]


@pytest.fixture
def counter(contract, reference):
    return DriftCounter(contract, reference)


def test_numbers_fall_between_edges_and_an_edge_belongs_above(counter):
    assert counts(counter.features["height"], [0, 4.9, 5, 9.99, 10, 20, np.nan]) == [2, 2, 2, 1]


def test_same_counts_as_a_histogram(counter, matrix, reference):
    edges = [-np.inf, *reference.features["height"].edges, np.inf]
    present = matrix[:, 0][~np.isnan(matrix[:, 0])]

    found = counts(counter.features["height"], matrix[:, 0])

    assert found[:-1] == np.histogram(present, edges)[0].tolist()
    assert found[-1] == 300 - len(present)


def test_rare_categories_and_nulls_have_their_bins(counter):
    assert counts(counter.features["soil"], [0, 1, 1, 2, 3, np.nan]) == [1, 2, 2, 1]


def test_bool_is_counted_by_name(counter):
    assert counts(counter.features["grafted"], [0, 1, 1]) == [1, 2, 0]


def test_score_has_its_own_bins(counter):
    assert counts(counter.score, [0.1, 0.5, 0.99]) == [1, 2]


def test_column_with_one_bin_counts_every_value(reference):
    changes = {"labels": ("any", "missing"), "shares": (1.0, 0.0), "edges": ()}
    one = BinCounter(reference.score.model_copy(update=changes))

    assert counts(one, [1, 2, np.nan]) == [2, 1]


def test_predicted_classes_have_a_bin_each(small_model):
    small = small_model("multiclass")
    reversed_bins = small.reference.score.model_copy(update={"labels": ("many", "some", "none")})

    for rows in (1, 10):
        values = [2, *[0] * (rows - 1)]
        counter = DriftCounter(small.contract, small.reference).score
        assert counts(counter, values) == [rows - 1, 0, 1]
        turned = DriftCounter(small.contract, small.reference.model_copy(update={"score": reversed_bins})).score
        assert counts(turned, values) == [1, 0, rows - 1], "a bin is found by its label"


@pytest.mark.parametrize("kind", ["regression", "interval"])
def test_predicted_values_fall_between_edges(small_model, kind):
    small = small_model(kind)

    assert counts(DriftCounter(small.contract, small.reference).score, [11.9, 12, 30]) == [1, 2]
