"""W3C trace context: a fact keeps one trace id through all three services, in headers and in logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()


def configure() -> None:
    """Have this process create trace ids. No exporter is set: they appear in headers and logs only."""
    trace.set_tracer_provider(TracerProvider())


@contextmanager
def span(name: str, parent: str | None = None) -> Iterator[str]:
    """Run the block in a span, a child of the `traceparent` if one is given, and yield the span's own `traceparent`.

    The span does not record errors of the block, because their text may quote what was sent.
    """
    context = _propagator.extract({"traceparent": parent}) if parent else None
    tracer = trace.get_tracer("cakupan")
    with tracer.start_as_current_span(name, context, record_exception=False, set_status_on_exception=False):
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        yield carrier.get("traceparent", "")
