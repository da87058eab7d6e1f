import re
from pathlib import Path

import pytest

from pipelines.config.schema import SCHEMA_FILE, load_schema
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
        ("[bare, bearing]", "[bare, bare]", "two classes are named bare"),
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


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("{name: bears, classes: [a, b, c]}", "type binary has two classes, not 3; for more, write type: multiclass"),
        ("{name: bears}", "type binary has two classes, not 0"),
        ("{name: bears, type: multiclass, classes: [a, b]}", "at least three classes, not 2"),
        ("{name: bears, type: ranking, classes: [a, b]}", r"target\.type"),
        ("{name: bears, type: regression, classes: [a, b]}", "no classes and no values"),
        ("{name: bears, classes: [a, b], unit: kg}", "only a target of type regression can have unit"),
        ("{name: bears, classes: [a, b], maximum: 1}", "only a target of type regression can have maximum"),
        ("{name: bears, type: regression, minimum: 2, maximum: 1}", "minimum 2 is above maximum 1"),
        ("{name: bears, classes: [a, b], values: [1]}", "one value for each of the 2 classes"),
        ("{name: bears, classes: [a, b], values: [1, 1]}", "all different"),
        ("{name: bears, classes: [a, b], values: [1, x]}", "all texts or all numbers"),
        ("{name: bears, classes: [a, b], values: [no, yes]}", r"target\.values\.0.*write False in quotes"),
    ],
)
def test_wrong_target_is_reported(project, target, message):
    path = Path("pipelines/schema.yaml")
    path.write_text(re.sub(r"target: \{.*?\}", f"target: {target}", path.read_text()))

    with pytest.raises(InvalidParams, match=message):
        load_schema()


def test_values_may_be_texts_that_look_like_switches(project):
    path = Path("pipelines/schema.yaml")
    path.write_text(path.read_text().replace("[bare, bearing]", "[bare, bearing], values: ['no', 'yes']"))

    target = load_schema().target

    assert (target.values, target.is_text) == (("no", "yes"), True)


def test_time_may_be_left_out(project):
    path = Path("pipelines/schema.yaml")
    path.write_text(path.read_text().replace("time: {name: seen}", ""))

    schema = load_schema()

    assert schema.time is None
    assert schema.columns == ["tag", "bears", "height", "age", "grafted", "kind", "soil"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text.replace("type: bool", "type: bool, optional: true"),
            "only a nullable column can be optional",
        ),
        (lambda text: text + "ignored: [{name: age, type: int}]\n", "duplicate columns: age"),
        (lambda text: text + "ignored: [{name: espalier_row_hash, type: int}]\n", "reserved"),
    ],
)
def test_impossible_optional_or_ignored_column_is_refused(project, change, message):
    SCHEMA_FILE.write_text(change(SCHEMA_FILE.read_text()))

    with pytest.raises(InvalidParams, match=message):
        load_schema()


def test_schema_of_optional_columns_only_is_refused(project):
    SCHEMA_FILE.write_text(
        "target: {name: bears, classes: [bare, bearing]}\n"
        "features: [{name: height, type: float, nullable: true, optional: true}]\n"
    )

    with pytest.raises(InvalidParams, match="every feature is optional"):
        load_schema()
