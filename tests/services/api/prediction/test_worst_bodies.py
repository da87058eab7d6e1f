"""The most expensive bodies at the size limit, on every route with a body: their cost is bounded.

Time is not asserted, but what it depends on: how often a body is parsed, by whom, and how much of it.
"""

import json

import pytest

from services.api.prediction import validation
from services.api.prediction.json_size import find_end
from tests.services.api.prediction.inference.tensors import tensors_of

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

CASES = {
    ("post", "/v1/auth/token"): "form",
    ("post", "/v1/auth/refresh"): "form",
    ("post", "/v1/auth/logout"): "form",
    ("post", "/v1/auth/password"): "open json",
    ("post", "/v1/users"): "json",
    ("patch", "/v1/users/{name}"): "json",
    ("post", "/v1/users/me/password"): "json",
    ("post", "/v1/predict"): "rows",
    ("post", "/v1/feedback"): "rows",
    ("post", "/v2/models/{model_name}/infer"): "tensors",
    ("post", "/v2/models/{model_name}/versions/{model_version}/infer"): "tensors",
}
"""Every route with a body, and its kind. A new route needs a line here. Open: the caller is known by the body alone."""


def fill(begin, piece, end, size):
    """A text of at most this many bytes."""
    return begin + piece * ((size - len(begin) - len(end)) // len(piece)) + end


def names(size):
    """Members with different names."""
    found, taken = [], 0
    while taken < size:
        found.append(b'"%x":0' % len(found))
        taken += len(found[-1]) + 1
    return b",".join(found[:-1])


def json_shapes(begin, end, size):
    """Between a prefix and a suffix: many names, one name many times, deep nesting, many values, one long value."""
    inner = size - len(begin) - len(end)
    return {
        "names": begin + names(inner) + end,
        "one name": fill(begin + b'"a":0', b',"a":0', end, size),
        "objects": fill(begin + b'"a":[0', b',{"a":{}}', b"]" + end, size),
        "lists": fill(begin + b'"a":[0', b",[]", b"]" + end, size),
        "texts": fill(begin + b'"a":[0', b',""', b"]" + end, size),
        "numbers": fill(begin + b'"a":[0', b",0", b"]" + end, size),
        "deep": fill(begin + b'"a":', b"[", b"", size),
        "digits": fill(begin + b'"a":', b"1", end, size),
        "escapes": fill(begin + b'"a":"', b"\\n", b'"' + end, size),
        "blanks": fill(begin, b" ", end, size),
    }


def row_shapes(member, item, size):
    """Bodies with one list, and the expensive part inside an item, instead of the items, or next to the list."""
    begin, good = b'{"%s":[' % member.encode(), json.dumps(item).encode()[:-1]
    return {
        **{f"item: {name}": body for name, body in json_shapes(begin + good + b",", b"}]}", size).items()},
        **{f"only: {name}": body for name, body in json_shapes(begin + b"{", b"}]}", size).items()},
        **{f"beside: {name}": body for name, body in json_shapes(begin + good + b"}],", b"}", size).items()},
        "empty items": fill(begin + b"{}", b",{}", b"]}", size),
        "numbers for items": fill(begin + b"0", b",0", b"]}", size),
        "commas": b"," * size,
        "quotes": b'"' * size,
        "backslashes": fill(begin + b'"', b"\\", b"", size),
    }


@pytest.fixture
def parsed(monkeypatch):
    """Every text that is parsed as JSON, by any of the parsers that the API uses for requests."""
    texts = []

    def recording(parse):
        def call(text, *arguments, **options):
            texts.append(text if isinstance(text, bytes) else text.encode())
            return parse(text, *arguments, **options)

        return call

    monkeypatch.setattr(validation, "from_json", recording(validation.from_json))
    monkeypatch.setattr(json, "loads", recording(json.loads))
    return texts


def test_every_route_with_a_body_has_a_case(client):
    document = client.get("/openapi.json").json()

    found = {(method, path) for path, by in document["paths"].items() for method in by if "requestBody" in by[method]}

    assert found == set(CASES)


def routes(*kinds):
    return pytest.mark.parametrize(("method", "path"), [route for route, kind in CASES.items() if kind in kinds])


def send(client, route, body, headers, kind=JSON):
    method, path = route
    path = path.format(name="ana", model_name="orchard", model_version="7")
    return client.request(method, path, content=body, headers={**headers, "content-type": kind})


@routes("json", "rows", "tensors")
def test_body_of_an_unauthenticated_caller_is_not_read(client, bearer, sample, method, path):
    read = []

    def content():
        read.append(path)
        yield b"[" * 10_000

    response = send(client, (method, path), content(), {"Authorization": "Bearer nobody"})

    assert response.status_code == 401
    assert read == []
    assert sample("espalier_auth_failures_total", reason="invalid_token") == 1
    send(client, (method, path), content(), bearer())
    assert read == [path], "with a token it is read"


@routes("json", "open json", "form")
def test_body_without_rows_has_a_small_limit(client, bearer, parsed, settings, method, path):
    kind = FORM if CASES[method, path] == "form" else JSON

    response = send(client, (method, path), b"1" * (settings.small_body_bytes + 1), bearer(), kind)

    assert response.status_code == 413
    assert not any(len(text) > 10_000 for text in parsed)


@routes("json", "open json")
def test_most_expensive_small_json_is_parsed_once(client, bearer, account, parsed, settings, method, path):
    for name, body in json_shapes(b"{", b"}", settings.small_body_bytes).items():
        parsed.clear()
        response = send(client, (method, path), body, bearer())

        assert response.status_code in (400, 422), name
        assert parsed.count(body) == 1, name
        assert len(response.content) < 20_000, name


@routes("form")
def test_most_expensive_form_is_refused(client, settings, method, path):
    for piece in (b"a&", b"a=b&", b"username=a&", b"refresh_token=a&", b"%61=%62&", b"&", b"="):
        response = send(client, (method, path), fill(b"", piece, b"", settings.small_body_bytes), {}, FORM)

        assert response.status_code in (400, 401, 422), piece


@routes("rows")
def test_most_expensive_rows_are_parsed_once_and_not_beyond_the_limit(
    client, bearer, parsed, settings, row, method, path
):
    member, item = (
        ("rows", row) if path == "/v1/predict" else ("feedback", {"feedback_token": "AQ", "labels": ["bare"]})
    )
    services = client.app.state.services
    reader = services.reader if member == "rows" else services.feedback_reader
    for name, body in row_shapes(member, item, settings.max_body_bytes).items():
        parsed.clear()
        response = send(client, (method, path), body, bearer())

        assert response.status_code in (200, 400, 422), name
        mine = [text for text in parsed if text[:50] == body[:50]]
        assert len(mine) == 1, name
        assert find_end(mine[0], reader._max_tokens) is None, name
        assert len(response.content) < 20_000, name


@pytest.mark.parametrize("text", [":" * 200, '"' * 200, ",[{" * 66, "\\" * 200])
def test_largest_valid_body_is_accepted_with_any_texts(make_client, make_settings, bearer, row, parsed, text):
    client = make_client(make_settings())
    body = json.dumps({"rows": [{**row, "soil": text}] * 1000}).encode()

    response = send(client, ("post", "/v1/predict"), body, bearer())

    assert response.status_code == 200
    assert parsed.count(body) <= 2, "once for the values, and once for names that are there twice"


def tensor_shapes(others, size):
    """Inference requests with the expensive part in each place, among tensors of the other features."""
    many = b'{"name":"height","datatype":"FP32","shape":[1],"data":[1]}'
    data = b'{"inputs":[' + others + b',{"name":"height","datatype":"FP32","shape":[1],"data":'
    texts = b'{"inputs":[{"name":"kind","datatype":"BYTES","shape":[1],"data":'
    places = {
        "tensor": (data + b"[0],", b"}]}"),
        "parameters": (data + b'[0],"parameters":{', b"}}]}"),
        "request": (b"{", b"}"),
        "beside": (b'{"inputs":[' + many + b"],", b"}"),
    }
    return {
        **{f"{at}: {name}": body for at, ends in places.items() for name, body in json_shapes(*ends, size).items()},
        "numbers": fill(data + b"[0", b",0", b"]}]}", size),
        "nested": fill(data + b"[[0]", b",[0]", b"]}]}", size),
        "empty lists": fill(data + b"[[]", b",[]", b"]}]}", size),
        "deep data": fill(data, b"[", b"", size),
        "long number": fill(data + b"[1", b"0", b"]}]}", size),
        "long fraction": fill(data + b"[0.1", b"0", b"]}]}", size),
        "texts": fill(texts + b'[""', b',""', b"]}]}", size),
        "long text": fill(texts + b'["', b"\\u0061", b'"]}]}', size),
        "tensors": fill(b'{"inputs":[' + many, b"," + many, b"]}", size),
        "dimensions": fill(b'{"inputs":[{"shape":[1', b",1", b"]}]}", size),
        "outputs": fill(b'{"inputs":[' + many + b'],"outputs":[{"name":"label"}', b',{"name":"label"}', b"]}", size),
        "repeated inputs": fill(b'{"inputs":[' + many + b"]", b',"inputs":[' + many + b"]", b"}", size),
    }


class Recording:
    """A decoder that keeps what it is given."""

    def __init__(self, decoder, texts):
        self._decoder, self._texts = decoder, texts

    def decode(self, text):
        self._texts.append(bytes(text))
        return self._decoder.decode(text)


@routes("tensors")
def test_most_expensive_tensors_are_decoded_once_and_only_as_many_values_as_the_shape_has(
    client, bearer, row, parsed, settings, method, path
):
    reader, requests, values = client.app.state.inference.reader, [], []
    reader._parser._decoder = Recording(reader._parser._decoder, requests)
    for decoders in (reader._decoder._flat, reader._decoder._nested):
        decoders.update({name: Recording(decoder, values) for name, decoder in decoders.items()})
    others = ",".join(json.dumps(one) for one in tensors_of([row]) if one["name"] != "height").encode()
    for name, body in tensor_shapes(others, settings.max_body_bytes).items():
        parsed.clear()
        requests.clear()
        values.clear()
        response = send(client, (method, path), body, bearer())

        assert response.status_code in (200, 400, 422), name
        assert requests == [body] and not any(text[:50] == body[:50] for text in parsed), name
        assert len(values) <= 5 and all(find_end(text, 5) is None for text in values), name
        assert len(response.content) < 3000, name


@routes("tensors")
def test_most_expensive_binary_tensors_are_refused_by_their_size(client, bearer, settings, method, path):
    described = {"name": "kind", "datatype": "BYTES", "shape": [1]}
    for size in (settings.max_body_bytes - 1000, 2**62):
        text = json.dumps({"inputs": [described | {"parameters": {"binary_data_size": size}}]}).encode()
        headers = {**bearer(), "Inference-Header-Content-Length": str(len(text))}
        response = send(client, (method, path), text + bytes(settings.max_body_bytes - 1000), headers)

        assert response.status_code in (400, 422)
