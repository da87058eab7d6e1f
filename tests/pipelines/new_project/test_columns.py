import numpy as np
import pandas as pd
import pytest

from pipelines.new_project.columns import decide
from pipelines.new_project.values import look_at

ROWS = 200


def decided(cells, name="x"):
    return decide(look_at(pd.Series(cells, name=name)))


@pytest.mark.parametrize(
    ("cells", "name", "role", "why"),
    [
        ([None] * ROWS, "x", "left out", "empty in every row"),
        (["a"] * ROWS, "x", "left out", "the same in every row"),
        ([1, None] * (ROWS // 2), "x", "left out", "the same in every row that has it"),
        ([np.array([1])] * ROWS, "x", "left out", "has neither numbers, texts nor times"),
        ([f"K{n}" for n in range(ROWS)], "x", "identifier", "200 different values in 200 rows"),
        (list(range(1000, 1000 + ROWS)), "x", "identifier", "200 different values in 200 rows"),
        (list(range(ROWS)), "Unnamed: 0", "left out", "an index that was saved with the table?"),
        (list(range(ROWS))[::-1], "customer_id", "identifier", "200 different values"),
        ([n % 50 for n in range(ROWS)], "customer_id", "identifier", "4.0 rows of each"),
        ([f"2025-01-{n % 28 + 1:02}" for n in range(ROWS)], "x", "left out", "a time; a feature must be a number"),
        ([*map(str, range(ROWS - 1)), "NA"], "x", "left out", "has numbers, and cells that are none: NA"),
        ([f"t{n % 150}" for n in range(ROWS)], "x", "feature", "150 categories"),
        ([f"{n % 9} {'x' * 201}" for n in range(ROWS)], "x", "left out", "free text: up to 203 characters"),
        ([n % 3 for n in range(ROWS)], "paid", "feature", "0 to 2 in the table"),
        ([n * 7919 % 10007 for n in range(ROWS)], "price", "feature", "in the table"),
    ],
)
def test_roles(cells, name, role, why):
    found = decided(cells, name)

    assert (found.role, (found.feature is not None)) == (role, role == "feature")
    assert why in found.why


def test_many_texts_that_repeat_are_left_out():
    found = decided([f"t{n % 250}" for n in range(1000)])

    assert found.role == "left out"
    assert "250 different texts, more than 200 categories" in found.why
    assert "Group its values" in found.check


def test_almost_unique_numbers_are_kept_and_named():
    found = decided([n * 7919 % 10007 for n in range(ROWS)], "price")

    assert "if it is an identifier, use --without" in found.check


def test_identifier_that_repeats_is_a_group_only_without_gaps():
    assert decided([n % 50 for n in range(ROWS)], "customer_id").group
    assert not decided([n % 50 if n else None for n in range(ROWS)], "customer_id").group
    assert not decided(list(range(ROWS)), "customer_id").group


def test_number():
    feature = decided([1.5, 2.5, None, 9.5]).feature

    assert (feature.type, feature.nullable, feature.minimum, feature.maximum) == ("float", True, 0, 14)
    assert decided([3, 4, 5]).feature.type == "int"
    assert "whose last digits" in decided([2**24 + 2, 1, 5]).check


def test_categories():
    feature = decided(["b", "a", "a"] * 20).feature
    assert (feature.type, feature.categories, feature.unknown_category) == ("category", ("a", "b"), "error")

    rare = decided(["b", *["a"] * 40]).feature
    assert rare.unknown_category == "missing"

    many = decided([f"t{n % 120}" for n in range(3000)]).feature
    assert (many.categories, many.unknown_category) == (None, "missing")


@pytest.mark.parametrize("name", ["a[0]", "a<b", "x" * 101])
def test_name_that_is_no_name_of_a_feature(name):
    found = decided([1, 2, 3], name)

    assert (found.role, found.feature) == ("feature", None)
