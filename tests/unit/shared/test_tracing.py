"""Spans: which trace a batch continues, what a request's span holds, and what happens where nobody looks at them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from aiokafka import ConsumerRecord
from fastapi import FastAPI, Request
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode

from shared.adapters.http_traces import TraceRequests
from shared.adapters.kafka_batches import traceparents_of
from shared.runtime import tracing
from shared.runtime.errors import PermanentError
from tests.spans import UNRECORDED, A, B, C, Spans, links, recorded, traceparent

NIK = "1101014101900001"


@pytest.fixture
def spans() -> Iterator[Spans]:
    """The spans of a test, as if they were exported."""
    with recorded() as spans:
        yield spans


def test_a_batch_continues_the_first_recorded_trace_and_links_to_the_others(spans: Spans) -> None:
    """A trace that its sender does not record is neither continued nor linked to, and each other once."""
    with tracing.span("batch", [None, UNRECORDED, B, A, B, C], SpanKind.CONSUMER) as own:
        assert tracing.current() == own
    batch = spans.one("batch")
    assert (traceparent(batch.parent), links(batch), batch.kind) == (B, [A, C], SpanKind.CONSUMER)
    assert own == traceparent(batch.get_span_context())


def test_a_batch_of_traces_that_nobody_records_is_not_recorded(spans: Spans) -> None:
    """Who samples at the beginning of the way decides for all of it; ids go on nevertheless."""
    with tracing.span("batch", [UNRECORDED]) as own:
        assert own.split("-")[1] == "d" * 32
    assert spans.all() == ()


@pytest.mark.parametrize("parents", [[], [None], [""], ["nonsense"]])
def test_a_batch_without_a_trace_begins_one(spans: Spans, parents: list[str | None]) -> None:
    """What is no `traceparent` is none."""
    with tracing.span("batch", parents):
        pass
    assert spans.one("batch").parent is None


def test_without_export_only_the_first_trace_of_a_batch_is_looked_at() -> None:
    """So nothing is done for each fact or record; the ids still go on."""
    tracing.use(TracerProvider(), exports=False)
    traces = iter([A, B, C])
    with tracing.span("batch", traces) as own:
        assert own.split("-")[1] == "a" * 32
    assert list(traces) == [B, C]
    records = [ConsumerRecord("t", 0, n, 0, 0, None, b"", None, -1, 0, [("traceparent", t.encode())])
               for n, t in enumerate((A, B))]  # fmt: skip
    assert traceparents_of(records) == [B]
    with recorded():
        assert traceparents_of(records) == [A, B]


def test_a_span_keeps_no_error(spans: Spans) -> None:
    """Neither as an event nor in its status, because an exporter would send the text away."""
    with pytest.raises(ValueError, match=NIK), tracing.span("group commit"):
        int(f"{NIK}?")
    assert NIK not in spans.one("group commit").to_json()


async def test_a_request_has_a_span_that_goes_on_behind_it(spans: Spans) -> None:
    """It continues the caller's trace, and holds the declared route and the status, nothing that the caller wrote."""
    api, seen = FastAPI(), list[str]()

    @api.get("/people/{who}")
    async def people(request: Request) -> None:
        seen.extend([tracing.current() or "", request.headers["traceparent"]])

    @api.get("/health/live")
    async def live() -> None: ...

    api.add_middleware(TraceRequests)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as http:
        await http.get(f"/people/{NIK}?nik={NIK}", headers={"traceparent": A})
        await http.request("BREW", f"/{NIK}")
        await http.get("/health/live")
    known, unknown = spans.all()
    assert (known.name, known.kind, traceparent(known.parent)) == ("GET /people/{who}", SpanKind.SERVER, A)
    assert seen == [traceparent(known.get_span_context())] * 2
    assert known.attributes == {
        "http.request.method": "GET", "http.route": "/people/{who}", "http.response.status_code": 200,
    }  # fmt: skip
    assert (unknown.name, unknown.attributes) == (
        "_OTHER", {"http.request.method": "_OTHER", "http.response.status_code": 404},
    )  # fmt: skip
    assert not any(NIK in span.to_json() for span in spans.all())


async def test_a_request_that_fails_is_an_error_without_its_text(spans: Spans) -> None:
    """The status says so; the error's text may quote what was sent."""
    api = FastAPI()

    @api.get("/broken")
    async def broken() -> None:
        raise RuntimeError(NIK)

    api.add_middleware(TraceRequests)
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        await http.get("/broken")
    span = spans.one("GET /broken")
    assert (span.status.status_code, span.attributes and span.attributes["http.response.status_code"]) == (
        StatusCode.ERROR, 500,
    )  # fmt: skip
    assert NIK not in span.to_json()


class _Collector(BaseHTTPRequestHandler):
    """Takes spans as an OpenTelemetry collector does."""

    def do_POST(self) -> None:
        """Keep the request."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.taken.append((self.path, ExportTraceServiceRequest.FromString(body)))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, ExportTraceServiceRequest]]]:
    """What a collector was sent, whose address is in the environment."""
    server = HTTPServer(("127.0.0.1", 0), _Collector)
    server.taken = taken = list[tuple[str, ExportTraceServiceRequest]]()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield taken
    tracing.use(TracerProvider(), exports=False)
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_go_to_the_collector_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, taken: list[tuple[str, ExportTraceServiceRequest]]
) -> None:
    """By OTLP over HTTP, under the service's name, once they are asked for."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    end = tracing.configure("registry")
    assert tracing.exports()
    with tracing.span("group commit", [A]):
        pass
    end()
    ((path, request),) = taken
    (resource,) = request.resource_spans
    assert path == "/v1/traces"
    names = [one.value.string_value for one in resource.resource.attributes if one.key == "service.name"]
    assert names == ["cakupan-registry"]
    ((span,),) = [scope.spans for scope in resource.scope_spans]
    assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == ("group commit", "a" * 32, "a" * 16)


@pytest.mark.parametrize("exporter", [None, "none", ""])
def test_nothing_is_sent_unless_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, taken: list[tuple[str, ExportTraceServiceRequest]], exporter: str | None
) -> None:
    """The address of a collector alone is no wish."""
    monkeypatch.delenv("OTEL_TRACES_EXPORTER", raising=False)
    if exporter is not None:
        monkeypatch.setenv("OTEL_TRACES_EXPORTER", exporter)
    end = tracing.configure("registry")
    with tracing.span("group commit", [A]):
        pass
    end()
    assert (taken, tracing.exports()) == ([], False)


class _Away(SpanExporter):
    """Tries until it is shut down, as the real one does while its collector is away."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.ended_by: list[threading.Thread] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.ended.wait()
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.ended_by.append(threading.current_thread())
        self.ended.set()


def test_a_collector_that_is_away_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter is shut down beside the provider, which would wait for it for half a minute."""
    away = _Away()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setattr("opentelemetry.exporter.otlp.proto.http.trace_exporter.OTLPSpanExporter", lambda: away)
    monkeypatch.setattr(tracing, "_SEND_WITHIN_S", 0)
    end = tracing.configure("registry")
    with tracing.span("group commit"):
        pass
    end()
    tracing.use(TracerProvider(), exports=False)
    assert away.ended_by[0] is not threading.current_thread()


def test_an_exporter_that_we_have_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever set it expects spans there."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(PermanentError, match="zipkin"):
        tracing.configure("registry")
