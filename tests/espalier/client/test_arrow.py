import json

import pyarrow as pa
import pytest

from espalier.client import UnexpectedAnswer
from espalier.client.arrow import read_stream, write_stream

MODEL = {"name": "orchard", "version": "7", "run_id": "r", "git_commit": "g", "data_md5": "d", "of_later": 1}
METADATA = {"model": json.dumps(MODEL), "feedback_token": "f", "request_id": "i"}


def stream(columns, metadata):
    table = pa.table(columns).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("encode", [lambda column: column, lambda column: column.dictionary_encode()])
def test_predictions_are_read(encode):
    labels = encode(pa.array(["bare", "bearing", "bare"]))

    found = read_stream(stream({"label": labels, "probability": pa.array([0.25, 0.75, 0.5], pa.float32())}, METADATA))

    assert found.columns == {"label": ["bare", "bearing", "bare"], "probability": [0.25, 0.75, 0.5]}
    assert found.rows == 3
    assert (found.model.version, found.feedback_token, found.request_id) == ("7", "f", "i")


@pytest.mark.parametrize(
    "content",
    [
        b"<html>",
        b"",
        stream({"label": ["bare"]}, METADATA),
        stream({"label": ["bare"], "probability": [0.5]}, {"model": "{"}),
        stream({"label": ["bare"], "probability": [0.5]}, None),
    ],
    ids=["page", "nothing", "no probability", "broken model", "no metadata"],
)
def test_other_content_is_reported(content):
    with pytest.raises(UnexpectedAnswer, match="not an Arrow stream of predictions"):
        read_stream(content)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array(["a"], pa.large_string()), pa.string()),
        (pa.array(["a"], pa.string_view()), pa.string()),
        (pa.array(["a"]).dictionary_encode(), pa.dictionary(pa.int32(), pa.string())),
        (pa.array(["a"], pa.large_string()).dictionary_encode(), pa.dictionary(pa.int32(), pa.string())),
        (pa.array([3]).dictionary_encode(), pa.int64()),
        (pa.array([1.5], pa.float32()), pa.float32()),
        (pa.array([1.5], pa.float16()), pa.float32()),
        (pa.array([3], pa.uint8()), pa.uint8()),
        (pa.array([True]), pa.bool_()),
    ],
    ids=lambda value: str(getattr(value, "type", value)),
)
def test_types_become_those_of_the_contract(column, kind):
    table = pa.ipc.open_stream(write_stream(pa.table({"x": column}))).read_all()

    assert table.schema.field("x").type == kind
    assert table.column("x").to_pylist() == column.to_pylist()


def test_rows_are_one_batch_without_the_metadata_of_a_library():
    parts = [pa.array(["a", "b"]).dictionary_encode(), pa.array(["c"]).dictionary_encode()]
    table = pa.table({"x": pa.chunked_array(parts), "y": [1.5, float("nan"), None]}).replace_schema_metadata({"p": "q"})

    batches = list(pa.ipc.open_stream(write_stream(table)))

    assert [batch.num_rows for batch in batches] == [3]
    assert batches[0].to_pydict() == {"x": ["a", "b", "c"], "y": [1.5, None, None]}
    assert not batches[0].schema.metadata
