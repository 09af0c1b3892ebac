"""Spans: what began when, within what, how long it took and how it ended. Nobody need collect them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

#: ``server`` answers somebody, ``consumer`` takes work from a queue.
SpanKind = Literal["internal", "server", "consumer"]
Fact = str | int | float | bool


class Span(Protocol):
    #: 32 hexadecimal digits; empty where nobody collects.
    trace_id: str
    #: For who works within it elsewhere; empty where nobody collects.
    traceparent: str

    def name(self, name: str) -> None:
        """What it turned out to be about."""

    def note(self, facts: dict[str, Fact]) -> None: ...

    def fail(self, why: str) -> None:
        """It ended badly, though nothing was raised."""


class Tracer(Protocol):
    def span(
        self,
        name: str,
        facts: dict[str, Fact] | None = None,
        *,
        kind: SpanKind = "internal",
        parent: Span | str | None = None,
    ) -> AbstractContextManager[Span]:
        """Lasts as long as the context; what is raised in it marks it as failed.

        ``parent`` is a span of this process or the ``traceparent`` header of another
        (https://www.w3.org/TR/trace-context/); one that cannot be read is none.
        Never raises, and never waits for who collects.
        """

    def close(self) -> None:
        """Hand over what is left, for a moment at most."""


class _Nothing:
    trace_id = ""
    traceparent = ""

    def name(self, name: str) -> None:
        pass

    def note(self, facts: dict[str, Fact]) -> None:
        pass

    def fail(self, why: str) -> None:
        pass


class NoTracer:
    """Where nobody collects."""

    @contextmanager
    def span(
        self,
        name: str,
        facts: dict[str, Fact] | None = None,
        *,
        kind: SpanKind = "internal",
        parent: Span | str | None = None,
    ) -> Iterator[Span]:
        yield _Nothing()

    def close(self) -> None:
        pass
