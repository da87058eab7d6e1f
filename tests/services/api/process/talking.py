"""Send requests over a raw socket, and read responses."""

import time


def read_all(connection):
    """Read until the server closes."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        parts.append(b"<reset>")
    return b"".join(parts)


def ask(connection, request, *, parts=1):
    """Send in ``parts`` parts, and read one response."""
    size = -(-len(request) // parts)
    for begin in range(0, len(request), size):
        connection.sendall(request[begin : begin + size])
        time.sleep(0.002 if parts > 1 else 0)
    return read_one(connection)


def read_one(connection):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = connection.recv(1)
        if not part:
            return head, b""
        head += part
    length = int(
        next(line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    )
    body = b""
    while len(body) < length:
        body += connection.recv(length - len(body))
    return head, body
