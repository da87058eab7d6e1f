import pandas as pd
import pytest

from espalier.cli.output import CommandFailed
from espalier.cli.predicted import open_writer

FIRST, SECOND = [{"tag": "a, b", "probability": 0.25}], [{"tag": "c", "probability": 0.5}]


def read_lines(path):
    return pd.read_json(path, lines=True)


READERS = [("out.csv", pd.read_csv), ("out.parquet", pd.read_parquet), ("out.jsonl", read_lines)]


@pytest.mark.parametrize(("name", "read"), READERS)
def test_batches_are_one_table(tmp_path, name, read):
    with open_writer(tmp_path / name) as writer:
        writer.write(FIRST)
        writer.write(SECOND)

    assert read(tmp_path / name).to_dict("records") == [*FIRST, *SECOND]


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.jsonl"])
def test_failure_keeps_the_existing_output(tmp_path, name):
    (tmp_path / name).write_text("before")

    with pytest.raises(ZeroDivisionError), open_writer(tmp_path / name) as writer:
        writer.write(FIRST)
        raise ZeroDivisionError

    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "before"


@pytest.mark.parametrize(("name", "stderr"), [("out.xlsx", "parquet or .jsonl"), ("nowhere/out.csv", "cannot write")])
def test_invalid_output_is_reported(tmp_path, name, stderr):
    with pytest.raises(CommandFailed, match=stderr), open_writer(tmp_path / name):
        pass
