from dataclasses import replace
from datetime import timedelta

import pytest

from pipelines.config.params import PrepareParams
from pipelines.config.train_params import EarlyStopping
from pipelines.dataset.rows import FrameRows
from pipelines.dataset.validation_rows import hold_out as hold_out_rows
from pipelines.errors import InvalidData
from pipelines.stages.prepare import split_by_hash, split_by_time
from pipelines.stages.validate import check_table
from tests.small_project import project_of


def share(size):
    return EarlyStopping(rounds=1, validation_share=size)


def last(days):
    return EarlyStopping(rounds=1, validation_last=f"{days}d")


def hold_out(train, project, window):
    return tuple(part.read() for part in hold_out_rows(FrameRows(train), project, window))


@pytest.fixture
def known(table, schema, params):
    return check_table(table[table["bears"].notna()], schema, params.validate_)


@pytest.fixture
def by_time(known, schema):
    project = project_of(schema, prepare=PrepareParams(test_share=0.2))
    return split_by_time(known, project)[0], project


@pytest.fixture
def by_hash(known, schema):
    project = project_of(schema.model_copy(update={"time": None}), prepare=PrepareParams(test_share=0.2))
    return split_by_hash(known, project)[0], project


def test_newest_rows_are_the_validation_rows(by_time):
    train, project = by_time
    learned, validation = hold_out(train, project, share(0.25))

    assert learned["seen"].max() < validation["seen"].min()
    assert validation["seen"].max() == train["seen"].max()
    assert len(validation) == pytest.approx(0.25 * len(train), abs=1)
    assert len(learned) + len(validation) == len(train)


def test_window_is_as_long_as_stated(by_time):
    train, project = by_time
    learned, validation = hold_out(train, project, last(10))

    start = train["seen"].max() - timedelta(days=10)
    assert validation["seen"].min() >= start > learned["seen"].max()


def test_order_of_the_rows_does_not_matter(by_time):
    train, project = by_time

    _, validation = hold_out(train.sample(frac=1, random_state=1), project, last(10))

    assert set(validation["tag"]) == set(hold_out(train, project, last(10))[1]["tag"])


def test_without_a_time_each_class_has_its_share(by_hash):
    train, project = by_hash
    learned, validation = hold_out(train, project, share(0.25))

    for value in (0, 1):
        assert (validation["bears"] == value).sum() == round(0.25 * (train["bears"] == value).sum())
    assert set(learned["tag"]).isdisjoint(validation["tag"])


def test_rows_of_a_group_stay_together(by_hash, known):
    _, project = by_hash
    prepare = PrepareParams(test_share=0.2, group="owner")
    schema = project.schema.model_copy(update={"identifiers": project.schema.identifiers[:0]})
    column = project.schema.identifiers[0].model_copy(update={"name": "owner"})
    schema = schema.model_copy(update={"identifiers": (*project.schema.identifiers, column)})
    rows = known.assign(owner=[str(number // 5) for number in range(len(known))])
    grouped = replace(project, schema=schema, params=project.params.model_copy(update={"prepare": prepare}))
    train, _, _ = split_by_hash(rows, grouped)

    learned, validation = hold_out(train, grouped, share(0.15))  # less than the test share

    assert len(validation) == pytest.approx(0.15 * len(train), rel=0.5)
    assert set(learned["owner"]).isdisjoint(validation["owner"])


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (last(3650), r"of the 4\d\d training rows, none are rows to learn from; make the window .* smaller"),
        (last(1), r"the \d validation rows cannot be used: every row has bears = 1.* larger"),
    ],
)
def test_useless_windows_are_reported(by_time, window, message):
    train, project = by_time
    train = train.assign(bears=train["bears"].where(train["seen"] < train["seen"].max() - timedelta(days=1), 1))

    with pytest.raises(InvalidData, match=message):
        hold_out(train, project, window)


def test_class_of_one_row_is_reported(by_hash):
    train, project = by_hash
    one = train[(train["bears"] == 0) | (train.index == train.index[train["bears"] == 1][0])]

    with pytest.raises(InvalidData, match=r"train\.early_stopping: the class bearing has 1 row\(s\)"):
        hold_out(one, project, share(0.3))
