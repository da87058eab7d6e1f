"""Send hostile bytes, and read whatever is answered, within a bound of time."""

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
QUIET_SECONDS = 0.5
"""How long a second answer may take: that of a smuggled request."""


@dataclass(frozen=True)
class Reply:
    """What one connection got."""

    statuses: list
    text: bytes
    is_ended: bool
    """Answered or closed, within the bound."""


def talk(port, case, *, seconds):
    """Return the reply to one case."""
    deadline = time.monotonic() + seconds
    with socket.create_connection(("localhost", port), timeout=seconds) as connection:
        try:
            connection.sendall(case.sent)
            if case.half_close:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before it was all sent; the answer is read nevertheless
        return _read(connection, case.answers, deadline)


def talk_all(port, cases, *, seconds):
    """Return case → reply, with a connection for each, at the same time."""
    with ThreadPoolExecutor(len(cases)) as pool:
        return dict(zip(cases, pool.map(lambda case: talk(port, case, seconds=seconds), cases), strict=True))


def _read(connection, answers, deadline):
    text = b""
    while (left := deadline - time.monotonic()) > 0:
        is_answered = len(STATUS.findall(text)) >= answers or (text and answers > 1)
        connection.settimeout(min(QUIET_SECONDS, left) if is_answered else left)
        try:
            part = connection.recv(65536)
        except TimeoutError:
            return _reply(text, is_ended=bool(text))
        except OSError:
            part = b""
        if not part:
            return _reply(text, is_ended=True)
        text += part
    return _reply(text, is_ended=False)


def _reply(text, *, is_ended):
    return Reply([int(status) for status in STATUS.findall(text)], text, is_ended)
