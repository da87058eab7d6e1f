import random

import numpy as np
import pytest

from services.api.prediction.columnar.flatbuffers import (
    BOOL,
    INT16,
    INT32,
    INT64,
    UINT8,
    Malformed,
    Number,
    Structs,
    Table,
    write,
)

WRITTEN = {
    0: Number(INT16, -5),
    1: Number(BOOL, True),
    2: "täxt",
    3: {1: Number(INT64, 2**40)},
    4: [{0: "a"}, {0: "b"}, {}],
    5: Structs(np.array([[1, 2], [3, -4]])),
    7: Number(UINT8, 200),
}


def test_what_is_written_is_read():
    table = Table.root(write(WRITTEN))

    assert (table.number(0, INT16), table.number(1, BOOL), table.number(7, UINT8)) == (-5, True, 200)
    assert table.text(2, max_bytes=100) == "täxt"
    assert table.table(3).number(1, INT64) == 2**40
    assert [item.text(0, max_bytes=9) for item in table.tables(4, at_most=9)] == ["a", "b", ""]
    assert table.integers(5, 2, at_most=2) == [(1, 2), (3, -4)]


def test_absent_members_have_defaults():
    table = Table.root(write(WRITTEN))

    for slot in (6, 8, 1000):
        assert table.number(slot, INT32, 7) == 7
        assert table.table(slot) is None
        assert table.text(slot, max_bytes=9) == ""
        assert table.tables(slot, at_most=9) == []
        assert table.integers(slot, 1, at_most=9) == []


def test_limits_of_the_reader():
    table = Table.root(write(WRITTEN))

    assert table.text(2, max_bytes=1) == "t"
    assert len(table.tables(4, at_most=2)) == 2
    with pytest.raises(Malformed):
        table.integers(5, 2, at_most=1)


def test_numbers_are_aligned():
    """Arrow's C++ refuses metadata whose numbers are not."""
    data = write({0: Number(UINT8, 1), 1: Number(INT64, 2), 2: Structs(np.array([[3]]))})

    assert len(data) % 8 == 0
    assert data.index((2).to_bytes(8, "little")) % 8 == 0
    assert data.index((3).to_bytes(8, "little")) % 8 == 0


def read_everything(data):
    table = Table.root(data)
    table.number(0, INT16), table.number(1, BOOL), table.text(2, max_bytes=100)
    inner = table.table(3)
    if inner is not None:
        inner.number(1, INT64)
    [item.text(0, max_bytes=9) for item in table.tables(4, at_most=100)]
    table.integers(5, 2, at_most=100)


def test_damaged_buffers_are_malformed_or_read():
    whole, rng, refused = write(WRITTEN), random.Random(1), 0  # noqa: S311
    for _ in range(20_000):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 2, 4])):
            data[rng.randrange(len(data))] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
        try:
            read_everything(bytes(data[: rng.choice([len(data), rng.randrange(len(data))])]))
        except Malformed:
            refused += 1
    assert refused > 5_000


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff" * 4, b"\xff" * 64, b"\x04\0\0\0\x10\0\0\0"])
def test_places_outside_are_malformed(data):
    with pytest.raises(Malformed):
        Table.root(data)
