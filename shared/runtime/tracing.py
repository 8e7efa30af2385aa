"""W3C trace context: one fact's way through three services carries one trace id, in headers and in logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()


def configure() -> None:
    """Make this process give out trace ids. Without an exporter they live in headers and logs only."""
    trace.set_tracer_provider(TracerProvider())


@contextmanager
def span(name: str, parent: str | None = None) -> Iterator[str]:
    """Run the block in a span, below the `traceparent` given if any, and yield its own `traceparent`.

    An error in the block is not noted on the span: its text may quote what was sent.
    """
    context = _propagator.extract({"traceparent": parent}) if parent else None
    tracer = trace.get_tracer("cakupan")
    with tracer.start_as_current_span(name, context, record_exception=False, set_status_on_exception=False):
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        yield carrier.get("traceparent", "")
