"""Whatever the decoder accepts, the reader that explains refusals accepts too, with the same numbers."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundle import Contract, Feature
from evaluation.encoding import encode
from services.api.errors import InvalidRequest
from services.api.prediction.row_decoder import RowDecoder
from services.api.prediction.validation import RowReader

MAX_ROWS = 3

VALID = st.fixed_dictionaries(
    {
        "height": st.none() | st.floats(0, 50) | st.integers(0, 50),
        "age": st.integers(0, 300) | st.integers(0, 300).map(float),
        "grafted": st.booleans(),
        "kind": st.sampled_from(["apple", "pear", "plum"]),
        "soil": st.none() | st.text(min_size=1, max_size=200).filter(lambda text: ":" not in text),
    }
)
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just([1])
NEARLY_VALID = st.builds(
    lambda row, changes: {**row, **changes},
    VALID,
    st.dictionaries(st.sampled_from(["height", "age", "grafted", "kind", "soil", "size"]), ANYTHING, max_size=2),
)
CHECKED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def body(rows):
    return json.dumps({"rows": rows}).encode()


@pytest.fixture(scope="module")
def decoder(contract):
    return RowDecoder(contract, max_rows=MAX_ROWS)


@pytest.fixture(scope="module")
def reader(contract):
    return RowReader(contract, max_rows=MAX_ROWS)


def slowly(reader, contract, text):
    try:
        return encode(reader.read(text), contract)
    except InvalidRequest:
        return None


def test_valid_rows_are_decoded_to_the_same_numbers(decoder, reader, contract):
    @CHECKED
    @given(st.lists(VALID, min_size=1, max_size=MAX_ROWS))
    def check(rows):
        np.testing.assert_array_equal(decoder.decode(body(rows)), encode(reader.read(body(rows)), contract))

    check()


def test_nothing_is_accepted_that_the_reader_refuses(decoder, reader, contract):
    @CHECKED
    @given(st.lists(NEARLY_VALID, max_size=MAX_ROWS + 1))
    def check(rows):
        found = decoder.decode(body(rows))
        if found is not None:
            np.testing.assert_array_equal(found, slowly(reader, contract, body(rows)))

    check()


def test_damaged_bodies_are_treated_as_by_the_reader(decoder, reader, contract):
    whole = body([dict(contract.example)])

    @CHECKED
    @given(st.integers(0, len(whole) - 1), st.binary(max_size=3), st.integers(0, 3))
    def check(start, put, dropped):
        damaged = whole[:start] + put + whole[start + dropped :]
        found = decoder.decode(damaged)
        if found is not None:
            np.testing.assert_array_equal(found, slowly(reader, contract, damaged))

    check()


@pytest.mark.parametrize(
    "text",
    [
        '{"rows": [{"height": 1, "height": 2, "age": 1, "grafted": true, "kind": "pear", "soil": null}]}',
        '{"rows": [], "rows": [{"height": 1, "age": 1, "grafted": true, "kind": "pear", "soil": null}]}',
        '{"rows": [{"height": 1, "age": 1.5, "grafted": true, "kind": "pear", "soil": null}]}',
        '{"rows": [{"height": 1, "age": 2.6e-42, "grafted": true, "kind": "pear", "soil": null}]}',
        '{"rows": [{"height": 1, "age": 12.0000000001, "grafted": true, "kind": "pear", "soil": null}]}',
        '{"rows": [{"height": 1, "age": 1, "grafted": true, "kind": "pear", "soil": ""}]}',
        '{"rows": [{"height": 1, "age": 1, "grafted": true, "kind": "pear"}]}',
        '{"rows": [' + "[" * 10_000 + "]}",
        '{"rows": []}',
        "[]",
        "",
    ],
)
def test_refused(decoder, text):
    assert decoder.decode(text.encode()) is None


@pytest.mark.parametrize("soil", ["moon", "soil", "nan", "\0"])
def test_unknown_category_is_missing(decoder, contract, soil):
    assert np.isnan(decoder.decode(body([{**contract.example, "soil": soil}]))[0, 4])


def decoded_with(names):
    contract = Contract(
        model_name="t",
        features=tuple(Feature(name=name, type="float") for name in names),
        target={"name": "t", "classes": ("no", "yes"), "threshold": 0.5},
        example=dict.fromkeys(names, 1.0),
    )
    text = json.dumps({"rows": [dict.fromkeys(names, 2.5)]}, ensure_ascii=False).encode()
    return RowDecoder(contract, max_rows=1).decode(text)


def test_names_of_features_may_be_any_text():
    assert decoded_with(["0", "class", "a:b", "ä"]).tolist() == [[2.5] * 4]


@pytest.mark.parametrize("name", ['quote"d', "back\\slash", "line\nbreak"])
def test_names_that_it_cannot_decode_are_left_to_the_reader(name):
    assert decoded_with([name, "b"]) is None
