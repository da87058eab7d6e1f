"""The file of golden rows: the bytes of its arrays, and nothing else that could be in it."""

import dataclasses
import json

import numpy as np
import pytest

from bundle import MalformedBundle, Target
from bundle.golden_rows import ROWS, GoldenRows, read_golden_rows

BINARY = Target(name="ripe", classes=("no", "yes"), threshold=0.5)
CLASSES = Target(type="multiclass", name="kind", classes=("apple", "pear", "plum"))
FOUR = Target(type="multiclass", name="kind", classes=("apple", "pear", "plum", "quince"))
VALUE = Target(type="regression", name="weight")
INTERVAL = Target(type="regression", name="weight", interval=0.8)


@pytest.fixture
def content(golden_rows):
    return golden_rows.to_bytes()


def test_arrays_are_read_as_they_were_written(golden_rows, content):
    found = read_golden_rows(content, features=5, target=BINARY)

    assert found.booster == "gbtree"
    assert found.rows.shape == (ROWS, 5) and found.margins.shape == found.predictions.shape == (ROWS,)
    assert found.to_bytes() == content
    for name in ("rows", "margins", "predictions"):
        assert getattr(found, name).tobytes() == getattr(golden_rows, name).tobytes()


def test_kind_of_the_booster_is_kept(golden_rows):
    content = dataclasses.replace(golden_rows, booster="dart").to_bytes()

    assert read_golden_rows(content, features=5, target=BINARY).booster == "dart"


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
    with pytest.raises(
        MalformedBundle, match=f"does not have the header of 10,000 rows with {features} features and 1 output"
    ):
        read_golden_rows(content, features=features, target=BINARY)


def test_any_other_header_is_refused(content):
    length = 8 + int.from_bytes(content[:8], "little")
    for index in range(length):
        for bit in (1, 128):
            altered = bytearray(content[: length + 100])
            altered[index] ^= bit
            with pytest.raises(MalformedBundle, match="does not have the header"):
                read_golden_rows(bytes(altered), features=5, target=BINARY)


@pytest.mark.parametrize("altered", [lambda file: file + b"\0", lambda file: file[:-1], lambda file: file[:-4]])
def test_other_size_is_refused(content, altered):
    with pytest.raises(MalformedBundle, match="its header is of another size"):
        read_golden_rows(altered(content), features=5, target=BINARY)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff" * 100, b"\x80\x04]."])
def test_other_files_are_refused(content):
    with pytest.raises(MalformedBundle, match="does not have the header"):
        read_golden_rows(content, features=5, target=BINARY)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rows", np.inf, "infinite value"),
        ("rows", -np.inf, "infinite value"),
        ("margins", np.nan, "margin that is not a number"),
        ("margins", np.inf, "margin that is not a number"),
        ("predictions", np.nan, "not between 0 and 1"),
        ("predictions", -0.001, "not between 0 and 1"),
        ("predictions", 1.001, "not between 0 and 1"),
    ],
)
def test_impossible_values_are_refused(golden_rows, name, value, message):
    array = getattr(golden_rows, name).copy()
    array[-1] = value
    content = dataclasses.replace(golden_rows, **{name: array}).to_bytes()

    with pytest.raises(MalformedBundle, match=message):
        read_golden_rows(content, features=5, target=BINARY)


def make(target):
    """Golden rows with two features and possible numbers for a target."""
    shape = (ROWS,) if target.outputs == 1 else (ROWS, target.outputs)
    predictions = np.full(shape, 1 / target.outputs, dtype=np.float32)
    return GoldenRows("gbtree", np.zeros((ROWS, 2), np.float32), np.ones(shape, np.float32), predictions)


@pytest.mark.parametrize("target", [CLASSES, VALUE, INTERVAL], ids=["classes", "value", "interval"])
def test_every_type_of_target_has_its_number_of_outputs(target):
    written = make(target)
    other = FOUR if target.outputs == 3 else CLASSES

    found = read_golden_rows(written.to_bytes(), features=2, target=target)

    assert found.predictions.shape == written.predictions.shape
    assert found.to_bytes() == written.to_bytes()
    with pytest.raises(MalformedBundle, match=f"2 features and {other.outputs} output"):
        read_golden_rows(written.to_bytes(), features=2, target=other)


def test_file_from_before_there_were_other_targets_is_read(golden_rows, content):
    """The last array had another name, of the same place and shape."""
    old = content.replace(b'"predictions"', b'"probabilities"', 1)
    length = int.from_bytes(old[:8], "little")
    text = old[8 : old.index(b"}}") + 2]
    text += b" " * (-len(text) % 8)
    old = len(text).to_bytes(8, "little") + text + content[8 + length :]

    found = read_golden_rows(old, features=5, target=BINARY)

    assert found.predictions.tobytes() == golden_rows.predictions.tobytes()


def test_value_of_a_regression_may_be_any_number():
    golden = make(VALUE)
    golden.predictions[0] = -1e9

    assert read_golden_rows(golden.to_bytes(), features=2, target=VALUE).predictions[0] == np.float32(-1e9)
    golden.predictions[0] = np.inf
    with pytest.raises(MalformedBundle, match="prediction that is not a number"):
        read_golden_rows(golden.to_bytes(), features=2, target=VALUE)


def test_probabilities_of_classes_add_up_to_one():
    golden = make(CLASSES)
    golden.predictions[-1] = (0.5, 0.3, 0.1)

    with pytest.raises(MalformedBundle, match="do not add up to 1"):
        read_golden_rows(golden.to_bytes(), features=2, target=CLASSES)
