import json

import pytest

from services.api.errors import MalformedBody
from services.api.prediction.inference.request import RequestParser, request_schemas
from tests.services.api.prediction.inference.tensors import body, tensor


@pytest.fixture
def parse():
    return RequestParser(features=3).parse


def test_data_in_json_are_kept_as_text(parse):
    request = parse(*body(tensor("a", "INT8", [1, 2]), id="42"))

    (found,) = request.inputs
    assert (found.name, found.datatype, found.shape, found.size) == ("a", "INT8", (2,), 2)
    assert json.loads(found.data) == [1, 2] and not found.is_binary
    assert request.id == "42" and request.outputs == [] and not request.has_binary_outputs


def test_bytes_behind_the_json_belong_to_the_tensors_in_their_order(parse):
    request = parse(*body(tensor("a", "INT8", [1, 2]), tensor("b", "FP32", [0.5]), binary=True))

    assert [bytes(one.data) for one in request.inputs] == [b"\x01\x02", b"\x00\x00\x00\x3f"]
    assert all(one.is_binary for one in request.inputs)


def test_json_and_binary_tensors_may_be_mixed(parse):
    parameters = {"binary_data_size": 1}
    inputs = [tensor("a", "INT8", [3]), {"name": "b", "datatype": "INT8", "shape": [1], "parameters": parameters}]
    text = json.dumps({"inputs": inputs}).encode()

    a, b = parse(text + b"\x04", len(text)).inputs

    assert (a.is_binary, b.is_binary, bytes(b.data)) == (False, True, b"\x04")


def test_members_that_the_protocol_does_not_name_are_ignored(parse):
    members = {"model_name": "orchard", "parameters": {"priority": 1, "binary_data_output": True}}

    assert parse(*body(tensor("a", "INT8", [1], tags=["x"]), **members)).has_binary_outputs


def described(**changes):
    return json.dumps({"inputs": [tensor("a", "INT8", [1]) | changes]}).encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"\xff", "Invalid JSON"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "missing required field `inputs`"),
        (b'{"inputs":[]}', "of length >= 1"),
        (b'{"inputs":{}}', "Expected `array`"),
        (b'{"inputs":[1]}', "Expected `object`, got `int` - at `$.inputs[0]`"),
        (described(shape=[]), "of length >= 1 - at `$.inputs[0].shape`"),
        (described(shape=[-1]), "Expected `int` >= 0 - at `$.inputs[0].shape[0]`"),
        (described(shape=[1.5]), "Expected `int`, got `float`"),
        (described(shape=["1"]), "Expected `int`, got `str`"),
        (described(shape=[2**100]), "Expected `int` <="),
        (described(shape=[1, 1, 1]), "of length <= 2"),
        (described(name=None), "Expected `str`, got `null`"),
        (described(name="a" * 201), "of length <= 200"),
        (described(datatype=8), "Expected `str`, got `int`"),
        (described(data=None), "send either data or the parameter binary_data_size"),
        (described(parameters={"binary_data_size": 0}), "send either data or the parameter binary_data_size"),
        (described(parameters={"binary_data_size": -1}), "Expected `int` >= 0"),
        (described(parameters={"shared_memory_region": "x"}), "shared memory is not supported"),
        (json.dumps({"inputs": [tensor("a", "INT8", [1])] * 4}).encode(), "4 tensors; this model has 3 features"),
        (json.dumps({"inputs": [tensor("a", "INT8", [1])], "id": 1}).encode(), "Expected `str | null`, got `int`"),
        (json.dumps({"inputs": [tensor("a", "INT8", [1])], "id": "x" * 1001}).encode(), "of length <= 1000"),
        (json.dumps({"inputs": [tensor("a", "INT8", [1])], "outputs": {}}).encode(), "Expected `array | null`"),
        (b'{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[NaN]}]}', "send a missing number as null"),
        (b'{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[-Infinity]}]}', "JSON has no NaN"),
        (b'{"x":' + b"[" * 1200, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_what_is_wrong_is_said(parse, text, expected):
    with pytest.raises(MalformedBody) as caught:
        parse(text, None)

    assert expected in str(caught.value)
    assert len(str(caught.value)) < 500


def binary_body(size, data):
    inputs = [{"name": "a", "datatype": "INT8", "shape": [2], "parameters": {"binary_data_size": size}}]
    text = json.dumps({"inputs": inputs}).encode()
    return text + data, len(text)


@pytest.mark.parametrize(
    ("size", "data", "expected"),
    [
        (3, b"12", "binary_data_size is 3, but only 2 bytes follow"),
        (2**60, b"12", "only 2 bytes follow"),
        (1, b"12", "1 bytes follow the last binary tensor"),
        (0, b"12", "2 bytes follow the last binary tensor"),
    ],
)
def test_binary_data_must_fill_the_body(parse, size, data, expected):
    with pytest.raises(MalformedBody, match=expected):
        parse(*binary_body(size, data))


def test_json_is_within_the_body(parse):
    text, _ = body(tensor("a", "INT8", [1]))

    with pytest.raises(MalformedBody, match=f"is {len(text) + 1}, but the body has {len(text)} bytes"):
        parse(text, len(text) + 1)


def test_json_ends_where_the_header_says(parse):
    text, length = binary_body(2, b"12")

    with pytest.raises(MalformedBody, match="Invalid JSON"):
        parse(text, length - 1)


def test_schemas_are_those_of_the_parser():
    schemas = request_schemas()

    assert schemas["InferRequest"]["required"] == ["inputs"]
    assert schemas["InferInput"]["properties"]["shape"]["maxItems"] == 2
