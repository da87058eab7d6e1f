"""Traces for an OpenTelemetry collector: a span for each request, in the trace that the ingress started."""

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
"""How long a collector that does not answer may delay the shutdown of a worker."""


def trace_requests(app: FastAPI, model: Model, *, endpoint: str, sample_ratio: float) -> None:
    """Create a span for each request except probes, and send it to the collector.

    Call it in each worker, because the sending thread does not survive a fork. The collector's headers and certificates
    come from OTEL_EXPORTER_OTLP_*. The metrics of this library are off; the API has its own.
    """
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")  # the stable attribute names
    provider = _provider(model, endpoint, sample_ratio)
    trace.set_tracer_provider(provider)
    FastAPIInstrumentor.instrument_app(
        app,
        excluded_urls=",".join(f"{path}$" for path in sorted(PROBES)),
        exclude_spans=["receive", "send"],
        meter_provider=metrics.NoOpMeterProvider(),
    )

    lifespan = app.router.lifespan_context  # the application's own, which must still run

    @asynccontextmanager
    async def until_spans_are_sent(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app):
            yield
        await run_in_threadpool(provider.shutdown)  # uvicorn then re-raises the signal, so nothing later would run

    app.router.lifespan_context = until_spans_are_sent


def _provider(model: Model, endpoint: str, sample_ratio: float) -> TracerProvider:
    served = {"espalier.model.name": model.name, "espalier.model.version": model.version}
    resource = Resource.create({"service.name": "espalier-api", "service.version": version("espalier"), **served})
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(sample_ratio)), resource=resource)
    endpoint = f"{endpoint.rstrip('/')}/v1/traces"
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=EXPORT_SECONDS * 1000))
    return provider
