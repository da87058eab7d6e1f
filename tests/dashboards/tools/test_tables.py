from dashboards.tools.prometheus import Series
from dashboards.tools.tables import table


def series(value, **labels):
    return Series("", labels, [(0, value)])


def test_one_query_gives_a_row_a_series():
    rows = table({}, {"A": [series(1.0, pod="a"), series(2.0, pod="b")]})

    assert rows == [{"pod": "a", "Value": 1}, {"pod": "b", "Value": 2}]


def test_several_are_joined_by_a_label_sorted_and_renamed():
    panel = {
        "transformations": [
            {"id": "joinByField", "options": {"byField": "bin", "mode": "outer"}},
            {
                "id": "convertFieldType",
                "options": {"conversions": [{"targetField": "low", "destinationType": "number"}]},
            },
            {"id": "sortBy", "options": {"sort": [{"field": "low"}]}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"low": True},
                    "indexByName": {"bin": 0, "Value #A": 1, "Value #B": 2},
                    "renameByName": {"Value #A": "reference", "Value #B": "live"},
                },
            },
        ]
    }
    reference = [
        series(0.3, bin="1000 and above", low="1000"),
        series(0.2, bin="below 50", low="-1e9"),
        series(0.4, bin="50 to 1000", low="50"),
        series(0.1, bin="missing"),
    ]

    rows = table(panel, {"A": reference, "B": [series(0.6, bin="below 50")]})

    assert [row["bin"] for row in rows] == ["below 50", "50 to 1000", "1000 and above", "missing"]
    assert rows[0] == {"bin": "below 50", "reference": 0.2, "live": 0.6}
    assert rows[1]["live"] is None


def test_largest_first_and_what_has_no_number_last():
    panel = {"transformations": [{"id": "sortBy", "options": {"sort": [{"field": "Value", "desc": True}]}}]}
    rows = table(panel, {"A": [series(1.0, x="a"), series(float("nan"), x="b"), series(3.0, x="c")]})

    assert [row["x"] for row in rows] == ["c", "a", "b"]


def test_a_column_that_is_not_there_orders_nothing():
    panel = {"transformations": [{"id": "sortBy", "options": {"sort": [{"field": "low"}]}}]}
    rows = table(panel, {"A": [series(2.0, x="b"), series(1.0, x="a")]})

    assert [row["x"] for row in rows] == ["b", "a"]


def test_what_is_left_out_is_not_shown():
    panel = {"transformations": [{"id": "organize", "options": {"excludeByName": {"y": True, "Value": True}}}]}

    assert table(panel, {"A": [series(1.0, x="a", y="b")]}) == [{"x": "a"}]
