"""Tables in Markdown, and what limits their numbers."""

from dataclasses import replace

import pytest

from benchmarks.tables import (
    Table,
    cost_table,
    latency_tables,
    notes,
    peak_table,
    rows_text,
    to_markdown,
    version_table,
)


def test_peak_table(report):
    assert to_markdown(peak_table(report)).splitlines() == [
        "| server | 1 row | 100 rows |",
        "| --- | ---: | ---: |",
        "| Espalier | 100 (0.50) | 123 (0.10) |",
        "| bare Starlette | 1,000 (1.00) | 1,234 (1.00) |",
        "| XGBoost's call alone | 4,359 | - |",
    ]


def test_cost_table_has_a_dash_for_what_is_unknown(report):
    espalier, starlette = cost_table(report).rows

    assert espalier == ["Espalier", "0.50", "0.50", "100", "200", "3.0"]
    assert starlette[-2:] == ["-", "-"]


def test_latency_table_has_each_share(report):
    (table,) = latency_tables(report)

    assert table.columns == ["server", "at 25%", "at 50%", "at 75%", "at 90%"]
    assert table.rows == [
        ["Espalier", "-", "1.50 / 9.25", "-", "-"],
        ["bare Starlette", "-", "0.50 / -", "-", "-"],
    ]


def test_version_table(report):
    assert version_table(report).rows[1] == ["bare Starlette", "3.13.0", "xgboost-cpu 3.4.1, starlette 1.10.0"]


def test_notes_name_what_limits_the_numbers(report, make_closed):
    busy = make_closed("starlette", 1, "100", 1.0, load_cpu_share=0.95)
    changed = replace(report, results=replace(report.results, closed=(*report.results.closed, busy)))

    assert list(notes(changed)) == [
        "KServe ModelServer: not measured; the server exited with 1",
        "bare Starlette, 100 rows: 7 requests failed at the peak",
        "bare Starlette, 100 rows: the load program used 95% of its core, so the server may be faster",
        "bare Starlette, 1 row at 50%: 3 requests failed",
    ]


@pytest.mark.parametrize(
    ("scenario", "text"), [("1", "1 row"), ("1000", "1,000 rows"), ("1000-arrow", "1,000 rows, Arrow")]
)
def test_scenario_is_named_by_rows_and_form(scenario, text):
    assert rows_text(scenario) == text


def test_bar_in_a_cell_is_escaped():
    assert to_markdown(Table("", ["a"], [["x|y"]])).endswith("| x\\|y |")


@pytest.mark.parametrize(("value", "shown"), [(0.494, "0.49"), (12.34, "12.3"), (2007.4, "2,007")])
def test_numbers_have_three_digits_or_more(report, make_closed, value, shown):
    only = replace(report, results=replace(report.results, closed=(make_closed("espalier", 0, "1", value),)))

    assert peak_table(only).rows[0][1] == shown
