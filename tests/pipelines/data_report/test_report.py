"""The page of a table: what it counts, what it shows, what it escapes, and the drift against a model."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from pipelines.config.schema import Schema
from pipelines.data_report import batches, profile
from pipelines.data_report.report import make_report

SCHEMA = {
    "target": {"name": "bears", "classes": ["bare", "bearing"]},
    "identifiers": [{"name": "tag"}],
    "features": [
        {"name": "height", "type": "float", "nullable": True},
        {"name": "age", "type": "int"},
        {"name": "grafted", "type": "bool"},
        {"name": "kind", "type": "category"},
        {"name": "soil", "type": "category", "nullable": True, "unknown_category": "missing"},
    ],
}
ROWS = 2_000


def rows_like(matrix, contract, seed=0):
    """Return rows drawn from the encoded training rows of the small model."""
    random = np.random.default_rng(seed)
    drawn = matrix[random.integers(0, len(matrix), ROWS)]
    table = pd.DataFrame(drawn, columns=[feature.name for feature in contract.features])
    for feature in contract.features:
        if feature.categories is not None:
            names = {float(code): name for name, code in feature.categories.items()}
            table[feature.name] = table[feature.name].map(names)
    return table.assign(tag=range(ROWS), bears=np.arange(ROWS) % 4 == 0).astype({"bears": int})


@pytest.fixture
def report(tmp_path):
    """Make the report of a table."""

    def call(table, schema=SCHEMA, bundle=None, *, parquet=False):
        path = tmp_path / ("t.parquet" if parquet else "t.csv")
        table.to_parquet(path, index=False) if parquet else table.to_csv(path, index=False)
        return make_report(path, Schema.model_validate(schema), bundle, without_drift="no <model>")

    return call


class Tags(HTMLParser):
    """Checks that tags are closed, and collects them with the addresses that they name."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.addresses = [], set(), []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in ("meta", "rect", "line", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag in ("rect", "line", "circle") or self.open.pop() == tag


def test_counts(report, matrix, contract):
    table = rows_like(matrix, contract)

    found = report(table).profile

    assert found.rows == ROWS
    assert found.columns["height"].missing == table["height"].isna().sum()
    assert sum(found.columns["height"].counts) == table["height"].notna().sum()
    assert found.columns["height"].mean == pytest.approx(table["height"].mean())
    assert (found.columns["age"].minimum, found.columns["age"].maximum) == (table["age"].min(), table["age"].max())
    assert found.columns["kind"].texts == table["kind"].value_counts().to_dict()
    assert found.columns["bears"].counts == [1_500, 500]
    assert (found.first, found.periods) == (None, None)


def test_many_batches_count_the_same(report, matrix, contract, monkeypatch):
    table = rows_like(matrix, contract)
    whole = report(table)
    monkeypatch.setattr(batches, "BLOCK_BYTES", 4096)
    monkeypatch.setattr(batches, "ROWS", 100)

    for parquet in (False, True):
        parts = report(table, parquet=parquet).profile.columns
        for name, column in whole.profile.columns.items():
            assert parts[name].texts == column.texts
            assert sum(parts[name].counts) == sum(column.counts)
            assert parts[name].missing == column.missing
            assert parts[name].minimum == (column.minimum and pytest.approx(column.minimum))


def test_different_texts_are_bounded(report, matrix, contract, monkeypatch):
    monkeypatch.setattr(profile, "MAX_TEXTS", 5)
    table = rows_like(matrix, contract).assign(kind=[f"k{place % 100}" for place in range(ROWS)])

    column = report(table).profile.columns["kind"]

    assert len(column.texts) == 5
    assert sum(column.texts.values()) + column.other == ROWS


def test_drift_is_that_of_the_alerts(report, matrix, contract, make_bundle, read):
    bundle = read(make_bundle)
    drawn = rows_like(matrix, contract)
    same = report(drawn, bundle=bundle)

    [drift] = same.drifts
    assert set(drift.features) == {feature.name for feature in contract.features}
    assert all(one["psi"] is not None for one in drift.features.values())

    shifted = report(drawn.assign(age=299), bundle=bundle)
    assert shifted.drifts[0].features["age"]["above_alert"]
    assert shifted.drifts[0].features["age"]["psi"] > drift.features["age"]["psi"]
    assert "<td>drift</td>" in shifted.page
    assert shifted.as_json()["drift"][0]["above_alert"] == [
        name for name, one in shifted.drifts[0].features.items() if one["above_alert"]
    ]


def test_drift_of_rows_after_the_newest_training_row_is_shown_apart(report, matrix, contract, make_bundle, read):
    """The model was trained on rows until 23:00 UTC on the last day of 2025: midnight in Paris."""
    bundle = read(make_bundle)
    schema = SCHEMA | {"time": {"name": "seen", "timezone": "Europe/Paris"}}
    newer = np.arange(ROWS) % 4 == 0
    drawn = rows_like(matrix, contract)
    drawn = drawn.assign(
        seen=np.where(newer, "2026-01-01 00:01", "2026-01-01 00:00"), age=np.where(newer, 299, drawn["age"])
    )

    made = report(drawn, schema, bundle)

    everything, new = made.drifts
    assert [(each.newer, each.rows) for each in made.drifts] == [(False, ROWS), (True, ROWS // 4)]
    assert new.features["age"]["psi"] > everything.features["age"]["psi"]
    assert new.features == report(drawn[newer], schema, bundle).drifts[0].features
    assert len(report(drawn[newer], schema, bundle).drifts) == 1, "there are no others"
    assert len(report(drawn[~newer], schema, bundle).drifts) == 1


def test_without_a_model_the_page_says_why(report, matrix, contract):
    made = report(rows_like(matrix, contract))

    assert made.drifts == () and made.as_json()["drift"] == []
    assert "no &lt;model&gt;" in made.page


def test_course_over_time(report):
    schema = {
        "target": {"name": "y", "type": "regression"},
        "time": {"name": "seen"},
        "features": [{"name": "x", "type": "float", "nullable": True}, {"name": "kind", "type": "category"}],
    }
    table = pd.DataFrame({"seen": pd.date_range("2024-01-01", periods=300, freq="1D"), "y": range(300), "kind": "a"})
    table["x"] = np.where(np.arange(300) < 150, 1.0, np.nan)
    table.loc[200:, "kind"] = "b"

    made = report(table, schema, parquet=True)

    x, y, kind = (made.profile.columns[name] for name in ("x", "y", "kind"))
    assert (x.course[0], x.course[-1]) == (1, None)
    assert (x.missing_course[0], x.missing_course[-1]) == (0, 1)
    assert y.course == sorted(y.course)
    assert (kind.course[0], kind.course[-1]) == (1, 0)
    assert sum(made.profile.periods.rows) == 300
    assert "Rows over time" in made.page and "2024-01-01 00:00:00 to 2024-10-26 00:00:00" in made.page


def test_page_is_complete_escaped_and_loads_nothing(report):
    bad = "<script>alert(1)</script>&\"'"
    column = "a</title>&\"' onload=x"
    schema = {
        "target": {"name": "y", "classes": ["no", bad]},
        "identifiers": [{"name": "<img src=http://example.org/x>"}],
        "features": [{"name": f"{column} script>".replace("<", "("), "type": "category"}, {"name": "n", "type": "int"}],
    }
    table = pd.DataFrame(
        {
            "y": [0, 1] * 50,
            "<img src=http://example.org/x>": range(100),
            schema["features"][0]["name"]: [bad, "fine"] * 50,
            "n": range(100),
        }
    )

    page = report(table, schema).page

    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.addresses == []
    assert not {"script", "img", "link", "iframe"} & tags.seen
    assert re.search(r"Content-Security-Policy\" content=\"default-src 'none'", page)
    assert "&lt;script&gt;alert(1)" in page


def test_unreadable_cells_and_empty_columns_are_shown(report, matrix, contract):
    table = rows_like(matrix, contract).astype({"age": "str"})
    table.loc[:2, "age"] = "old"
    table["soil"] = None

    made = report(table)

    assert made.profile.columns["age"].unreadable == 3
    assert "unreadable cells in age" in made.page
    assert "more than half empty" in made.page and "no values" in made.page
