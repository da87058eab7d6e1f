"""One line for each request, as the log's formatter writes it, in batches."""

import json
import logging
import threading

import pytest

from services.api.http import access_log as module
from services.api.http.access_log import AccessLog, Answered
from services.api.logs import JsonFormatter

ONE = Answered("here", "POST", "/v1/predict", 200, 0.0123, "ana", "10.0.0.9")


@pytest.fixture
def written():
    return []


@pytest.fixture
def log(written):
    return AccessLog(write=written.append)


def test_line_is_that_of_the_formatter(log, written):
    log.add(ONE)
    log.flush()
    record = logging.LogRecord("espalier.api.access", logging.INFO, "", 0, "request", None, None)
    vars(record).update(
        request_id="here",
        method="POST",
        route="/v1/predict",
        status=200,
        milliseconds=12.3,
        subject="ana",
        address="10.0.0.9",
    )
    found, expected = json.loads(written[0]), json.loads(JsonFormatter().format(record))

    assert list(found) == list(expected)
    assert {**found, "time": ""} == {**expected, "time": ""}
    assert len(found["time"]) == len(expected["time"])


@pytest.mark.parametrize("text", ['"', "\n", "\x1b[2J", "ä", "\ud800", "\\", None])
def test_no_text_of_a_client_ends_a_line_or_leaves_ascii(log, written, text):
    log.add(Answered("here", "GET", "none", 404, 0, text, text))
    log.flush()

    assert written[0].isascii() and written[0].count(b"\n") == 1 and b"\x1b" not in written[0]
    assert json.loads(written[0])["subject"] == text


def test_trace_is_named(log, written):
    log.add(Answered("here", "GET", "none", 404, 0, None, None, trace_id="ab12"))
    log.flush()

    assert json.loads(written[0])["trace_id"] == "ab12"


def test_lines_are_written_in_order_while_it_is_open_and_at_its_end(log, written):
    arrived = threading.Event()
    log._write = lambda content: (written.append(content), arrived.set())
    with log.open():
        log.add(ONE)
        assert arrived.wait(10)
        for number in range(100):
            log.add(Answered(str(number), "GET", "none", 404, 0, None, None))

    lines = [json.loads(line) for line in b"".join(written).splitlines()]
    assert [line["request_id"] for line in lines] == ["here", *map(str, range(100))]


def test_slow_reader_costs_lines_and_no_memory(log, written, monkeypatch):
    monkeypatch.setattr(module, "MAX_LINES", 3)
    for _ in range(10):
        log.add(ONE)
    log.flush()

    *kept, dropped = [json.loads(line) for line in written[0].splitlines()]
    assert len(kept) == 3
    assert (dropped["level"], dropped["lines"]) == ("WARNING", 7)


def test_disabled_log_writes_nothing(written):
    log = AccessLog(is_enabled=False, write=written.append)
    log.add(ONE)
    log.flush()

    assert written == []
