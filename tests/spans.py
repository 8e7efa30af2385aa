"""Keeps the spans of this process in memory, as an exporter would get them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, format_span_id, format_trace_id

from shared.runtime import tracing

A, B, C = (f"00-{digit * 32}-{digit * 16}-01" for digit in "abc")
"""Traces of three senders, recorded by them."""
UNRECORDED = f"00-{'d' * 32}-{'d' * 16}-00"


class Spans:
    """The spans that have ended, in their order."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def all(self) -> tuple[ReadableSpan, ...]:
        """Return all of them."""
        return self._exporter.get_finished_spans()

    def one(self, name: str) -> ReadableSpan:
        """Return the only one of this name."""
        (found,) = [span for span in self.all() if span.name == name]
        return found


@contextmanager
def recorded() -> Iterator[Spans]:
    """Yield the spans that are made in the block, as if they were exported."""
    spans = Spans()
    tracing.use(spans.provider, exports=True)
    try:
        yield spans
    finally:
        tracing.use(TracerProvider(), exports=False)


def traceparent(context: SpanContext | None) -> str:
    """Return the header that names a span which is recorded."""
    assert context is not None
    return f"00-{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}-01"


def links(span: ReadableSpan) -> list[str]:
    """Return the spans that a span links to."""
    return [traceparent(link.context) for link in span.links]
