"""Logs as JSON lines on standard output."""

from __future__ import annotations

import json
import logging
import logging.config
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from opentelemetry.trace import format_trace_id, get_current_span
from pythonjsonlogger.core import RESERVED_ATTRS, LogData
from pythonjsonlogger.orjson import OrjsonFormatter

__all__ = ["REQUEST_ID", "JsonFormatter", "logging_config"]

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request being answered, in its task and in the threads that work for it."""

RESERVED = (*RESERVED_ATTRS, "color_message", "taskName")
"""Attributes of a record that are not extras: the library's list, uvicorn's coloured message, Python 3.12's task."""


class JsonFormatter(OrjsonFormatter):
    """One object a line: time, level, logger, message, request_id, trace_id, the fields of ``extra``, exception."""

    def __init__(self) -> None:
        """Write values that are not JSON as text."""
        super().__init__(json_default=str, reserved_attrs=RESERVED)

    def add_fields(self, log_data: LogData, record: logging.LogRecord, message_dict: LogData) -> None:
        """Add the fields in their order."""
        log_data["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        log_data["level"] = record.levelname
        log_data["logger"] = record.name
        log_data["message"] = record.message
        if request_id := REQUEST_ID.get():
            log_data["request_id"] = request_id
        span = get_current_span().get_span_context()
        if span.is_valid:  # invalid if nothing is traced
            log_data["trace_id"] = format_trace_id(span.trace_id)
        exception = message_dict.pop("exc_info", None)
        super().add_fields(log_data, record, message_dict)
        if exception:
            log_data["exception"] = exception

    def jsonify_log_record(self, log_data: LogData) -> str:
        """Return the line, in ASCII: no character of a client ends a line or controls a terminal."""
        try:
            line = super().jsonify_log_record(log_data)
        except TypeError:  # an integer above 64 bits or a lone surrogate, which orjson refuses
            line = ""
        return line if line and line.isascii() else json.dumps(log_data, default=str, separators=(",", ":"))


def logging_config(level: str) -> dict[str, Any]:
    """Return the configuration of every logger in the process, gunicorn's and uvicorn's too."""
    quiet = {"handlers": ["stdout"], "level": "WARNING", "propagate": False}
    named = {"handlers": ["stdout"], "level": level, "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "services.api.logs.JsonFormatter"}},
        "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}},
        "root": {"handlers": ["stdout"], "level": "WARNING"},
        # The access line is written by the middleware, which knows the route, the caller and the request id.
        "loggers": {
            "espalier": named,
            "gunicorn.error": named,
            "uvicorn.error": named,
            "uvicorn.access": quiet,
            "gunicorn.access": quiet,
            "alembic": quiet,
        },
    }
