"""Logs as JSON lines on standard output."""

from __future__ import annotations

import json
import logging
import logging.config
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from opentelemetry.trace import format_trace_id, get_current_span

__all__ = ["REQUEST_ID", "JsonFormatter", "logging_config"]

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request being answered, in its task and in the threads that work for it."""

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, message, and whatever ``extra`` held."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        span = get_current_span().get_span_context()  # one that is not valid where nothing is traced
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **({"request_id": request_id} if (request_id := REQUEST_ID.get()) else {}),
            **({"trace_id": format_trace_id(span.trace_id)} if span.is_valid else {}),
            **{name: value for name, value in vars(record).items() if name not in STANDARD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


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
