"""The media types of predictions: what a request may be sent as, and what its response is written as."""

from __future__ import annotations

from starlette.datastructures import Headers

__all__ = ["ARROW", "JSON", "PARQUET", "content_type", "is_encoded", "prefers_arrow"]

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
"""Registered with IANA for Arrow IPC streams."""

PARQUET = "application/vnd.apache.parquet"


def content_type(headers: Headers) -> str:
    """Return the media type of a body, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_encoded(headers: Headers) -> bool:
    """Return whether the body has a content coding, such as gzip (RFC 9110, section 8.4)."""
    return headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")


def prefers_arrow(accept: str) -> bool:
    """Tell whether an Accept header names Arrow, and does not prefer JSON (RFC 9110, section 12.5.1)."""
    if ARROW not in accept.lower():
        return False
    quality = dict(map(_quality, accept.split(",")))
    arrow = quality.get(ARROW, 0.0)
    return arrow > 0 and arrow >= quality.get(JSON, 0.0)


def _quality(media_range: str) -> tuple[str, float]:
    name, *parameters = media_range.split(";")
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            try:
                return name.strip().lower(), float(value)
            except ValueError:
                break
    return name.strip().lower(), 1.0
