import pytest
from starlette.datastructures import Headers

from services.api.http.media_types import content_type, is_encoded, prefers_arrow

ARROW = "application/vnd.apache.arrow.stream"


@pytest.mark.parametrize(
    ("header", "expected"),
    [("application/json", "application/json"), (" Application/JSON ;charset=utf-8", "application/json"), ("", "")],
)
def test_content_type_has_no_parameters(header, expected):
    assert content_type(Headers({"content-type": header})) == expected


def test_content_type_may_be_absent():
    assert content_type(Headers()) == ""


@pytest.mark.parametrize(
    ("coding", "expected"),
    [(None, False), ("", False), ("Identity", False), ("gzip", True), ("br", True), ("identity, gzip", True)],
)
def test_content_codings(coding, expected):
    assert is_encoded(Headers({} if coding is None else {"content-encoding": coding})) is expected


@pytest.mark.parametrize(
    "accept",
    [
        ARROW,
        ARROW.upper(),
        f"{ARROW}, application/json",
        f"application/json;q=0.5, {ARROW};q=0.5",
        f"*/*, {ARROW}; q=0.9",
        f"{ARROW};q=nonsense",
    ],
)
def test_arrow_is_preferred(accept):
    assert prefers_arrow(accept)


@pytest.mark.parametrize(
    "accept",
    ["", "*/*", "application/*", "application/json", "text/html", f"{ARROW};q=0", f"application/json, {ARROW};q=0.9"],
)
def test_json_is_preferred(accept):
    assert not prefers_arrow(accept)
