"""Spans for any collector of OpenTelemetry, by OTLP over HTTP, from a thread of its own.

When the collector is away spans are dropped; nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from opentranscribe.ports.tracing import Fact, Span, SpanKind

PATH = "/v1/traces"
#: A collector that has not answered by then does not get these.
TIMEOUT_SECONDS = 3
SENT_EVERY_MS = 2_000
KINDS = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "consumer": trace.SpanKind.CONSUMER,
}
_PROPAGATOR = TraceContextTextMapPropagator()


class OtlpSpan:
    def __init__(self, span: trace.Span) -> None:
        self.own = span
        self.trace_id = trace.format_trace_id(span.get_span_context().trace_id)
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, trace.set_span_in_context(span, Context()))
        self.traceparent = carrier.get("traceparent", "")

    def name(self, name: str) -> None:
        self.own.update_name(name)

    def note(self, facts: dict[str, Fact]) -> None:
        self.own.set_attributes(facts)

    def fail(self, why: str) -> None:
        self.own.set_status(trace.StatusCode.ERROR, why)


class OtlpTracer:
    """``endpoint`` is the base address of the collector, as in OTEL_EXPORTER_OTLP_ENDPOINT."""

    def __init__(self, endpoint: str, *, process: str, version: str) -> None:
        about = {
            "service.name": "opentranscribe",
            "service.version": version,
            "service.instance.id": process,
        }
        self._provider = TracerProvider(resource=Resource.create(about))
        exporter = OTLPSpanExporter(endpoint.rstrip("/") + PATH, timeout=TIMEOUT_SECONDS)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, schedule_delay_millis=SENT_EVERY_MS)
        )
        self._tracer = self._provider.get_tracer("opentranscribe", version)

    @contextmanager
    def span(
        self,
        name: str,
        facts: dict[str, Fact] | None = None,
        *,
        kind: SpanKind = "internal",
        parent: Span | str | None = None,
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name, context=_context_of(parent), kind=KINDS[kind], attributes=facts or {}
        ) as begun:
            yield OtlpSpan(begun)

    def close(self) -> None:
        self._provider.shutdown()


def _context_of(parent: Span | str | None) -> Context:
    if isinstance(parent, OtlpSpan):
        return trace.set_span_in_context(parent.own, Context())
    carrier = {"traceparent": parent} if isinstance(parent, str) else {}
    return _PROPAGATOR.extract(carrier, Context())
