"""W3C trace context: a fact keeps one trace id through all three services, in headers, logs and exported spans.

Ids are always made, one span a batch, since logs and headers carry them. Only where `OTEL_TRACES_EXPORTER=otlp`, spans
are exported, and work is done for single facts (ADR 0045).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.runtime.errors import PermanentError

LINKS_AT_MOST: Final = 128
"""OpenTelemetry's own limit of links a span."""
_SEND_WITHIN_S: Final = 2.0
"""How long the end of the process waits for the collector: little beside the grace that an orchestrator gives."""
_FLAGS: Final = slice(54, 55)
_RECORDED: Final = frozenset("13579bdf")
"""Where the last hexadecimal digit of the flags is in a `traceparent`, and its values that say: recorded. To read the
whole takes 15 µs, which a batch of a thousand would feel."""
_propagator = TraceContextTextMapPropagator()
_tracer: trace.Tracer = trace.get_tracer("cakupan")
_exports = False


def configure(service: str) -> Callable[[], None]:
    """Have this process create trace ids, and export its spans by OTLP over HTTP where the environment says so.

    What is returned is called before the process ends: it sends the spans that are left, for two seconds at most.

    OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, …) say where and how much.
    Raises: PermanentError for an exporter that we have not.
    """
    named = Resource.create({"service.name": f"cakupan-{service}"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named, shutdown_on_exit=False)
    chosen = os.environ.get("OTEL_TRACES_EXPORTER", "").strip() or "none"
    if chosen not in ("none", "otlp"):
        raise PermanentError(f"OTEL_TRACES_EXPORTER is {chosen!r}; set otlp, or none")
    use(provider, exports=chosen == "otlp")
    if chosen == "none":
        return provider.shutdown
    # Imported here, since it costs memory and start-up that a process without it should not pay.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter()
    # A thread of its own sends; spans beyond its queue are dropped.
    provider.add_span_processor(BatchSpanProcessor(exporter))

    def end() -> None:
        # A collector that is away would be tried for half a minute. Without its exporter the provider ends at once.
        late = threading.Timer(_SEND_WITHIN_S, exporter.shutdown)
        late.start()
        provider.shutdown()
        late.cancel()

    return end


def use(provider: TracerProvider, *, exports: bool) -> None:
    """Make spans by this provider. `exports`: somebody looks at them, so requests have spans and batches links."""
    global _tracer, _exports
    _tracer, _exports = provider.get_tracer("cakupan"), exports


def exports() -> bool:
    """Say whether spans are exported."""
    return _exports


@contextmanager
def span(name: str, parents: Iterable[str | None] = (), kind: SpanKind = SpanKind.INTERNAL) -> Iterator[str]:
    """Run the block in a span, and yield the span's own `traceparent`.

    `parents` are the `traceparent`s of what is done together. The span continues the first of them that is recorded,
    and links to the others; without export it continues the first, and the others are not even looked at.
    The span does not record errors of the block, because their text may quote what was sent.
    """
    parent, links = _recorded(parents) if _exports else (_context(next(iter(parents), None)), [])
    with _tracer.start_as_current_span(
        name, parent, kind, links=links, record_exception=False, set_status_on_exception=False
    ):
        yield current() or ""


def current() -> str | None:
    """Return the `traceparent` of the span that is running."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def _context(traceparent: str | None) -> Context | None:
    return _propagator.extract({"traceparent": traceparent}) if traceparent else None


def _recorded(parents: Iterable[str | None]) -> tuple[Context | None, list[trace.Link]]:
    """Return the context to continue, and links to the other parents that are recorded."""
    distinct = dict.fromkeys(filter(None, parents))
    recorded = [one for one in distinct if one[_FLAGS] in _RECORDED][: LINKS_AT_MOST + 1]
    contexts = [_context(one) for one in recorded or list(distinct)[:1]]
    spans = [trace.get_current_span(context).get_span_context() for context in contexts[1:]]
    return (contexts[0] if contexts else None), [trace.Link(one) for one in spans if one.is_valid]
