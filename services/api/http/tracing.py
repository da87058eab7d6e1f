"""Traces for an OpenTelemetry collector: a span for each request, within the trace that the ingress began."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from starlette.concurrency import run_in_threadpool

from services.api.http.middleware import PROBES
from services.api.model.loaded import Model

__all__ = ["trace_requests"]

EXPORT_SECONDS = 3
"""What a collector that does not answer may take from the end of a worker."""


def trace_requests(app: FastAPI, model: Model, *, endpoint: str, sample_ratio: float) -> None:
    """Make a span for each request but probes, and send it to the collector.

    In each worker, since the thread that sends does not survive a fork. The collector's headers and certificates come
    from OTEL_EXPORTER_OTLP_*. The metrics of this library stay off, for there are ours.
    """
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")  # attributes by the names that are stable
    provider = _provider(model, endpoint, sample_ratio)
    trace.set_tracer_provider(provider)
    FastAPIInstrumentor.instrument_app(
        app,
        excluded_urls=",".join(f"{path}$" for path in sorted(PROBES)),
        exclude_spans=["receive", "send"],
        meter_provider=metrics.NoOpMeterProvider(),
    )

    lifespan = app.router.lifespan_context  # the application's own: what it keeps running must go on

    @asynccontextmanager
    async def until_all_is_sent(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app):
            yield
        await run_in_threadpool(provider.shutdown)  # uvicorn ends by the signal that it got: nothing later would run

    app.router.lifespan_context = until_all_is_sent


def _provider(model: Model, endpoint: str, sample_ratio: float) -> TracerProvider:
    served = {"espalier.model.name": model.name, "espalier.model.version": model.version}
    resource = Resource.create({"service.name": "espalier-api", "service.version": version("espalier"), **served})
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(sample_ratio)), resource=resource)
    endpoint = f"{endpoint.rstrip('/')}/v1/traces"
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=EXPORT_SECONDS * 1000))
    return provider
