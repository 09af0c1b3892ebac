"""Errors as clients see them."""

from __future__ import annotations

import json

import pytest

from opentranscribe.edge.problem import STATUS, problem_of
from opentranscribe.kit.errors import AppError, ConflictError, LimitedError, UnavailableError


class TestProblemOf:
    @pytest.mark.parametrize("kind", STATUS)
    def test_every_kind_has_a_status(self, kind: str) -> None:
        error = type("SomeError", (AppError,), {"kind": kind})("Sorry.")
        answer = problem_of({"type": "http"}, error)
        assert 400 <= answer.status_code < 600
        assert answer.media_type == "application/problem+json"

    def test_tells_when_to_come_back(self) -> None:
        assert problem_of({}, UnavailableError("Away.")).headers["retry-after"] == "5"
        limited = LimitedError("Slowly.", retry_after_seconds=0.2)
        assert problem_of({}, limited).headers["retry-after"] == "1"

    def test_fields_cannot_overwrite_what_it_is(self) -> None:
        body = json.loads(problem_of({}, ConflictError("No.", status=200, code="x", n=1)).body)
        assert (body["status"], body["code"], body["n"]) == (409, "conflict", 1)

    def test_survives_odd_characters(self) -> None:
        answer = problem_of({}, ConflictError("half \ud800 and nul \0", bad={"\udfff"}))
        assert json.loads(answer.body)["status"] == 409
