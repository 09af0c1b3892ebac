"""Lines for programs that collect them."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest

from opentranscribe.kit.log_context import JsonFormatter, add_to_log, logging_about


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    log = logging.getLogger("of the test")
    log.addHandler(handler)
    yield written
    log.removeHandler(handler)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


class TestJsonLines:
    def test_say_what_they_are_about_and_only_that(self, stream: io.StringIO) -> None:
        log = logging.getLogger("of the test")
        with logging_about(request_id="r1"), logging_about(job="j1"):
            log.warning("one\nline for %s", "ü")
        log.warning("about nothing")
        first, second = lines(stream)
        assert first["message"] == "one\nline for ü"
        assert (first["request_id"], first["job"], first["level"]) == ("r1", "j1", "warning")
        assert first["at"].endswith("+00:00")
        assert "request_id" not in second

    def test_say_what_was_learned_by_a_thread_that_answers(self, stream: io.StringIO) -> None:
        with logging_about(request_id="r1"):
            thread = threading.Thread(
                target=copy_context().run, args=(lambda: add_to_log(user="u1"),)
            )
            thread.start()
            thread.join()
            logging.getLogger("of the test").warning("answered")
        (line,) = lines(stream)
        assert (line["request_id"], line["user"]) == ("r1", "u1")

    def test_carry_the_traceback(self, stream: io.StringIO) -> None:
        try:
            raise ValueError("broken")
        except ValueError:
            logging.getLogger("of the test").exception("it failed")
        (line,) = lines(stream)
        assert "ValueError: broken" in line["traceback"]
