"""An API over HTTPS that answers as a test wants it to."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from espalier.local.certificates import write_certificates

PREDICTION = {"label": "bearing", "probability": 0.7}
ANSWER = {"model": {"name": "orchard", "version": "7"}, "feedback_token": "receipt", "request_id": "1"}


class FakeApi:
    """Counts what it is asked, and answers with ``answer(number)``: a status, or None to hang up."""

    def __init__(self, ca: Path) -> None:
        self.ca, self.url = ca, ""
        self.answer: Callable[[int], int | None] = lambda _: 200
        self.delay_seconds = 0.0
        self.bodies: list[bytes] = []
        self.connections: set[object] = set()
        self.password = "medlar"

    async def log_in(self, request: web.Request) -> web.Response:
        if (await request.post())["password"] != self.password:
            return web.json_response({"detail": "name or password is wrong"}, status=401)
        return web.json_response({"access_token": "token"})

    async def predict(self, request: web.Request) -> web.Response:
        number, body = len(self.bodies), await request.read()
        self.bodies.append(body)
        self.connections.add(request.transport)
        await asyncio.sleep(self.delay_seconds)
        status = self.answer(number)
        if status is None:
            request.transport.abort()
        rows = len(json.loads(body)["rows"]) if status == 200 else 0
        content = {**ANSWER, "predictions": [PREDICTION] * rows} if status == 200 else {"detail": f"status {status}"}
        return web.Response(body=json.dumps(content), status=status or 200, content_type="application/json")

    def serve(self, tls: ssl.SSLContext, started: threading.Event, ended: asyncio.Event) -> None:
        async def run() -> None:
            app = web.Application()
            app.add_routes([web.post("/v1/auth/token", self.log_in), web.post("/v1/predict", self.predict)])
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
            await site.start()
            self.url = f"https://localhost:{runner.addresses[0][1]}"
            self.loop = asyncio.get_running_loop()
            started.set()
            await ended.wait()
            await runner.cleanup()

        asyncio.run(run())


@pytest.fixture
def fake_api(tmp_path: Path) -> Iterator[FakeApi]:
    certificate, key = tmp_path / "tls/server.pem", tmp_path / "tls/server.key"
    api = FakeApi(tmp_path / "tls/ca.pem")
    write_certificates(ca=api.ca, certificate=certificate, key=key)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    started, ended = threading.Event(), asyncio.Event()
    thread = threading.Thread(target=api.serve, args=(tls, started, ended))
    thread.start()
    assert started.wait(20)
    yield api
    api.loop.call_soon_threadsafe(ended.set)
    thread.join()
