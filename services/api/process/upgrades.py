"""Requests that ask for another protocol, which this server ignores (RFC 9110, section 7.8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["without_upgrade"]

OFFERS = (b"upgrade", b"http2-settings")


def without_upgrade(method: bytes, target: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the head of a request that was parsed, as if it had not asked."""
    lines = [b"%b %b HTTP/%b" % (method, target, version.encode())]
    lines += [b"%b: %b" % header for header in _kept(headers)]
    return b"\r\n".join([*lines, b"", b""])


def _kept(headers: Sequence[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in headers:
        if name == b"connection":
            options = [option.strip() for option in value.split(b",")]
            value = b", ".join(option for option in options if option.lower() not in OFFERS)  # noqa: PLW2901
        if name not in OFFERS:
            yield name, value
