"""uvicorn's HTTP/1.1 protocol on httptools, with limits on what a client may send before a request is complete.

In this module the head of a request is its request line and headers. httptools joins the parts of a header in time that
grows with the square of their number, and uvicorn limits neither the size of a head nor the time to send it. Why this
is a subclass: docs/adr/0015-bounds-of-a-connection.md.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services.api.process.connections import Connections
from services.api.process.refusals import OF_ONE_CLIENT, REFUSALS, refusal, refuse_but_probes
from services.api.process.transports import DroppingTransport
from services.api.process.upgrades import without_upgrade

__all__ = ["BoundedHttpProtocol"]

CLOSE_SECONDS = 2.0
"""How long a client may take to read a refusal, or the rest of a response, before the connection is aborted."""

OVERFULL_SECONDS = 2.0
"""How long a connection beyond the limit may take to send its request line and headers."""

MAX_PIPELINED = 8
"""Requests that may wait for an earlier one on the same connection; each costs memory before it is checked."""

VERSIONS = ("1.1", "1.0")
"""The parser also accepts 0.9 and 2.0, which are other formats."""

MAX_CHUNKS = 10_000
"""Maximum chunks of one body; each costs as much as a read."""

log = logging.getLogger("espalier.api.connections")


class _Refused(Exception):
    """The request being parsed is refused."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, connections: Connections, **options: Any) -> None:
        """Set the state of a new connection."""
        super().__init__(*args, **options)
        self._all, self._limits = connections, connections.limits
        self._is_within = True
        self._is_refused = False
        self._closing_since: float | None = None
        self._head_since: float | None = None
        """Since when a head is expected; None during a request and while an idle connection is kept alive."""
        self._idle_since: float | None = None
        """Since when the connection is idle, unless uvicorn has started a timer: one for each request costs more."""
        self._is_open = False
        """Between the first byte of a message and its last."""
        self._head_ended = True
        self._run = 0
        """Bytes that the parser holds: part of a head, a trailer or a chunk extension."""
        self._part = 0
        self._has_moved = False
        self._chunks = 0
        self.expected_bytes = 0
        """How much of what follows is certainly the rest of a body, which need not be cut into parts."""

    def connection_made(self, transport: Any) -> None:
        """Count the connection."""
        super().connection_made(transport)
        self._is_within = self._all.add(self, self.client[0] if self.client else None)
        self._head_since = self.loop.time()
        if self._is_within:
            return
        reason = REFUSALS[503][0] if self._all.is_full else OF_ONE_CLIENT
        if self._all.is_overfull:
            self._note(503, reason)
            transport.abort()
        else:
            self.app = refuse_but_probes(self.app, partial(self._all.count_refused, reason))

    def connection_lost(self, exc: Exception | None) -> None:
        """Discard the connection."""
        self._all.discard(self)
        self._is_refused = True
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Tell the application at once that the client has left; uvloop raises if it writes to a closed transport."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Parse, in parts no larger than the limit of a head."""
        self._idle_since = None
        self._unset_keepalive_if_required()
        step = self._limits.head_bytes
        if len(data) <= max(step, self.expected_bytes):
            self._feed(data)
            return
        rest = memoryview(data)
        while rest and not self._is_refused:
            part = max(step, self.expected_bytes)
            self._feed(rest[:part])
            rest = rest[part:]

    def check_time(self, now: float) -> None:
        """Close if a request, the rest of an unread body, or the client's side of closing takes too long."""
        if self._is_refused or self.transport.is_closing():
            self._check_closing(now)
        elif self._idle_since is not None:
            if now - self._idle_since > self.timeout_keep_alive:
                self.timeout_keep_alive_handler()
        elif self._head_since is not None:
            self._check_head(now, self._head_since)
        elif self._is_open and self.cycle.response_complete:
            self._closing_since = self._closing_since or now
            if now - self._closing_since > self._limits.body_seconds:
                self.transport.abort()

    # --- the parser's callbacks ---

    def on_message_begin(self) -> None:
        """Start to count."""
        super().on_message_begin()
        self._is_open, self._head_ended, self._chunks = True, False, 0

    def on_headers_complete(self) -> None:
        """Start the request, unless its head is too large or too many requests are waiting."""
        self._head_ended = self._has_moved = True
        if len(self.headers) > self._limits.head_fields or (
            self._run + self._part > self._limits.head_bytes and self._head_bytes() > self._limits.head_bytes
        ):
            raise _Refused(431)
        parser = self.parser
        if len(self.pipeline) >= MAX_PIPELINED or parser.get_http_version() not in VERSIONS:
            raise _Refused(400)
        if parser.get_method() == b"CONNECT":  # what follows would not be HTTP
            raise _Refused(400)
        self._head_since = self._closing_since = None
        if not parser.should_upgrade():
            self.start_request()

    def start_request(self) -> None:
        """Start the application."""
        super().on_headers_complete()
        self.cycle.transport = DroppingTransport(self.transport)  # type: ignore[assignment]  # it has the same methods
        if not self._is_within:
            self.cycle.keep_alive = False

    def on_chunk_header(self) -> None:
        """Count a chunk."""
        self._has_moved = True
        self._chunks += 1
        if self._chunks > MAX_CHUNKS:
            raise _Refused(400)

    def on_body(self, body: bytes) -> None:
        """Forward a part of the body."""
        self._has_moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Prepare for the next request."""
        self._has_moved, self._is_open = True, False
        if not self.parser.should_upgrade():
            super().on_message_complete()

    # --- limits ---

    def _feed(self, part: bytes | memoryview) -> None:
        if self._is_refused:
            return
        self._part, self._has_moved = len(part), False
        try:
            self.parser.feed_data(part)
        except httptools.HttpParserUpgrade as upgrade:  # the parser takes the body for the other protocol
            head = without_upgrade(self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers)
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            self._feed(head)
            self._feed(part[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            self._refuse(error.__context__.status if isinstance(error.__context__, _Refused) else 400)
            return
        self._run = 0 if self._has_moved else self._run + len(part)
        if self._run > self._limits.head_bytes:
            self._refuse(431)
        else:
            self._wait_for_more()

    def _wait_for_more(self) -> None:
        """Start the timeout for what comes next; uvicorn has stopped that of the idle connection."""
        if not self._head_ended:
            if len(self.headers) > self._limits.head_fields:
                self._refuse(431)
            elif self._head_since is None:
                self._head_since = self.loop.time()
        elif not self._is_open and (self.cycle is None or self.cycle.response_complete):
            if self._has_moved:  # the rest of a body that was not read
                self._idle_since = self.loop.time()
            elif self._head_since is None:
                self._head_since = self.loop.time()

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _check_head(self, now: float, since: float) -> None:
        if self.flow.read_paused:  # not the client's fault: an earlier response is not sent yet
            self._head_since = now
        elif now - since > (self._limits.head_seconds if self._is_within else OVERFULL_SECONDS):
            self._end_late_head()

    def _end_late_head(self) -> None:
        if self._head_ended:  # not one byte was sent, so no client expects a response
            self._is_refused = True
            self.transport.close()
        else:
            self._refuse(408)

    def _check_closing(self, now: float) -> None:
        cycle = self.cycle
        is_owed = cycle is not None and not cycle.response_complete and not cycle.disconnected
        if is_owed and not self.transport.is_closing():
            return  # the last response closes the connection
        if self._closing_since is None:
            self._closing_since = now
        elif now - self._closing_since > CLOSE_SECONDS:
            self.transport.abort()

    def _refuse(self, status: int) -> None:
        """Accept nothing more. Send the reason, unless that would be in the middle of another response."""
        self._note(status, REFUSALS[status][0])
        self._is_refused = True
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._respond(status)
        elif self._head_ended and self._is_open and not self.pipeline and not cycle.response_started:
            cycle.disconnected = True  # its own body is refused; its application sees a disconnect
            cycle.message_event.set()
            self._respond(status)
        else:
            cycle.keep_alive = False

    def _respond(self, status: int) -> None:
        response = refusal(status, self._limits)
        response.write_for(self.url.decode("latin1").partition("?")[0])  # of which only a part may have arrived
        lines = [STATUS_LINE[status]]
        for name, value in (*self.server_state.default_headers, *response.raw_headers, (b"connection", b"close")):
            lines.append(b"%s: %s\r\n" % (name, value))
        self.transport.write(b"%s\r\n%s" % (b"".join(lines), response.body))
        if self.transport.can_write_eof():
            # After an immediate close, data that is still arriving would make the kernel drop the response.
            self.flow.pause_reading()
            self.transport.write_eof()
        else:
            self.transport.close()  # TLS sends close_notify first

    def _note(self, status: int, reason: str) -> None:
        address = self.client[0] if self.client else None
        self._all.count_refused(reason)
        log.info("connection refused", extra={"address": address, "status": status, "reason": reason})
