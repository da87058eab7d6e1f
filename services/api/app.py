"""Wire the API. Everything that differs between a test and a cluster comes in here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator import Instrumentator
from sqlalchemy import Engine

from services.api.batches import Batches
from services.api.callers import CallerCheck
from services.api.dependencies import Services
from services.api.docs_page import serve_docs
from services.api.draining import Drain
from services.api.feedback import Feedback, FeedbackReader
from services.api.feedback_store import FeedbackStore
from services.api.feedback_tokens import FeedbackTokens
from services.api.http_errors import install_error_handlers
from services.api.http_metrics import HttpMetrics, served_methods
from services.api.keys import load_feedback_keys, load_token_keys
from services.api.login import Login
from services.api.metrics import ApiMetrics
from services.api.middleware import PROBES, Limits, RequestFrame
from services.api.model import Model
from services.api.model_metrics import describe_limits
from services.api.openapi import describe_bodies
from services.api.passwords import Passwords
from services.api.revocations import Revocations
from services.api.routes import feedback, health, predictions, tokens, users
from services.api.routes import model as model_routes
from services.api.rows import RowReader
from services.api.settings import Settings
from services.api.throttle import LoginThrottle
from services.api.tokens import TokenIssuer, TokenVerifier
from services.api.users import SqlUserStore

__all__ = ["create_app"]

SECONDS_A_DAY = 24 * 60 * 60

FEEDBACK_CONCURRENCY, FEEDBACK_WAITING = 4, 16
"""Requests of feedback in one worker: a database that hangs must not take the threads that predict."""

ROUTES = (health, tokens, users, model_routes, predictions, feedback)


def create_app(
    settings: Settings, model: Model, engine: Engine, registry: CollectorRegistry, drain: Drain | None = None
) -> FastAPI:
    """Return the app for one worker."""
    drain = drain or Drain()
    services = _services(settings, model, engine, registry, drain)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with services.revocations.kept_fresh():
            yield

    app = FastAPI(
        title="Espalier prediction API",
        version=version("espalier"),
        description=f"Predictions of {model.name}. Get a token from /v1/auth/token and send it as a bearer token.",
        openapi_url="/openapi.json" if settings.docs_enabled else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # behind an ingress a redirect says http://: a password would follow it in the clear
        lifespan=lifespan,
    )
    if settings.docs_enabled:
        serve_docs(app)
    app.state.services = services
    app.state.feedback_batches = Batches(concurrency=FEEDBACK_CONCURRENCY, waiting=FEEDBACK_WAITING)
    app.state.batches = Batches(concurrency=settings.batch_concurrency, waiting=settings.max_waiting_batches)
    describe_limits(registry, settings)
    install_error_handlers(app)
    routers = [module.router for module in ROUTES]
    methods = {path: taken for path, taken in served_methods(app.routes, routers).items() if path not in PROBES}
    probes = [f"^{path}$" for path in sorted(PROBES)]
    counted = HttpMetrics(registry, methods)
    Instrumentator(registry=registry, excluded_handlers=probes).add(counted.count).instrument(app)
    limits = Limits(
        body_bytes=min(settings.small_body_bytes, settings.max_body_bytes),
        row_bytes=settings.max_body_bytes,
        body_seconds=settings.body_timeout_seconds,
        request_seconds=settings.request_timeout_seconds,
    )
    app.add_middleware(
        RequestFrame,
        allowed_hosts=settings.allowed_hosts,
        limits=limits,
        drain=drain,
        in_progress=services.metrics.requests_in_progress,
        check_caller=CallerCheck(services.verifier, services.metrics),
    )
    for router in routers:
        app.include_router(router)
    describe_bodies(app, model, services.reader, services.feedback_reader)
    return app


def _services(settings: Settings, model: Model, engine: Engine, registry: CollectorRegistry, drain: Drain) -> Services:
    signing, trusted = load_token_keys(settings)
    issuer, audience = settings.jwt_issuer, settings.jwt_audience
    users_store = SqlUserStore(engine)
    login = Login(
        users_store,
        Passwords.from_settings(settings),
        LoginThrottle(engine),
        concurrency=settings.hash_concurrency,
    )
    metrics = ApiMetrics(registry, model)
    feedback_tokens = _feedback_tokens(settings, model)
    return Services(
        settings=settings,
        model=model,
        reader=RowReader(model.bundle.contract, max_rows=settings.max_rows),
        feedback_reader=FeedbackReader(model.bundle.contract, max_rows=settings.max_rows),
        feedback_tokens=feedback_tokens,
        feedback=Feedback(
            feedback_tokens,
            FeedbackStore(engine, rows_per_hour=settings.feedback_rows_per_hour),
            metrics.feedback.count,
            classes=model.label_names,
            max_rows=settings.max_rows,
            senders=settings.feedback_senders,
        ),
        users=users_store,
        login=login,
        issuer=TokenIssuer(signing, issuer=issuer, audience=audience, seconds=settings.access_token_seconds),
        verifier=TokenVerifier(trusted, issuer=issuer, audience=audience),
        revocations=Revocations(engine),
        metrics=metrics,
        drain=drain,
    )


def _feedback_tokens(settings: Settings, model: Model) -> FeedbackTokens:
    return FeedbackTokens(
        load_feedback_keys(settings),
        model_version=model.version,
        classes=model.label_names,
        threshold=model.threshold,
        seconds=settings.feedback_days * SECONDS_A_DAY,
    )
