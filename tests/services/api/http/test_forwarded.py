"""The same address as for requests that pass uvicorn's middleware."""

import asyncio

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from services.api.http.forwarded import ForwardedAddress

TRUSTED = "10.0.0.1,10.20.0.0/16"


@pytest.mark.parametrize("peer", ["10.0.0.1", "10.20.3.4", "192.0.2.7"])
@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"203.0.113.5",
        b"198.51.100.1, 203.0.113.5",
        b"203.0.113.5, 10.20.0.9",
        b"10.20.0.9",
        b"[2001:db8::1]:80",
        b"\xff",
    ],
)
def test_same_address_as_the_middleware(peer, header):
    seen = []

    async def app(scope, _receive, _send):
        seen.append(scope["client"][0])

    headers = [] if header is None else [(b"x-forwarded-for", header)]
    scope = {"type": "http", "client": (peer, 1), "headers": headers, "scheme": "http"}
    asyncio.run(ProxyHeadersMiddleware(app, TRUSTED)(scope, None, None))

    assert ForwardedAddress(TRUSTED).of(peer, header) == seen[0]
