import json
import logging
import logging.config
import sys

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
