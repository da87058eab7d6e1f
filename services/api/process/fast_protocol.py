"""HTTP/1.1 with the fast path: a request is answered as soon as its last byte is parsed, without an ASGI task.

A prediction that has waited too long is refused in the same way.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.api.http.fast_path import PATH, FastRequest
from services.api.http.overload import Refusal
from services.api.process.http_protocol import BoundedHttpProtocol

__all__ = ["FastHttpProtocol"]

URL = PATH.encode()

HELD_SECONDS = 2.0
"""How long the rest of a body may take before the application gets the request, with its own limit of time."""


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
            is_late = self._all.loop_delay.seconds(self.loop) > overload.max_seconds
            refusal = overload.refuse(self.url, self.headers) if is_late and self._is_plain() else None
            if refusal is not None:
                return refusal
        if fast is None or self.url != URL or not self._is_plain():
            return None
        return fast.begin(self.headers, self.client[0] if self.client else None)

    def _answer(self, held: FastRequest | Refusal) -> bool:
        if isinstance(held, Refusal):
            self._send(b"503 Service Unavailable", held.content)
            held.on_sent()
            return True
        parts, fast = self._parts, self._all.fast_path
        answer = None if fast is None else fast.finish(held, parts[0] if len(parts) == 1 else b"".join(parts))
        if answer is not None:
            self._send(b"200 OK", answer)
        return answer is not None

    def _send(self, status: bytes, content: bytes) -> None:
        self.server_state.total_requests += 1
        self.transport.write(b"HTTP/1.1 %b\r\n%b%b" % (status, self._default_headers(), content))

    def _release(self) -> None:
        """Start the application with what was received."""
        self._held, self.expected_bytes = None, 0
        HttpToolsProtocol.on_headers_complete(self)
        for part in self._parts:
            super().on_body(part)
        self._parts = []

    def _default_headers(self) -> bytes:
        headers = self.server_state.default_headers  # a new list each second, with the date
        if self._date[0] is not headers:
            self._date = headers, b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._date[1]
