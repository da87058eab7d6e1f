import pytest
from pydantic import ValidationError

from bundle import Bins


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"labels": ("a", "b"), "shares": (1.0,)}, "one share"),
        ({"labels": ("a", "a"), "shares": (0.5, 0.5)}, "unique label"),
        ({"labels": ("a", "b"), "shares": (0.5, 0.4)}, "add up to 1"),
        ({"labels": ("a", "b"), "shares": (1.5, -0.5)}, "add up to 1"),
        ({"labels": ("a", "b", "c"), "shares": (0.5, 0.5, 0), "edges": (2, 1)}, "ascending order"),
        ({"labels": ("a", "b"), "shares": (0.5, 0.5), "edges": (1, 2)}, "k \\+ 1 bins"),
    ],
)
def test_inconsistent_bins_are_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        Bins(**values)


def test_missing_bin_is_not_between_edges():
    bins = Bins(labels=("below 1", "1 and above", "missing"), shares=(0.5, 0.25, 0.25), edges=(1,))

    assert bins.labels[-1] == "missing"
