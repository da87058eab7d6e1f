import io
import json
import sys
from pathlib import Path

import pytest

from espalier.cli.output import CommandFailed
from espalier.cli.tables.batch import Wanted
from espalier.cli.tables.json_rows import JsonSource

ROWS = [{"height": 3.5}, {"height": None}, {"height": 1}]


def read(path, **options):
    return [batch.rows for batch in JsonSource(path).batches(Wanted([], **options))]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps({"rows": ROWS}),
        json.dumps({"rows": ROWS}, indent=2),
        json.dumps(ROWS, indent=2),
        "\n".join(map(json.dumps, ROWS)),
        "\n\n".join(map(json.dumps, ROWS)) + "\n",
    ],
    ids=["list", "rows", "rows over lines", "list over lines", "lines", "lines with gaps"],
)
@pytest.mark.parametrize("stdin", [True, False])
def test_forms_are_told_apart(tmp_path, monkeypatch, text, stdin):
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    (tmp_path / "rows.json").write_text(text)

    assert read(Path("-") if stdin else tmp_path / "rows.json", size=2) == [ROWS[:2], ROWS[2:]]


def test_lines_are_read_as_they_are_needed(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"height": 1}\n{"height": 2}\nno JSON\n'))
    batches = JsonSource(Path("-")).batches(Wanted([], size=1))

    assert [next(batches).rows, next(batches).rows] == [[{"height": 1}], [{"height": 2}]]
    with pytest.raises(CommandFailed, match="cannot read -"):
        next(batches)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "cannot read"), ("{", "cannot read"), ("3", "expected a list of rows"), ('{\n"rows": 3}', "expected a list")],
)
def test_other_content_is_reported(tmp_path, text, reason):
    (tmp_path / "rows.json").write_text(text)

    with pytest.raises(CommandFailed, match=reason):
        read(tmp_path / "rows.json")


def test_copied_columns_are_not_sent_unless_they_are_features(tmp_path):
    (tmp_path / "rows.json").write_text(json.dumps([{"height": 1, "tag": "a"}, 3]))

    (batch,) = JsonSource(tmp_path / "rows.json").batches(Wanted([{"name": "height"}], ["tag", "height"]))

    assert batch.rows == [{"height": 1}, 3]
    assert batch.kept == [{"tag": "a", "height": 1}, {}]
