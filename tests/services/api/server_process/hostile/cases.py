"""Hostile requests, as bytes: each is what one client sends on one connection."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Case", "Target", "cases_of"]

INNER = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""The request that is to be smuggled: an answer to it has the word ``alive``."""

PLENTY = 10 * 2**20
DEPTH = 10_000
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
OPTIONAL = frozenset({"half close", "half close in the body"})
"""The connection may be closed without an answer."""


@dataclass(frozen=True)
class Target:
    """A route that takes a body."""

    path: bytes
    content_type: bytes
    body: bytes
    """A valid one."""

    bad: int = 400
    """Status of a body that cannot be read."""

    is_open: bool = False
    """Whether it needs no token."""


@dataclass(frozen=True)
class Case:
    """What one client sends, and what it may be answered."""

    name: str
    sent: bytes
    allowed: frozenset[int]
    """Statuses of the answers. An empty set: the connection is closed without one."""

    answers: int = 1
    """At most so many, and at least one."""

    half_close: bool = False


@dataclass(frozen=True)
class Parts:
    """The parts of a valid request."""

    target: Target
    authorization: bytes
    good: int
    """Status of a valid request."""

    bad: int
    """Status of a request whose body cannot be read."""

    def line(self, method: bytes = b"POST") -> bytes:
        return b"%s %s HTTP/1.1\r\n" % (method, self.target.path)

    @property
    def fields(self) -> bytes:
        return b"Host: localhost\r\n" + self.authorization + b"Content-Type: %s\r\n" % self.target.content_type

    @property
    def head(self) -> bytes:
        return self.line() + self.fields

    @property
    def rest(self) -> bytes:
        """The length and the body."""
        return b"Content-Length: %d\r\n\r\n" % len(self.target.body) + self.target.body

    @property
    def valid(self) -> bytes:
        return self.head + self.rest

    @property
    def chunks(self) -> bytes:
        return b"%x\r\n%s\r\n0\r\n\r\n" % (len(self.target.body), self.target.body)

    def retargeted(self, path: bytes) -> bytes:
        return self.valid.replace(self.target.path, path, 1)

    def versioned(self, version: bytes) -> bytes:
        return self.valid.replace(b"HTTP/1.1", version, 1)


def cases_of(target: Target, authorization: bytes) -> Iterator[Case]:
    """Yield every case for a route, with the line of a header for the token, or without."""
    is_refused = not authorization and not target.is_open
    parts = Parts(target, authorization, 401 if is_refused else 200, 401 if is_refused else target.bad)
    for group in (bodies, endings, lengths, chunks, heads, targets, versions, upgrades, sequences, methods):
        yield from group(parts)


def case(name: str, sent: bytes, *allowed: int, answers: int = 1) -> Case:
    return Case(name, sent, frozenset(allowed), answers, half_close=name in OPTIONAL)


def with_body(parts: Parts, body: bytes, more: bytes = b"") -> bytes:
    return parts.head + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


def bodies(parts: Parts) -> Iterator[Case]:
    bad = parts.bad
    for name, body in (("gzip", parts.target.body), ("gzip bomb", bytes(PLENTY))):
        yield case(name, with_body(parts, gzip.compress(body), b"Content-Encoding: gzip\r\n"), bad, 415)
    yield case("10 MB", with_body(parts, b" " * PLENTY), 413, bad, 408)
    chunk = b"100000\r\n" + b" " * 2**20 + b"\r\n"
    yield case("10 MB in chunks", parts.head + CHUNKED + chunk * 10 + b"0\r\n\r\n", 413, bad, 408)
    deep = (b'{"rows":', b"[" * DEPTH + b"]" * DEPTH), (b'{"rows":', b'{"a":' * DEPTH + b"1" + b"}" * DEPTH)
    for begin, value in deep:
        yield case(f"depth 10,000 of {value[:1]!r}", with_body(parts, begin + value + b"}"), bad, 413)
    yield case("no length", parts.head + b"\r\n", bad)


def endings(parts: Parts) -> Iterator[Case]:
    half, bad = parts.target.body[:1], parts.bad
    yield case("valid", parts.valid, parts.good)
    yield case("a body that never ends", parts.head + b"Content-Length: 1000\r\n\r\n" + half, 408, bad)
    yield case("chunks that never end", parts.head + CHUNKED + b"1\r\n%s\r\n" % half, 408, bad)
    yield case("half close", parts.valid, parts.good)
    yield case("half close in the body", parts.valid[:-1], bad)
    yield case("slow head", parts.head, 408)
    yield case("one byte", b"P", 408)
    yield case("nothing", b"")


def lengths(parts: Parts) -> Iterator[Case]:
    """Where one server sees one request, and another two."""
    body, size = parts.target.body, len(parts.target.body)
    both = b"Content-Length: %d\r\n" + CHUNKED
    yield case("CL.TE", parts.head + both % (5 + len(INNER)) + b"0\r\n\r\n" + INNER, 400)
    yield case("CL.TE of one length", parts.head + both % len(parts.chunks) + parts.chunks, 400)
    reverse = b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
    yield case("TE.CL", parts.head + reverse + parts.chunks + INNER, 400)
    for coding in (b"xchunked", b"chunked, identity", b"identity", b"chunked, chunked", b"\x0bchunked", b'"chunked"'):
        sent = parts.head + b"Transfer-Encoding: %s\r\n\r\n" % coding + parts.chunks
        yield case(f"coding {coding!r}", sent, 400)
    sent = parts.head + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + parts.chunks
    yield case("coding gzip, chunked", sent, 400, 501, parts.good)
    for field in (b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked", b" Transfer-Encoding: chunked"):
        sent = parts.head + b"Content-Length: %d\r\n%s\r\n\r\n" % (size, field) + body + INNER
        yield case(f"field {field!r}", sent, 400)
    for other in (size, size + len(INNER)):
        twice = b"Content-Length: %d\r\nContent-Length: %d\r\n\r\n" % (size, other)
        yield case(f"two lengths, {size} and {other}", parts.head + twice + body + INNER, 400)
    for value in (f"+{size}", f"-{size}", f"{size:#x}", f"{size}, {size}", f"{size}.0", f"{size}\x0b", "9" * 30):
        sent = parts.head + b"Content-Length: %s\r\n\r\n" % value.encode() + body
        yield case(f"length {value!r}", sent, 400)


def chunks(parts: Parts) -> Iterator[Case]:
    body, begin = parts.target.body, parts.head + CHUNKED
    extended = b'%x;a=b;c="d"\r\n%s\r\n0;e\r\n\r\n' % (len(body), body)
    yield case("chunk extensions", begin + extended, parts.good)
    bare = b"%x;\n%s\r\n0\r\n\r\n" % (len(body), body)
    yield case("bare LF in a chunk extension", begin + bare + INNER, 400, parts.bad)
    yield case("negative chunk", begin + b"-1\r\n" + body, 400, parts.bad)
    yield case("huge chunk", begin + b"f" * 17 + b"\r\n" + body, 400, parts.bad)
    yield case("chunk longer than its size", begin + b"1\r\n%s\r\n0\r\n\r\n" % body + INNER, 400, parts.bad)


def heads(parts: Parts) -> Iterator[Case]:
    begin, rest = parts.head, parts.rest
    yield case("bare LF", parts.valid.replace(b"\r\n", b"\n"), 400)
    hidden = b"X: y\rContent-Length: 0\r\n"
    wrong = (b"X: y\n", hidden, b"X: y\r\n z\r\n", b"X: a\0b\r\n", b"X\0: ab\r\n", b"X\r\n", b": y\r\n", b"X y: z\r\n")
    for field in (*wrong, b"Host: evil.example\r\n"):
        yield case(f"field {field!r}", begin + field + rest, 400)
    yield case("folded length", begin + b"Content-Length:\r\n %d\r\n\r\n" % len(parts.target.body), 400)
    yield case("bytes above ASCII", begin + b"X: \xff\xfe\r\n" + rest, parts.good, 400)
    yield case("no host", parts.valid.replace(b"Host: localhost\r\n", b"", 1), 400)
    yield case("another host", parts.valid.replace(b"localhost", b"evil.example", 1), 400)
    yield case("long field", begin + b"X: " + b"x" * 2**17 + b"\r\n" + rest, 431)
    yield case("many fields", begin + b"X: y\r\n" * 500 + rest, 431)
    yield case("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), 400)


def targets(parts: Parts) -> Iterator[Case]:
    path, good = parts.target.path, parts.good
    for host in (b"localhost", b"evil.example"):
        yield case(f"absolute form of {host!r}", parts.retargeted(b"http://" + host + path), good, 400)
    yield case("authority form", parts.retargeted(b"localhost:443"), 400)
    for other in (b"*", b"/" + path, b"/v1/.." + path, path + b"/", path + b"\xff", path + b"\0", path + b" x"):
        yield case(f"target {other!r}", parts.retargeted(other), 400, 404)
    yield case("fragment", parts.retargeted(path + b"#f"), good, 400)
    yield case("long target", parts.retargeted(path + b"?" + b"x" * 15_000), good)
    yield case("very long target", parts.retargeted(path + b"?" + b"x" * 2**20), 431)


def versions(parts: Parts) -> Iterator[Case]:
    yield case("HTTP/0.9 without a version", b"GET %s\r\n" % parts.target.path, 400, 408)
    yield case("HTTP/1.0", parts.versioned(b"HTTP/1.0"), parts.good)
    kept = parts.versioned(b"HTTP/1.0\r\nConnection: keep-alive")
    yield case("HTTP/1.0 keep-alive", kept + kept, parts.good, answers=2)
    sent = parts.head.replace(b"HTTP/1.1", b"HTTP/1.0") + CHUNKED + parts.chunks
    yield case("chunked HTTP/1.0", sent, parts.good, 400)
    for other in ("HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/9.9", "HTTP/1.1x", "http/1.1", "HTTP/1", "ICE/1.0"):
        yield case(other, parts.versioned(other.encode()), 400)
    yield case("preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9) + parts.valid, 400)


def upgrades(parts: Parts) -> Iterator[Case]:
    h2c = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    yield case("upgrade to h2c", parts.head + h2c + parts.rest, parts.good)
    websocket = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n"
    yield case("upgrade to websocket", parts.line(b"GET") + parts.fields + websocket + b"\r\n", 405)
    for authority in (parts.target.path, b"localhost:443"):
        sent = b"CONNECT %s HTTP/1.1\r\n" % authority + parts.fields + b"\r\n" + INNER
        yield case(f"CONNECT {authority!r}", sent, 400)


def sequences(parts: Parts) -> Iterator[Case]:
    expecting = parts.head + b"Expect: 100-continue\r\n" + parts.rest
    yield case("expect 100-continue", expecting, 100, parts.good, answers=2)
    yield case("expect something else", parts.head + b"Expect: 200-ok\r\n" + parts.rest, parts.good, 417)
    yield case("100 pipelined", parts.valid * 100, parts.good, 400, answers=100)
    yield case("pipelined after the last", (parts.head + b"Connection: close\r\n" + parts.rest) * 3, parts.good)


def methods(parts: Parts) -> Iterator[Case]:
    for method in (b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE", b"LOCK", b"M-SEARCH", b"PRI"):
        sent = parts.line(method) + parts.fields + b"\r\n"
        yield case(f"method {method!r}", sent, 400 if method == b"PRI" else 405)
    yield case("unknown method", parts.line(b"SMUGGLE") + parts.fields + b"\r\n", 400)
