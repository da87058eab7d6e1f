import asyncio

import pytest
from starlette.requests import Request

from services.api.errors import BodyCutShort, BodyTooLarge, BodyTooSlow, Busy, UnsupportedMediaType
from services.api.http.body import BodyLimit, limit_body, read_rows
from services.api.http.columnar import Form
from services.api.http.large_bodies import LargeBodies

GONE = {"type": "http.disconnect"}


def part(content, *, more=False):
    return {"type": "http.request", "body": content, "more_body": more}


def read(*messages, declared_bytes=0, max_bytes=10, seconds=5.0):
    """Receive all messages and return them."""

    async def run():
        coming = iter(messages)

        async def receive():
            message = next(coming)
            if message is None:
                await asyncio.sleep(60)
            return message

        bound = BodyLimit(max_bytes, max_bytes, seconds)
        bounded = limit_body(receive, bound, declared_bytes=declared_bytes)
        return [await bounded() for _ in messages]

    return asyncio.run(run())


def test_body_within_its_limits_is_forwarded():
    messages = (part(b"12345", more=True), part(b"67890"))

    assert read(*messages) == list(messages)


def test_body_over_the_limit_is_refused_while_reading():
    with pytest.raises(BodyTooLarge, match="at most 10 bytes"):
        read(part(b"123456", more=True), part(b"78901", more=True), part(b"never asked for"))


def test_declared_size_over_the_limit_is_refused_before_reading():
    with pytest.raises(BodyTooLarge, match="has 11 bytes; send at most 10"):
        read(None, declared_bytes=11)


def test_missing_body_times_out():
    with pytest.raises(BodyTooSlow, match=r"not complete within 0\.05 s"):
        read(part(b"1", more=True), None, seconds=0.05)


def test_client_disconnect_is_not_an_error():
    with pytest.raises(BodyCutShort):
        read(part(b"1", more=True), GONE)


def test_client_may_disconnect_after_its_body():
    assert read(part(b"1"), GONE)[1] == GONE


ROW_BYTES, COLUMN_BYTES = 100, 1000
COLUMNS = b'{"columns": {"a": [1'
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


def read_body(*parts, kind="application/json", bodies=None, declared_bytes=0):
    """Read a body with rows; its form, the body, and whether it took a place."""

    async def run():
        messages = [part(content, more=True) for content in parts] + [part(b"")]
        coming = iter(messages)

        async def receive():
            return next(coming)

        bound = BodyLimit(10, ROW_BYTES, 5.0)
        scope = {"type": "http", "headers": [(b"content-type", kind.encode())], "body_bound": bound}
        request = Request(scope, limit_body(receive, bound, declared_bytes=declared_bytes))
        found = bodies or LargeBodies(at_a_time=1)
        before = found.free
        with found.place() as place:
            form, body = await read_rows(request, place, max_columnar_bytes=COLUMN_BYTES)
            taken = before - found.free
        assert found.free == before
        return form, bytes(body), taken

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("kind", "content", "form"),
    [
        ("application/json", b'{"rows": []}', Form.ROWS),
        ("application/json; charset=utf-8", b"", Form.ROWS),
        ("Application/JSON", COLUMNS, Form.JSON_COLUMNS),
        (ARROW, b"", Form.ARROW),
        (PARQUET, b"", Form.PARQUET),
    ],
)
def test_form_of_a_body(kind, content, form):
    assert read_body(content, kind=kind) == (form, content, 0)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_form_does_not_depend_on_the_parts(size):
    content = COLUMNS + b" " * 200

    assert read_body(*(content[at : at + size] for at in range(0, len(content), size)))[:2] == (
        Form.JSON_COLUMNS,
        content,
    )


@pytest.mark.parametrize(("kind", "begin"), [(ARROW, b""), (PARQUET, b""), ("application/json", COLUMNS)])
def test_columns_may_be_larger_than_rows(kind, begin):
    content = begin.ljust(COLUMN_BYTES)

    assert read_body(content, kind=kind)[1:] == (content, 1)
    with pytest.raises(BodyTooLarge, match="at most 1,000"):
        read_body(content, b" ", kind=kind)
    with pytest.raises(BodyTooLarge, match="at most 1,000"):
        read_body(kind=kind, declared_bytes=COLUMN_BYTES + 1)


def test_body_of_the_size_of_rows_takes_no_place():
    assert read_body(COLUMNS.ljust(ROW_BYTES))[2] == 0


@pytest.mark.parametrize("parts", [[101], [64, 37], [1] * 101])
def test_rows_have_the_lower_limit(parts):
    with pytest.raises(BodyTooLarge, match="at most 100"):
        read_body(*(b" " * size for size in parts))
    assert read_body(b" " * ROW_BYTES)[0] is Form.ROWS


def test_declared_size_of_rows_has_the_lower_limit():
    with pytest.raises(BodyTooLarge, match="has 101 bytes; send at most 100"):
        read_body(b" " * 64, b" ", declared_bytes=101)


def test_large_body_is_refused_while_all_places_are_taken():
    with pytest.raises(Busy):
        read_body(COLUMNS.ljust(ROW_BYTES + 1), bodies=LargeBodies(at_a_time=0))


@pytest.mark.parametrize("kind", ["text/csv", "application/vnd.apache.arrow.file", ""])
def test_other_media_types_name_those_that_are_accepted(kind):
    with pytest.raises(
        UnsupportedMediaType,
        match=r"application/json.*application/vnd\.apache\.arrow\.stream.*application/vnd\.apache\.parquet",
    ):
        read_body(kind=kind)


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/feedback", "/v2/models/orchard/infer"])
def test_compressed_bodies_are_refused(client, bearer, path):
    headers = {**bearer(), "content-type": "application/json", "content-encoding": "gzip"}

    response = client.post(path, content=b"{}", headers=headers)

    assert response.status_code == 415
    assert "without compression (no Content-Encoding)" in response.text
