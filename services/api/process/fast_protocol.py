"""HTTP/1.1 with the fast path: a request is answered as soon as its last byte is parsed, without an ASGI task.

A prediction that has waited too long is refused in the same way.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from services.api.http.fast_path import PATH, FastRequest
from services.api.http.overload import Overload, Refusal
from services.api.http.plain_head import START, read_plain_head
from services.api.process.http_protocol import BoundedHttpProtocol

__all__ = ["FastHttpProtocol"]

URL = PATH.encode()
END = b"\r\n\r\n"

HELD_SECONDS = 2.0
"""How long the rest of a body may take before the application gets the request, with its own limit of time."""


class _Read(NamedTuple):
    """What was read at once."""

    head: bytes
    """Digest of the bytes of the head, up to the empty line: there is a token in it."""

    body_bytes: int
    """How many bytes follow it."""


class FastHttpProtocol(BoundedHttpProtocol):
    """One connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Set the state of a new connection."""
        super().__init__(*args, **options)
        self._held: FastRequest | Refusal | None = None
        """What is sent when the body is complete: a response of the fast path, or a refusal."""
        self._parts: list[bytes] = []
        self._held_since: float | None = None
        self._date: tuple[Any, bytes] = (None, b"")
        self._read: _Read | None = None
        """What is being parsed, if a request begins with it and its head is complete."""

    def data_received(self, data: bytes) -> None:
        """Answer a request whose head is remembered, if it arrived whole; else parse."""
        self._idle_since = None
        end = data.find(END) + len(END)
        if end < len(END) or not self._is_between_requests():
            self._read = None
            super().data_received(data)
            return
        if self._refuse_whole(data, end):
            return
        self._read = _Read(hashlib.blake2b(data[:end], digest_size=32).digest(), len(data) - end)
        if not self._answer_again(self._read, data[end:]):
            super().data_received(data)

    def start_request(self) -> None:
        """Hold the request for the fast path or a refusal, or start the application."""
        self._held = self._hold()
        if self._held is None:
            super().start_request()
        else:
            self._parts, self._held_since, self.expected_bytes = [], None, self._held.body_bytes

    def on_body(self, body: bytes) -> None:
        """Hold or forward a part of the body."""
        if self._held is None:
            super().on_body(body)
        else:
            self._has_moved = True
            self.expected_bytes -= len(body)
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """Answer a held request."""
        if self._held is not None and not self._answer(self._held):
            self._release()
        if self._held is None:
            super().on_message_complete()
        else:
            self._held = None
            self._has_moved, self._is_open = True, False

    def _is_between_requests(self) -> bool:
        """Return whether the parser waits for a new request, and no response is owed or held up."""
        cycle = self.cycle
        return (
            self._head_ended
            and not self._is_open
            and not self._is_refused
            and self._is_within
            and not self.flow.write_paused
            and (cycle is None or cycle.response_complete)
        )

    def _refuse_whole(self, data: bytes, end: int) -> bool:
        """Refuse a request that arrived whole, and has waited too long, without parsing it."""
        overload = self._all.overload
        if overload is None or not data.startswith(START) or (waited := self._wait_too_long(overload)) is None:
            return False
        head = read_plain_head(data, end)
        if head is None or int(head.length) != len(data) - end:
            return False
        refusal = overload.refuse(
            URL, ((b"content-length", head.length), (b"x-request-id", head.request_id)), waited=waited
        )
        if refusal is None:
            return False
        self._respond_to(refusal, b"")
        self._end_without_parsing()
        return True

    def _answer_again(self, read: _Read, body: bytes) -> bool:
        """Answer without parsing the head; it has the same bytes as one that was parsed, so it means the same."""
        fast = self._all.fast_path
        head = None if fast is None else fast.recall(read.head)
        if fast is None or head is None or head.body_bytes != read.body_bytes:
            return False
        if not self._respond_to(fast.start(head, self._peer()), body):
            return False
        self._end_without_parsing()
        return True

    def _end_without_parsing(self) -> None:
        """Wait for the next request; the parser has not seen this one."""
        self._unset_keepalive_if_required()
        self._head_since, self._idle_since = None, self.loop.time()

    def check_time(self, now: float) -> None:
        """Let the application have a request whose body does not arrive."""
        if self._held is None or self._is_refused or self.transport.is_closing():
            super().check_time(now)
        elif self._held_since is None:
            self._held_since = now
        elif now - self._held_since > HELD_SECONDS:
            self._release()

    def shutdown(self) -> None:
        """Let the application finish a request whose body is not complete."""
        if self._held is not None:
            self._release()
        super().shutdown()

    def _is_plain(self) -> bool:
        """Return whether nothing about the request needs more than one response on the same connection."""
        parser, cycle = self.parser, self.cycle
        return bool(
            parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not self.expect_100_continue
            and self._is_within
            and not self.flow.write_paused
            and (cycle is None or cycle.response_complete)
        )

    def _hold(self) -> FastRequest | Refusal | None:
        fast, overload = self._all.fast_path, self._all.overload
        if overload is not None and overload.concerns(self.url):
            waited = self._wait_too_long(overload)
            refusal = None if waited is None else overload.refuse(self.url, self.headers, waited=waited)
            if refusal is not None and self._is_plain():
                return refusal
        if fast is None or self.url != URL or not self._is_plain():
            return None
        return fast.begin(self.headers, self._peer())

    def _wait_too_long(self, overload: Overload) -> float | None:
        """Return how long the request that was just read has waited; None if that is not too long."""
        waited = self._all.loop_delay.seconds(self.loop)
        return waited if waited > overload.max_seconds else None

    def _answer(self, held: FastRequest | Refusal) -> bool:
        parts, read, fast = self._parts, self._read, self._all.fast_path
        if not self._respond_to(held, parts[0] if len(parts) == 1 else b"".join(parts)):
            return False
        if fast is not None and isinstance(held, FastRequest) and read is not None:
            fast.remember(read.head, held, read.body_bytes)
        return True

    def _respond_to(self, held: FastRequest | Refusal, body: bytes) -> bool:
        """Send the response; return False if the application must answer."""
        if isinstance(held, Refusal):
            self._send(b"503 Service Unavailable", held.content)
            held.on_sent()
            return True
        fast = self._all.fast_path
        answer = None if fast is None else fast.finish(held, body)
        if answer is not None:
            self._send(b"200 OK", answer)
        return answer is not None

    def _peer(self) -> str | None:
        return self.client[0] if self.client else None

    def _send(self, status: bytes, content: bytes) -> None:
        self.server_state.total_requests += 1
        self.transport.write(b"HTTP/1.1 %b\r\n%b%b" % (status, self._default_headers(), content))

    def _release(self) -> None:
        """Start the application with what was received."""
        self._held, self.expected_bytes = None, 0
        super().start_request()
        for part in self._parts:
            super().on_body(part)
        self._parts = []

    def _default_headers(self) -> bytes:
        headers = self.server_state.default_headers  # a new list each second, with the date
        if self._date[0] is not headers:
            self._date = headers, b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._date[1]
