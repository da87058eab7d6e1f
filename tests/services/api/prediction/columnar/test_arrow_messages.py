import numpy as np
import pyarrow as pa
import pytest

from services.api.prediction.columnar.arrow_messages import (
    DICTIONARY,
    END,
    MAX_MESSAGES,
    PREFIX,
    RECORDS,
    SCHEMA,
    split,
    write_message,
)
from services.api.prediction.columnar.flatbuffers import INT16, INT64, UINT8, Malformed, Number, write
from tests.services.api.prediction.columnar.arrow import stream

TABLE = pa.table({"a": [1, 2, 3], "b": pa.array(["x", "y", "x"]).dictionary_encode()})
CONTENT = stream(TABLE)


def kinds(content):
    return [message.kind for message in split(memoryview(content))]


def test_messages_of_a_stream():
    assert kinds(CONTENT) == [SCHEMA, DICTIONARY, RECORDS]
    assert kinds(stream(TABLE, batch_rows=1)) == [SCHEMA, DICTIONARY, RECORDS, RECORDS, RECORDS]


def test_mark_of_the_end_may_be_missing():
    assert CONTENT.endswith(END)
    assert kinds(CONTENT[: -len(END)]) == kinds(CONTENT)


def test_stream_may_end_only_between_messages():
    boundaries = {len(CONTENT), len(CONTENT) - len(END), 0}
    place = 0
    for message in split(memoryview(CONTENT)):
        place += PREFIX.size + len(message.metadata) + len(message.body)
        boundaries.add(place)
    for length in range(len(CONTENT)):
        if length not in boundaries:
            with pytest.raises(Malformed):
                kinds(CONTENT[:length])


def test_bytes_behind_the_end_are_refused():
    with pytest.raises(Malformed, match="follow its end"):
        kinds(CONTENT + CONTENT)


def test_file_is_named():
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)

    with pytest.raises(Malformed, match="Feather"):
        kinds(bytes(sink.getvalue()))


def test_old_form_without_continuation_is_refused():
    with pytest.raises(Malformed, match="does not begin"):
        kinds(stream(TABLE, use_legacy_format=True))


def test_number_of_messages_is_limited():
    content = write_message(RECORDS, {})

    assert len(kinds(content * (MAX_MESSAGES - 1))) == MAX_MESSAGES - 1
    with pytest.raises(Malformed, match="fewer and larger"):
        kinds(content * (MAX_MESSAGES + 1))


@pytest.mark.parametrize("length", [-1, 2**31 - 1, -(2**31), 1])
def test_wrong_lengths_of_metadata(length):
    with pytest.raises(Malformed):
        kinds(PREFIX.pack(0xFFFFFFFF, length) + CONTENT[PREFIX.size :])


@pytest.mark.parametrize("size", [-1, 9, 2**62])
def test_wrong_lengths_of_a_body(size):
    metadata = write({0: Number(INT16, 4), 1: Number(UINT8, RECORDS), 2: {}, 3: Number(INT64, size)})

    with pytest.raises(Malformed):
        kinds(PREFIX.pack(0xFFFFFFFF, len(metadata)) + metadata + bytes(8))


@pytest.mark.parametrize("version", [0, 2, 5])
def test_other_versions_are_refused(version):
    metadata = write({0: Number(INT16, version), 1: Number(UINT8, RECORDS), 2: {}})

    with pytest.raises(Malformed, match="V4 or V5"):
        kinds(PREFIX.pack(0xFFFFFFFF, len(metadata)) + metadata)


def test_message_that_is_written_is_read():
    body = np.arange(4).tobytes()

    (message,) = split(memoryview(write_message(RECORDS, {0: Number(INT64, 4)}, body) + END))

    assert message.kind == RECORDS
    assert message.header.number(0, INT64) == 4
    assert bytes(message.body) == body
