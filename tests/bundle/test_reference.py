import pytest
from pydantic import ValidationError

from bundle import Bins


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"labels": ("a", "b"), "shares": (1.0,)}, "one share"),
        ({"labels": ("a", "a"), "shares": (0.5, 0.5)}, "label of its own"),
        ({"labels": ("a", "b"), "shares": (0.5, 0.4)}, "add up to 1"),
        ({"labels": ("a", "b"), "shares": (1.5, -0.5)}, "add up to 1"),
        ({"labels": ("a", "b", "c"), "shares": (0.5, 0.5, 0), "edges": (2, 1)}, "must rise"),
        ({"labels": ("a", "b"), "shares": (0.5, 0.5), "edges": (1, 2)}, "k \\+ 1 bins"),
    ],
)
def test_bins_that_make_no_sense_are_refused(values, said):
    with pytest.raises(ValidationError, match=said):
        Bins(**values)


def test_bin_of_the_missing_is_not_between_edges():
    bins = Bins(labels=("below 1", "1 and above", "missing"), shares=(0.5, 0.25, 0.25), edges=(1,))

    assert bins.labels[-1] == "missing"
