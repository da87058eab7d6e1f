import re
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import yaml

from bundle import Lineage
from pipelines.config.schema import ROW_HASH, Schema
from pipelines.gate.unseen import unseen_rows
from pipelines.stages.prepare import split_by_hash
from pipelines.stages.validate import check_table
from pipelines.targets.project import load_project
from tests.projects.tables import table_of
from tests.small_project import SCHEMA, project_of, use_project


@pytest.fixture
def penguins(project):
    use_project("penguins")
    return load_project()


@pytest.fixture
def rows(penguins):
    checked = check_table(table_of("penguins"), penguins.schema, penguins.params.validate_)
    return checked[checked["species"].notna()]


def seeded(project, **prepare):
    params = project.params.model_copy(update={"prepare": project.params.prepare.model_copy(update=prepare)})
    return project_of(project.schema, params)


@pytest.fixture
def trained(lineage):
    """Return a function that gives the lineage of a champion with a split, and the rows that it learned from."""

    def make(rows, project) -> tuple[Lineage, pd.DataFrame]:
        train, _, split = split_by_hash(rows, project)
        return lineage.model_copy(update={"data_until": None, "split": split}), train

    return make


def test_champion_of_the_same_rows_has_the_same_test_rows(penguins, rows, trained):
    champion, _ = trained(rows, penguins)
    _, test, _ = split_by_hash(rows, penguins)

    unseen, reason = unseen_rows(champion, test, penguins)

    assert reason == ""
    assert len(unseen) == len(test)


def test_no_row_is_used_that_the_champion_learned_from(penguins, rows, trained):
    """The table has grown: limits have moved, and some of the rows beside them have changed sides."""
    champion, learned = trained(rows.sample(200, random_state=3), penguins)
    _, test, _ = split_by_hash(rows, penguins)
    known = set(learned[ROW_HASH])
    assert known & set(test[ROW_HASH]), "some of its training rows are now test rows"

    unseen, reason = unseen_rows(champion, test, penguins)

    assert reason == ""
    assert 50 <= len(unseen) < len(test)
    assert known.isdisjoint(unseen[ROW_HASH])


def test_another_seed_leaves_few_rows(penguins, rows, trained):
    champion, learned = trained(rows, seeded(penguins, seed=7))
    _, test, _ = split_by_hash(rows, penguins)

    unseen, reason = unseen_rows(champion, test, penguins)

    assert set(learned[ROW_HASH]).isdisjoint(unseen[ROW_HASH])
    assert (
        f"has learned from all but {len(unseen)} of {len(test)} test rows, fewer than register.gate.min_comp" in reason
    )
    assert "Use the prepare.seed, prepare.group and columns that it was trained with" in reason


def test_champion_of_groups_is_compared_on_groups_it_has_not_seen(penguins, rows, trained):
    rows = rows[rows["flipper_length_mm"].notna()]
    champion, learned = trained(rows, seeded(penguins, group="flipper_length_mm"))
    few = seeded(penguins, group=None)
    gate = few.params.register_.gate.model_copy(update={"min_compared_rows": 1})
    few = project_of(few.schema, few.params, register_=few.params.register_.model_copy(update={"gate": gate}))
    _, test, _ = split_by_hash(rows, few)

    unseen, _ = unseen_rows(champion, test, few)

    assert champion.split.columns == ("flipper_length_mm",)
    assert len(unseen) > 0
    assert set(unseen["flipper_length_mm"]).isdisjoint(learned["flipper_length_mm"])


def test_new_column_does_not_hide_what_the_champion_knows(penguins, rows, trained):
    fewer = penguins.schema.model_copy(update={"features": penguins.schema.features[:-1]})
    champion, learned = trained(rows, project_of(fewer, penguins.params))
    _, test, _ = split_by_hash(rows, penguins)
    gate = penguins.params.register_.gate.model_copy(update={"min_compared_rows": 1})
    any_rows = penguins.params.register_.model_copy(update={"gate": gate})

    unseen, _ = unseen_rows(champion, test, project_of(penguins.schema, penguins.params, register_=any_rows))

    shared = [name for name in fewer.columns if name != "species"]
    known = set(map(tuple, learned[shared].astype(str).to_numpy()))
    assert 0 < len(unseen) < len(test)
    assert known.isdisjoint(map(tuple, unseen[shared].astype(str).to_numpy()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": None}, "divided by time, and schema.yaml has no time column"),
        ({"columns": ("island", "nest")}, r"no longer has \(nest\)"),
        ({"test_below": {"a": 1, "b": 2, "c": 3}}, "divided by other classes"),
    ],
)
def test_champion_whose_training_rows_cannot_be_told_is_refused(penguins, rows, trained, changes, message):
    champion, _ = trained(rows, penguins)
    split = None if "split" in changes else champion.split.model_copy(update=changes)
    _, test, _ = split_by_hash(rows, penguins)

    _, reason = unseen_rows(champion.model_copy(update={"split": split}), test, penguins)

    assert re.search(message, reason)
    assert "remove the alias champion to start over" in reason


def test_champion_divided_by_hash_is_no_match_for_a_table_with_a_time(penguins, rows, trained):
    champion, _ = trained(rows, penguins)
    timed = project_of(Schema.model_validate(yaml.safe_load(SCHEMA)))
    test = pd.DataFrame({"seen": pd.to_datetime(["2025-01-01"]), "bears": [1.0]})

    _, reason = unseen_rows(champion, test, timed)

    assert reason.startswith("was trained on rows divided by hash, without the time column seen")


def test_rows_newer_than_the_champions_are_used(schema, lineage):
    test = pd.DataFrame({"seen": pd.date_range("2025-01-01", periods=10), "bears": np.arange(10) % 2})
    champion = lineage.model_copy(update={"data_until": datetime(2025, 1, 4, tzinfo=UTC)})
    project = project_of(schema)
    gate = project.params.register_.gate.model_copy(update={"min_compared_rows": 6})
    enough = project_of(schema, register_=project.params.register_.model_copy(update={"gate": gate}))

    unseen, reason = unseen_rows(champion, test, enough)

    assert (len(unseen), reason) == (6, "")
    assert unseen_rows(lineage.model_copy(update={"data_until": None}), test, project)[1] == ""
