"""The real API on loopback, with a small real model, for what calls it over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.app import create_app
from services.api.auth.passwords.hashing import Passwords
from services.api.auth.users import SqlUserStore, open_user_store
from services.api.database.engine import open_engine
from services.api.keys import load_keys
from services.api.model.loaded import load_model
from services.api.model.source import ServedBundle
from services.api.settings import Settings
from services.api.startup import requested_model

__all__ = ["PASSWORD", "SCOPES", "USER", "RunningApi", "Wrap", "running_api"]

USER, PASSWORD = "ana", "grafted quince under snow"
SCOPES = ("predict", "model:read", "feedback:write")

Wrap = Callable[[ASGIApp], ASGIApp]


@dataclass(frozen=True)
class Seen:
    """A request that arrived, and the status of its answer."""

    path: str
    content_type: str
    status: int


@dataclass
class RunningApi:
    """Its address, its users, and what it was asked."""

    url: str
    users: SqlUserStore
    seen: list[Seen] = field(default_factory=list)

    def statuses(self, path: str) -> list[int]:
        return [request.status for request in self.seen if request.path == path]

    def content_types(self) -> list[str]:
        """Of the requests for predictions."""
        return [request.content_type for request in self.seen if request.path == "/v1/predict"]


@contextmanager
def running_api(
    bundle: Path, keys: Any, folder: Path, *, wrap: Wrap = lambda app: app, **changes: Any
) -> Iterator[RunningApi]:
    """Serve the bundle with one user until the block ends; ``changes`` are settings."""
    database = f"sqlite:///{folder}/users.db"
    values: dict[str, Any] = {
        "jwt_signing_key_file": keys.private,
        "model_public_key_files": (keys.public,),
        "mlflow_tracking_uri": "http://127.0.0.1:1",
        "model_name": "orchard",
        "database_url": database,
        "hash_memory_kib": 12288,
        "request_timeout_seconds": 60,  # on a busy machine
        "graceful_seconds": 60,
    }
    settings = Settings(**(values | changes))
    store = open_user_store(database)
    store.create(
        USER, Passwords(passes=settings.hash_passes, memory_kib=settings.hash_memory_kib).hash(PASSWORD), SCOPES
    )
    model = load_model(ServedBundle("orchard", "7", bundle, "registry"), requested_model(settings, load_keys(settings)))
    engine = open_engine(database)
    api = RunningApi("", store)
    app = wrap(create_app(settings, load_keys(settings), model, engine, CollectorRegistry()))
    server = uvicorn.Server(uvicorn.Config(_recorded(app, api.seen), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    api.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield api
    finally:
        server.should_exit = True
        thread.join()
        engine.dispose()
        store.close()


def _recorded(app: ASGIApp, seen: list[Seen]) -> ASGIApp:
    async def record(scope: Scope, receive: Receive, send: Send) -> None:
        kind = dict(scope["headers"]).get(b"content-type", b"").decode()

        async def recorded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.append(Seen(scope["path"], kind, message["status"]))
            await send(message)

        await app(scope, receive, recorded_send)

    return record
