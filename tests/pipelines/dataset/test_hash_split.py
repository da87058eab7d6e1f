import numpy as np
import pandas as pd
import pytest

from pipelines.dataset.hash_split import ALL_ROWS, is_test, make_split
from pipelines.errors import InvalidData

NAMES = ("apple", "pear", "plum")
NONE = np.empty(0, dtype=np.intp)


@pytest.fixture
def rows():
    random = np.random.default_rng(1)
    return pd.DataFrame({"height": random.normal(0, 1, 3000), "owner": random.integers(0, 300, 3000).astype(str)})


@pytest.fixture
def classes():
    return np.random.default_rng(2).choice(3, 3000, p=[0.7, 0.25, 0.05])


def split_of(rows, classes=None, columns=("height", "owner"), seed=0, share=0.3):
    return make_split(rows, columns=columns, seed=seed, test_share=share, classes=classes, names=NAMES)


def test_each_class_has_its_exact_share(rows, classes):
    tested = is_test(rows, split_of(rows, classes), classes, NAMES)

    for code in range(3):
        own = classes == code
        assert tested[own].sum() == round(0.3 * own.sum())


def test_without_classes_the_share_is_about_right_and_rows_never_change_sides(rows):
    split = split_of(rows)
    tested = is_test(rows, split, NONE, ())

    assert tested.mean() == pytest.approx(0.3, abs=0.03)
    assert split.test_below == {ALL_ROWS: int(0.3 * 2**64)}
    half = rows.sample(1500, random_state=1)
    assert (is_test(half, split_of(half), NONE, ()) == tested[half.index]).all()


def test_order_of_rows_and_other_columns_do_not_matter(rows, classes):
    split = split_of(rows, classes)
    shuffled = rows.assign(width=1.0).sample(frac=1, random_state=1)

    tested = is_test(shuffled, split, classes[shuffled.index], NAMES)

    assert (tested == is_test(rows, split, classes, NAMES)[shuffled.index]).all()
    assert split == split_of(shuffled, classes[shuffled.index])


def test_rows_of_a_group_stay_together(rows):
    tested = is_test(rows, split_of(rows, columns=("owner",)), NONE, ())

    assert set(rows["owner"][tested]).isdisjoint(rows["owner"][~tested])
    assert tested.mean() == pytest.approx(0.3, abs=0.1)


def test_another_seed_divides_in_another_way(rows, classes):
    one, other = (is_test(rows, split_of(rows, classes, seed=seed), classes, NAMES) for seed in (0, 1))

    assert (one & other).mean() == pytest.approx(0.09, abs=0.03)


def test_limits_survive_json(rows, classes):
    split = split_of(rows, classes)

    assert type(split).model_validate_json(split.model_dump_json()) == split
    assert max(split.test_below.values()) > 2**53, "JSON numbers of this size must stay exact"


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_each_class_has_a_row_on_both_sides(rows, classes, share):
    tested = is_test(rows, split_of(rows, classes, share=share), classes, NAMES)

    for code in range(3):
        assert 0 < tested[classes == code].sum() < (classes == code).sum()


def test_equal_rows_are_on_one_side(rows):
    twice = pd.concat([rows.head(2)] * 20, ignore_index=True)
    classes = np.zeros(40, dtype=np.intp)

    split = make_split(twice, columns=("height", "owner"), seed=0, test_share=0.1, classes=classes, names=NAMES[:1])
    tested = is_test(twice, split, classes, NAMES[:1])

    assert tested.sum() == 20
    assert len(set(tested[::2])) == len(set(tested[1::2])) == 1


def test_class_of_one_row_is_reported(rows, classes):
    classes = np.where(classes == 2, 0, classes)
    classes[5] = 2

    with pytest.raises(InvalidData, match=r"the class plum has 1 row\(s\), too few"):
        split_of(rows, classes)
