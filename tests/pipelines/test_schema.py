from pathlib import Path

import pytest

from pipelines.errors import InvalidParams
from pipelines.schema import load_schema


def test_features_keep_their_order(schema):
    assert schema.feature_names == ["height", "age", "grafted", "kind", "soil"]
    assert schema.columns[:3] == ["seen", "tag", "bears"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: age", "name: height", "named twice: height"),
        ("type: bool", "type: bool, minimum: 0", "have a range"),
        ("type: int,", "type: int, categories: [a],", "only a category"),
        ("type: bool", "type: text", r"features\.2\.type"),
        (
            "time: {name: seen}",
            "time: {name: seen, timezone: Mars/Olympus}",
            "seen: there is no time zone Mars/Olympus",
        ),
        ("time: {name: seen}", "time: {name: seen, timezone: ../x}", "seen: there is no time zone"),
    ],
)
def test_wrong_schema_names_file_and_column(project, old, new, said):
    path = Path("pipelines/schema.yaml")
    path.write_text(path.read_text().replace(old, new))

    with pytest.raises(InvalidParams, match=said):
        load_schema()
