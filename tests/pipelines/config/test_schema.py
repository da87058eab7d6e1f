from pathlib import Path

import pytest

from pipelines.config.schema import load_schema
from pipelines.errors import InvalidParams


def test_features_keep_their_order(schema):
    assert schema.feature_names == ["height", "age", "grafted", "kind", "soil"]
    assert schema.columns[:3] == ["seen", "tag", "bears"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: age", "name: height", "duplicate columns: height"),
        ("type: bool", "type: bool, minimum: 0", "have a range"),
        ("type: int,", "type: int, categories: [a],", "only type category"),
        ("type: bool", "type: text", r"features\.2\.type"),
        ("name: height", "name: 'height [m]'", r"features\.0\.name"),
        ("name: height", "name: " + "h" * 101, r"features\.0\.name"),
        ("name: height", "name: espalier_row_hash", "a column that prepare adds"),
        ("minimum: 0, maximum: 50", "minimum: 60, maximum: 50", "minimum 60 is above maximum 50"),
        ("maximum: 50", "maximum: .inf", r"features\.0\.maximum"),
        ("apple, pear", "apple, apple", "kind: duplicate categories: apple"),
        ("apple, pear", "apple, " + "p" * 201, r"features\.3\.categories\.1"),
        ("[apple, pear, plum, quince]", "[]", r"features\.3\.categories"),
        ("[bare, bearing]", "[bare, bare]", "both classes are named bare"),
        (
            "time: {name: seen}",
            "time: {name: seen, timezone: Mars/Olympus}",
            "seen: unknown time zone Mars/Olympus",
        ),
        ("time: {name: seen}", "time: {name: seen, timezone: ../x}", "seen: unknown time zone"),
    ],
)
def test_wrong_schema_names_file_and_column(project, old, new, message):
    path = Path("pipelines/schema.yaml")
    path.write_text(path.read_text().replace(old, new))

    with pytest.raises(InvalidParams, match=message):
        load_schema()
