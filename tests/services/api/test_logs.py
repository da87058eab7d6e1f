import io
import json
import logging
import logging.config
import sys
from pathlib import Path

from services.api.logs import JsonFormatter, logging_config


def line_of(**extra):
    known = {"msg": "hello %s", "args": ("ana",), "levelname": "INFO", "name": "espalier"}
    record = logging.makeLogRecord({**known, **extra})
    return json.loads(JsonFormatter().format(record))


def test_line_has_time_level_logger_message_and_extras():
    line = line_of(request_id="7")

    assert line["message"] == "hello ana"
    assert line["request_id"] == "7"
    assert line["time"].endswith("+00:00")
    assert set(line) == {"time", "level", "logger", "message", "request_id"}


def test_failure_brings_its_traceback():
    try:
        raise ValueError("broken")
    except ValueError:
        line = line_of(exc_info=sys.exc_info())

    assert "ValueError: broken" in line["exception"]


def test_configuration_is_one_that_logging_takes():
    logging.config.DictConfigurator(logging_config("INFO"))


def test_every_line_of_a_request_has_its_id_those_of_a_thread_too(client, engine):
    engine.dispose()
    path = Path(engine.url.database)
    path.unlink()
    path.mkdir()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    loggers = [logging.getLogger(f"espalier.api.{name}") for name in ("access", "database")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        form = {"username": "ana", "password": "x"}
        answer = client.post("/v1/auth/token", data=form, headers={"X-Request-ID": "from-the-ingress.1"})
        client.get("/v1/model")
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert answer.headers["x-request-id"] == "from-the-ingress.1"
    assert [(line["message"], line["request_id"] == "from-the-ingress.1") for line in lines] == [
        ("the database does not answer", True),
        ("request", True),
        ("request", False),
    ]
