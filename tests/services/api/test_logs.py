import io
import json
import logging
import logging.config
import sys
from pathlib import Path

import pytest
from opentelemetry import trace

from services.api.logs import REQUEST_ID, JsonFormatter, logging_config


def write(**extra):
    known = {"msg": "hello %s", "args": ("ana",), "levelname": "INFO", "name": "espalier"}
    return JsonFormatter().format(logging.makeLogRecord({**known, **extra}))


def test_line_has_its_fields_in_order():
    with trace.use_span(trace.NonRecordingSpan(trace.SpanContext(trace_id=10, span_id=1, is_remote=False))):
        token = REQUEST_ID.set("7")
        try:
            raise ValueError("broken")
        except ValueError:
            text = write(created=1.5, route="/", color_message="hello", exc_info=sys.exc_info())
        REQUEST_ID.reset(token)

    line = json.loads(text)
    assert list(line) == ["time", "level", "logger", "message", "request_id", "trace_id", "route", "exception"]
    assert "ValueError: broken" in line.pop("exception")
    assert line == {
        "time": "1970-01-01T00:00:01.500+00:00",
        "level": "INFO",
        "logger": "espalier",
        "message": "hello ana",
        "request_id": "7",
        "trace_id": f"{10:032x}",
        "route": "/",
    }


def test_line_outside_a_request_has_no_ids():
    assert list(json.loads(write())) == ["time", "level", "logger", "message"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Path("/a"), "/a"),
        (2**64, 2**64),
        ("\ud800", "\ud800"),
        ("a\u2028b\x85c\x9bd", "a\u2028b\x85c\x9bd"),
        ('x"}\n{"level": "INFO"', 'x"}\n{"level": "INFO"'),
    ],
)
def test_any_value_is_one_line_of_ascii(value, expected):
    text = write(field=value)

    assert json.loads(text)["field"] == expected
    assert text.isascii() and text.isprintable()


def test_logging_accepts_the_configuration():
    logging.config.DictConfigurator(logging_config("INFO"))


def test_every_log_line_of_a_request_has_its_id(client, engine, access_lines):
    engine.dispose()
    path = Path(engine.url.database)
    path.unlink()
    path.mkdir()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("espalier.api.database")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        form = {"username": "ana", "password": "x"}
        answer = client.post("/v1/auth/token", data=form, headers={"X-Request-ID": "from-the-ingress.1"})
        client.get("/v1/model")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)

    lines = [json.loads(line) for line in stream.getvalue().splitlines()] + access_lines()
    assert answer.headers["x-request-id"] == "from-the-ingress.1"
    assert [(line["message"], line["request_id"] == "from-the-ingress.1") for line in lines] == [
        ("the database does not answer", True),
        ("request", True),
        ("request", False),
    ]
