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
