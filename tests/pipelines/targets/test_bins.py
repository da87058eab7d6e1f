import numpy as np
import pytest

from pipelines.targets.bins import class_bins, equal_width_bins, quantile_bins


def test_equal_width_bins_are_between_0_and_1():
    bins = equal_width_bins(np.array([0.0, 0.1, 0.6, 1.0], dtype=np.float32), 2)

    assert bins.labels == ("below 0.5", "0.5 and above")
    assert bins.shares == (0.5, 0.5)


def test_quantile_bins_have_about_equal_shares_and_rare_ends():
    values = np.random.default_rng(1).normal(0, 1, 10_000).astype(np.float32)

    bins = quantile_bins(values, 4)

    assert len(bins.labels) == 6 == len(bins.edges) + 1
    assert bins.shares[1:-1] == pytest.approx([0.25] * 4, abs=0.002)
    assert max(bins.shares[0], bins.shares[-1]) <= 0.0011


def test_class_bins_keep_the_order_of_the_codes_and_classes_without_rows():
    bins = class_bins(np.array([2, 0, 2, 2]), ("plum", "apple", "pear"))

    assert (bins.labels, bins.shares, bins.edges) == (("plum", "apple", "pear"), (0.25, 0.0, 0.75), None)
