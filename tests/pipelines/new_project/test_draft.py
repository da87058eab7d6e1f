"""The files that a table gets, and the tables that get none."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml

from pipelines.config.params import Params
from pipelines.config.schema import Schema
from pipelines.errors import InvalidData
from pipelines.new_project.draft import Wish, draft_project
from tests.pipelines.new_project.tables import houses, loans


@pytest.fixture
def draft(tmp_path):
    """Draft the project of a table."""

    def call(table, target, *, parquet=False, **wish):
        path = tmp_path / ("t.parquet" if parquet else "t.csv")
        table.to_parquet(path, index=False) if parquet else table.to_csv(path, index=False)
        return draft_project(path, Wish(target=target, name="trees", **wish))

    return call


def files(made):
    return (
        Schema.model_validate(yaml.safe_load(made.schema_text)),
        Params.model_validate(yaml.safe_load(made.params_text)),
    )


def test_table_without_a_time(draft):
    made = draft(loans(), "outcome")
    schema, params = files(made)

    assert (schema.target.type, schema.target.classes) == ("binary", ("paid", "default"))
    assert (schema.time, [one.name for one in schema.identifiers]) == (None, ["loan"])
    assert {one.name: one.type for one in schema.features} == {
        "income": "float",
        "age": "int",
        "purpose": "category",
        "employed": "bool",
    }
    assert [one.name for one in schema.features if one.nullable] == ["income"]
    assert "# currency: the same in every row" in made.schema_text
    assert (params.prepare.test_share, params.validate_.min_rows) == (0.3, 200)
    assert params.evaluate.slices == ("purpose", "employed")
    assert 0.55 <= params.register_.gate.min_roc_auc < 0.75
    assert params.register_.gate.min_compared_rows == 60
    assert made.checks[0] == "The positive class of outcome is default: its probability is predicted."
    assert "no time column" in made.checks[1]


def test_table_with_a_time_and_a_leak(draft):
    made = draft(houses(), "price", parquet=True)
    schema, params = files(made)

    assert (schema.target.type, schema.time.name) == ("regression", "sold_on")
    assert "price_with_tax" not in schema.feature_names
    assert "\n#  - {name: price_with_tax, type: float, " in made.schema_text
    assert any(check.startswith("price_with_tax is left out: it says the same as the target") for check in made.checks)
    assert "R²" in made.checks[0] and "limit 0.9999" in made.checks[0]
    assert params.evaluate.time_slice == "month"
    assert params.register_.gate.min_r2 > 0.2
    assert params.register_.gate.min_roc_auc is None


def test_suspicious_feature_is_kept_and_named_first(draft):
    table = houses()
    table["price_with_tax"] += np.random.default_rng(0).normal(0, 5_000, len(table))

    made = draft(table, "price")

    assert "price_with_tax" in files(made)[0].feature_names
    assert made.checks[0].startswith("Is price_with_tax known before price? For it predicts price alone with R² 0.99")
    assert "price_with_tax" not in files(draft(table, "price", without=("price_with_tax",)))[0].columns


def test_time_can_be_refused_and_named(draft):
    assert files(draft(houses(), "price", has_time=False))[0].time is None
    assert files(draft(houses(), "price", time="sold_on"))[0].time.name == "sold_on"


def test_small_table_of_three_classes(draft):
    table = pd.DataFrame({"length": [1.0, 2, 3, 2.5, 1.5, 3.5] * 5, "kind": ["a", "b", "c", "b", "a", "c"] * 5})
    table["length"] += np.arange(30) / 100

    schema, params = files(draft(table, "kind"))

    assert schema.target.classes == ("a", "b", "c")
    assert schema.feature_names == ["length"]  # the only one is kept, though it says it all
    assert params.register_.gate.min_compared_rows == 20


def test_copies_are_allowed_and_named(draft):
    table = loans().drop(columns="loan")
    table = pd.concat([table, table.iloc[:80]])

    made = draft(table, "outcome")

    assert files(made)[1].validate_.max_duplicate_share == pytest.approx(0.25)
    assert any(re.search(r"16.\d% of the rows are exact copies", check) for check in made.checks)


def test_rows_that_repeat_over_time_are_allowed_and_named(draft):
    table = houses()[["sold_on", "district", "price"]].assign(rooms=lambda t: np.arange(len(t)) % 4, price=1)
    table["price"] = (table["rooms"] > 1).map({True: "high", False: "low"})
    table.loc[::7, "price"] = "high"

    made = draft(table, "price")

    assert files(made)[1].prepare.max_repeated_share == 1
    assert any("Test rows equal older rows" in check for check in made.checks)


def test_rare_class_and_group_are_named(draft):
    table = loans().drop(columns="loan")
    table["customer_id"] = np.arange(len(table)) // 4
    table["outcome"] = np.where(np.arange(len(table)) % 40 == 1, "default", "paid")

    made = draft(table, "outcome")
    schema, params = files(made)

    assert (params.prepare.group, params.prepare.stratify) == ("customer_id", None)
    assert "customer_id" in [one.name for one in schema.identifiers]
    assert any(check.startswith("Rare classes: default 2.5%") for check in made.checks)


def test_same_column_twice_is_left_out(draft):
    table = loans().assign(years=lambda t: t["age"])

    made = draft(table, "outcome")

    assert "years" not in files(made)[0].columns
    assert "# years: the same as age in every row" in made.schema_text


def test_names_and_categories_of_any_characters(draft):
    table = loans().rename(columns={"age": "a: b, #c\n- x: 1", "purpose": "yes"})
    table["yes"] = table["yes"].map({"car": "no", "house": "a, b: [c]", "study": "1"})

    schema, _ = files(draft(table, "outcome"))

    assert {"a: b, #c\n- x: 1", "yes"} <= set(schema.feature_names)
    assert schema.features[schema.feature_names.index("yes")].categories == ("1", "a, b: [c]", "no")


@pytest.mark.parametrize(
    ("change", "wish", "message"),
    [
        (lambda t: t, {"target": "outcom"}, r"--target outcom: .* has no such column. Did you mean outcome\?"),
        (lambda t: t, {"target": "q"}, r"no such column. It has loan, income, age"),
        (lambda t: t, {"time": "when"}, "--time when: .* has no such column"),
        (lambda t: t, {"without": ("x",)}, "--without x: .* has no such column"),
        (lambda t: t, {"without": ("outcome",)}, "outcome is the target, and also named by --time or --without"),
        (lambda t: t.assign(outcome=None), {}, "the target outcome is empty in every row"),
        (lambda t: t.assign(outcome=1), {}, "is 1.0 in every row"),
        (lambda t: t.rename(columns={"age": "age[0]"}), {}, r"column\(s\) 'age\[0\]' cannot be features"),
        (lambda t: t.assign(espalier_row_hash=1), {}, "is reserved; rename it"),
        (lambda t: t[["loan", "currency", "outcome"]], {}, r"no column is left that could train \(loan: 400 diff"),
    ],
)
def test_table_that_cannot_be_used(draft, change, wish, message):
    with pytest.raises(InvalidData, match=message):
        draft(change(loans()), **{"target": "outcome", **wish})
