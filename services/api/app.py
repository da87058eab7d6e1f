"""Assemble the application. Everything that differs between a test and a cluster is an argument here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from services.api.auth.logins.login import Login
from services.api.auth.logins.login_throttle import LoginThrottle
from services.api.auth.logins.session_store import SessionStore
from services.api.auth.logins.sessions import Sessions
from services.api.auth.lookups import Lookups
from services.api.auth.passwords.hashing import Passwords
from services.api.auth.passwords.password_resets import PasswordResets
from services.api.auth.tokens.access_tokens import TokenIssuer, TokenVerifier
from services.api.auth.tokens.revocations import Revocations
from services.api.auth.tokens.verified_tokens import VerifiedTokens
from services.api.auth.users import SqlUserStore
from services.api.draining import Drain
from services.api.http.access_log import AccessLog
from services.api.http.allowed_hosts import AllowedHosts
from services.api.http.callers import CallerCheck
from services.api.http.columnar import create_columnar
from services.api.http.dependencies import Services
from services.api.http.docs_page import serve_docs
from services.api.http.fast_path import FastPath
from services.api.http.middleware import PROBES, Limits, Observers, RequestMiddleware
from services.api.http.openapi import Bodies, describe_bodies
from services.api.http.overload import Overload
from services.api.http.problems import install_error_handlers
from services.api.http.rate_limit import RateLimit
from services.api.http.routes import audit, feedback, health, inference, passwords, predictions, tokens, users
from services.api.http.routes import model as model_routes
from services.api.keys import Keys
from services.api.metrics.counters import ApiMetrics
from services.api.metrics.http import HttpMetrics, served_methods
from services.api.metrics.model import describe_limits
from services.api.metrics.shared import SharedMetrics
from services.api.model.loaded import Model
from services.api.prediction.answer import JsonAnswer
from services.api.prediction.batches import Batches
from services.api.prediction.feedback import Feedback, FeedbackReader
from services.api.prediction.feedback_store import FeedbackStore
from services.api.prediction.feedback_tokens import FeedbackTokens
from services.api.prediction.inline_rows import measure_inline_rows
from services.api.prediction.quota import Quota
from services.api.prediction.targets.chosen import choose_target
from services.api.prediction.validation import RowReader
from services.api.settings import Settings

__all__ = ["create_app"]

SECONDS_A_DAY = 24 * 60 * 60

FEEDBACK_CONCURRENCY, FEEDBACK_WAITING = 4, 16
"""Feedback requests in one worker: a hanging database must not occupy the threads that predict."""

ROUTES = (health, tokens, passwords, users, audit, model_routes, predictions, feedback, inference)


def create_app(
    settings: Settings,
    keys: Keys,
    model: Model,
    engine: Engine,
    registry: CollectorRegistry,
    drain: Drain | None = None,
) -> FastAPI:
    """Return the application of the workers, which are forked afterwards: it opens no connection, starts no thread."""
    drain = drain or Drain()
    shared = SharedMetrics()
    registry.register(shared)
    target = choose_target(model.bundle.contract, model.bundle.reference.score)
    services = _services(settings, keys, model, engine, ApiMetrics(shared, registry, model, target), drain)
    access_log = AccessLog(is_enabled=settings.log_level in ("DEBUG", "INFO"))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with access_log.open():
            async with services.revocations.kept_fresh():
                services.metrics.workers.inc()
                yield

    app = FastAPI(
        title="Espalier prediction API",
        version=version("espalier"),
        description=f"Predictions of {model.name}. Get a token from /v1/auth/token and send it as a bearer token.",
        openapi_url="/openapi.json" if settings.docs_enabled else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # behind an ingress it redirects to http://, and passwords would be sent in clear text
        lifespan=lifespan,
    )
    if settings.docs_enabled:
        serve_docs(app)
    app.state.services, app.state.access_log = services, access_log
    app.state.inference = inference.Inference.of(model, target, max_rows=settings.max_rows)
    app.state.feedback_batches = Batches(concurrency=FEEDBACK_CONCURRENCY, waiting=FEEDBACK_WAITING)
    app.state.batches = Batches(
        concurrency=settings.batch_concurrency,
        waiting=settings.max_waiting_batches,
        wait_seconds=settings.max_batch_wait_seconds,
        on_refused=services.metrics.overload_refusals["batches"].inc,
    )
    describe_limits(registry, model_days=settings.model_age_limit_days, data_days=settings.data_age_limit_days)
    routers = [module.router for module in ROUTES]
    methods = served_methods(app.routes, routers)
    install_error_handlers(app, methods)
    counted = {path: taken for path, taken in methods.items() if path not in PROBES}
    http, hosts = HttpMetrics(shared, counted), AllowedHosts(settings.allowed_hosts)
    app.add_middleware(
        RequestMiddleware,
        hosts=hosts,
        limits=_limits(settings),
        drain=drain,
        observers=Observers(services.metrics.requests_in_progress, http, access_log),
        check_caller=CallerCheck(services.tokens, services.metrics),
    )
    app.state.fast_path = FastPath(services, hosts, http, access_log, settings.forwarded_allow_ips)
    app.state.overload = Overload(
        http, services.metrics.overload_refusals["event_loop"], drain, max_seconds=settings.max_wait_seconds
    )
    for router in routers:
        app.include_router(router)
    describe_bodies(app, Bodies(model, target, services.reader, services.columnar.json, services.feedback_reader))
    return app


def _limits(settings: Settings) -> Limits:
    return Limits(
        body_bytes=min(settings.small_body_bytes, settings.max_body_bytes),
        row_bytes=settings.max_body_bytes,
        body_seconds=settings.body_timeout_seconds,
        request_seconds=settings.request_timeout_seconds,
    )


def _services(
    settings: Settings, keys: Keys, model: Model, engine: Engine, metrics: ApiMetrics, drain: Drain
) -> Services:
    issuer, audience, target = settings.jwt_issuer, settings.jwt_audience, metrics.target
    users_store = SqlUserStore(engine)
    login = Login(
        users_store,
        Passwords(passes=settings.hash_passes, memory_kib=settings.hash_memory_kib),
        LoginThrottle(engine),
        concurrency=settings.hash_concurrency,
    )
    sessions = SessionStore(
        engine, idle_seconds=settings.session_idle_seconds, max_seconds=settings.session_max_seconds
    )
    verifier = TokenVerifier(list(keys.token_trusted), issuer=issuer, audience=audience)
    revocations = Revocations(engine)
    feedback_tokens = _feedback_tokens(settings, keys, model)
    return Services(
        max_explain_rows=settings.max_explain_rows,
        inline_rows=measure_inline_rows(model),
        model=model,
        target=target,
        answer=JsonAnswer(model, target),
        columnar=create_columnar(settings, model, target, metrics.overload_refusals["batches"].inc),
        reader=RowReader(model.bundle.contract, max_rows=settings.max_rows),
        feedback_reader=FeedbackReader(target, max_rows=settings.max_rows),
        feedback_tokens=feedback_tokens,
        feedback=Feedback(
            feedback_tokens,
            FeedbackStore(engine, rows_per_hour=settings.feedback_rows_per_hour),
            metrics.feedback.count,
            target=target,
            max_rows=settings.max_rows,
            senders=settings.feedback_senders,
        ),
        engine=engine,
        users=users_store,
        login=login,
        sessions=Sessions(sessions, users_store),
        password_resets=PasswordResets(users_store),
        reset_lookups=Lookups(),
        issuer=TokenIssuer(keys.token_signing, issuer=issuer, audience=audience, seconds=settings.access_token_seconds),
        verifier=verifier,
        revocations=revocations,
        tokens=VerifiedTokens(verifier, revocations),
        metrics=metrics,
        drain=drain,
        rate_limit=_rate_limit(settings, metrics),
    )


def _rate_limit(settings: Settings, metrics: ApiMetrics) -> RateLimit | None:
    """Return an equal share of a pod's quota for each worker: together they never predict more than the quota."""
    rows, burst = settings.quota_rows_per_minute, settings.quota_burst_rows or settings.quota_rows_per_minute
    if not rows:
        return None
    quota = Quota(rows_per_minute=rows // settings.workers, burst_rows=burst // settings.workers)
    return RateLimit(quota, metrics.count_rejection)


def _feedback_tokens(settings: Settings, keys: Keys, model: Model) -> FeedbackTokens:
    return FeedbackTokens(
        list(keys.feedback),
        model_version=model.version,
        target=model.bundle.contract.target,
        seconds=settings.feedback_days * SECONDS_A_DAY,
    )
