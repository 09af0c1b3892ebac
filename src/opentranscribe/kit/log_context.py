"""What a line of a log is about, and lines of JSON for programs that collect them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_ABOUT: ContextVar[dict[str, str] | None] = ContextVar("about", default=None)


@contextmanager
def logging_about(**names: str) -> Iterator[None]:
    """Lines that are written meanwhile by this thread or task carry ``names``."""
    token = _ABOUT.set({**(_ABOUT.get() or {}), **names})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def add_to_log(**names: str) -> None:
    """Something learned later about what `logging_about` began: also for those who only have a copy
    of its context, as threads do. Nothing where nobody began."""
    about = _ABOUT.get()
    if about is not None:
        about.update(names)


class JsonFormatter(logging.Formatter):
    """One object a line: ``at`` (UTC), ``level``, ``logger``, ``message``, what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **(_ABOUT.get() or {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
