import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from services.api.errors import InvalidRequest
from services.api.http.body import BodyLimit
from services.api.http.inference_body import read_inference


@pytest.fixture
def post():
    """Send a body, and return what was read, or the error's code and text."""

    async def read(request):
        request.scope["body_bound"] = limit = BodyLimit(10, 1000, 1)
        try:
            body, length = await read_inference(request)
        except InvalidRequest as error:
            return JSONResponse([error.code, str(error)])
        return JSONResponse([body.decode(), length, limit.max_bytes])

    client = TestClient(Starlette(routes=[Route("/", read, methods=["POST"])]))
    return lambda headers: client.post("/", content=b"{}xy", headers=headers).json()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/json"},
        {"Content-Type": "Application/JSON; charset=utf-8"},
        {"Content-Type": "application/octet-stream"},
        {"Content-Encoding": "identity"},
    ],
)
def test_body_with_rows_is_read(post, headers):
    assert post(headers) == ["{}xy", None, 1000]


def test_length_of_the_json(post):
    assert post({"Inference-Header-Content-Length": "2"}) == ["{}xy", 2, 1000]


@pytest.mark.parametrize("length", ["", "-1", "+1", "1.0", "0x2", "two", "1" * 20, "²", "1, 2"])
def test_length_must_be_a_number(post, length):
    code, text = post({"Inference-Header-Content-Length": length.encode()})

    assert code == "malformed_body" and "Inference-Header-Content-Length must be" in text


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "deflate"},
    ],
)
def test_other_media_types_and_compression_are_refused(post, headers):
    assert post(headers)[0] == "unsupported_media_type"
