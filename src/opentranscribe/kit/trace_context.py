"""Within which span this thread or task works, for the jobs that it makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_WITHIN: ContextVar[str] = ContextVar("within", default="")


@contextmanager
def working_within(traceparent: str) -> Iterator[None]:
    """This thread or task, and those that it begins with its context."""
    token = _WITHIN.set(traceparent)
    try:
        yield
    finally:
        _WITHIN.reset(token)


def current_span() -> str:
    """As the header ``traceparent`` (https://www.w3.org/TR/trace-context/); empty for none."""
    return _WITHIN.get()
