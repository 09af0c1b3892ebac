"""Spans reach a collector that speaks OTLP over HTTP; one that is away is noticed by nobody."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from opentranscribe.adapters.tracing.otlp import OtlpTracer
from opentranscribe.bootstrap import App
from opentranscribe.entrypoints.http import create_app
from opentranscribe.features.jobs.kinds import (
    Kind,
    Kinds,
    Outcome,
    Step,
    StepRun,
    single_step_kind,
)
from opentranscribe.features.jobs.runner import JobRunner
from opentranscribe.features.jobs.service import JobService
from opentranscribe.ports.tracing import Tracer
from opentranscribe.work import SYSTEM

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Collector:
    address: str
    spans: list[Span] = field(default_factory=list)

    def named(self, name: str) -> Span:
        (found,) = [span for span in self.spans if span.name == name]
        return found


def facts_of(span: Span) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            told = ExportTraceServiceRequest.FromString(body)
            for resource in told.resource_spans:
                for scope in resource.scope_spans:
                    made.spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    made = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def traced(app: App, address: str) -> Tracer:
    tracer = OtlpTracer(address, process="test", version="1.0.0")
    object.__setattr__(app, "tracer", tracer)
    return tracer


class TestARequest:
    def test_is_a_span_named_by_its_route_within_that_of_who_asked(
        self, app: App, collector: Collector
    ) -> None:
        tracer = traced(app, collector.address)
        client = TestClient(create_app(app), base_url="http://localhost")
        typed = "/api/files/11111111-2222-3333-4444-555555555555"
        answer = client.get(typed, headers={"traceparent": GIVEN})
        client.get("/livez")
        tracer.close()
        span = collector.named("GET /api/files/{file_uuid}")
        assert len(collector.spans) == 1
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (GIVEN[3:35], GIVEN[36:52])
        assert facts_of(span)["http.response.status_code"] == answer.status_code == 401
        assert facts_of(span)["opentranscribe.request_id"] == answer.headers["X-Request-Id"]
        assert typed not in str(span)

    def test_is_answered_while_nobody_collects(self, app: App) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # and nobody listens there
            tracer = traced(app, f"http://127.0.0.1:{taken.getsockname()[1]}")
            client = TestClient(create_app(app), base_url="http://localhost")
            assert client.get("/api/version").status_code == 200
            tracer.close()


class TestAJob:
    def test_is_a_span_with_its_steps_within(self, app: App, collector: Collector) -> None:
        def succeed(_subject: object, _run: StepRun) -> Outcome:
            return Outcome()

        def fail(_subject: object, _run: StepRun) -> Outcome:
            raise RuntimeError("broken")

        kind = Kind(
            "test.traced",
            "utility",
            (Step("first", "First", succeed), Step("second", "Second", fail, after=("first",))),
            max_attempts=1,
        )
        kinds = Kinds(kind)
        with app.work(SYSTEM) as work:
            job = JobService(work, kinds).create(kind, user_id=None)
            job_uuid = str(job.uuid)
        tracer = traced(app, collector.address)
        JobRunner(app.work, kinds, process="test", tracer=tracer).handle(job_uuid)
        tracer.close()
        whole = collector.named("test.traced")
        facts = facts_of(whole)
        assert (facts["opentranscribe.job"], facts["opentranscribe.outcome"]) == (
            job_uuid,
            "failed",
        )
        assert whole.status.code == whole.status.STATUS_CODE_ERROR
        for name in ("first", "second"):
            assert collector.named(name).parent_span_id == whole.span_id
        assert "broken" in str(collector.named("second").events)

    def test_is_within_the_request_that_asked_for_it(self, app: App, collector: Collector) -> None:
        kind = single_step_kind("test.asked", "utility", "Asked", lambda _run: None)
        kinds, made = Kinds(kind), []

        def ask() -> None:
            with app.work(SYSTEM) as work:
                made.append(str(JobService(work, kinds).create(kind).uuid))

        tracer = traced(app, collector.address)
        served = create_app(app)
        served.add_api_route("/api/asks", ask, tags=["test"])
        served.router.routes.insert(0, served.router.routes.pop())
        TestClient(served, base_url="http://localhost").get("/api/asks")
        with app.work(SYSTEM) as work:
            unasked = JobService(work, kinds).create(kind)
            assert unasked.payload == {}
        JobRunner(app.work, kinds, process="test", tracer=tracer).handle(made[0])
        tracer.close()
        request, job = collector.named("GET /api/asks"), collector.named("test.asked")
        assert (job.trace_id, job.parent_span_id) == (request.trace_id, request.span_id)
