"""The file of golden rows: the bytes of its arrays, and nothing else that could be in it."""

import dataclasses
import json

import numpy as np
import pytest

from bundle import MalformedBundle
from bundle.golden_rows import ROWS, read_golden_rows


@pytest.fixture
def content(golden_rows):
    return golden_rows.to_bytes()


def test_arrays_are_read_as_they_were_written(golden_rows, content):
    found = read_golden_rows(content, features=5)

    assert found.booster == "gbtree"
    assert found.rows.shape == (ROWS, 5) and found.margins.shape == found.probabilities.shape == (ROWS,)
    assert found.to_bytes() == content
    for name in ("rows", "margins", "probabilities"):
        assert getattr(found, name).tobytes() == getattr(golden_rows, name).tobytes()


def test_kind_of_the_booster_is_kept(golden_rows):
    content = dataclasses.replace(golden_rows, booster="dart").to_bytes()

    assert read_golden_rows(content, features=5).booster == "dart"


def test_file_has_the_format_safetensors(golden_rows, content):
    """Length of the header, header in JSON, then arrays without a gap, from a multiple of eight bytes on."""
    length = int.from_bytes(content[:8], "little")
    header, body = json.loads(content[8 : 8 + length]), content[8 + length :]

    assert length % 8 == 0
    assert header.pop("__metadata__") == {"booster": "gbtree"}
    read = 0
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        assert start == read and entry["dtype"] == "F32"
        array = np.frombuffer(body[start:end], "<f4").reshape(entry["shape"])
        np.testing.assert_array_equal(array, getattr(golden_rows, name))
        read = end
    assert read == len(body)


@pytest.mark.parametrize("features", [0, 1, 4, 6, 50])
def test_other_number_of_features_is_refused(content, features):
    with pytest.raises(MalformedBundle, match=f"does not have the header of 10,000 rows with {features} features"):
        read_golden_rows(content, features=features)


def test_any_other_header_is_refused(content):
    length = 8 + int.from_bytes(content[:8], "little")
    for index in range(length):
        for bit in (1, 128):
            altered = bytearray(content[: length + 100])
            altered[index] ^= bit
            with pytest.raises(MalformedBundle, match="does not have the header"):
                read_golden_rows(bytes(altered), features=5)


@pytest.mark.parametrize("altered", [lambda file: file + b"\0", lambda file: file[:-1], lambda file: file[:-4]])
def test_other_size_is_refused(content, altered):
    with pytest.raises(MalformedBundle, match="its header is of another size"):
        read_golden_rows(altered(content), features=5)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff" * 100, b"\x80\x04]."])
def test_other_files_are_refused(content):
    with pytest.raises(MalformedBundle, match="does not have the header"):
        read_golden_rows(content, features=5)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rows", np.inf, "infinite value"),
        ("rows", -np.inf, "infinite value"),
        ("margins", np.nan, "margin that is not a number"),
        ("margins", np.inf, "margin that is not a number"),
        ("probabilities", np.nan, "not between 0 and 1"),
        ("probabilities", -0.001, "not between 0 and 1"),
        ("probabilities", 1.001, "not between 0 and 1"),
    ],
)
def test_impossible_values_are_refused(golden_rows, name, value, message):
    array = getattr(golden_rows, name).copy()
    array[-1] = value
    content = dataclasses.replace(golden_rows, **{name: array}).to_bytes()

    with pytest.raises(MalformedBundle, match=message):
        read_golden_rows(content, features=5)
