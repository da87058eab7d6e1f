from contextlib import asynccontextmanager
from types import SimpleNamespace

from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.api.http.tracing import trace_requests


def test_lifespan_runs_with_traces():
    seen = []

    @asynccontextmanager
    async def lifespan(_app):
        seen.append("started")
        yield
        seen.append("ended")

    app = FastAPI(lifespan=lifespan)
    model = SimpleNamespace(name="orchard", version="7")
    trace_requests(app, model, endpoint="http://127.0.0.1:1", sample_ratio=0.1)

    with TestClient(app):
        assert seen == ["started"]
    assert seen == ["started", "ended"]
