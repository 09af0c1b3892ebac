"""Asking parts that may be down or hang."""

from __future__ import annotations

import threading
import time

import pytest

from opentranscribe.features.readiness import probes as module
from opentranscribe.features.readiness.probes import Probes, Remark
from opentranscribe.features.readiness.rules import Status, overall


class TestOverall:
    @pytest.mark.parametrize(
        ("answers", "expected"),
        [
            ([("database", "healthy"), ("search", "healthy")], "healthy"),
            ([("database", "healthy"), ("search", "unhealthy")], "degraded"),
            ([("database", "unhealthy"), ("search", "healthy")], "unhealthy"),
            ([("objects", "unhealthy")], "unhealthy"),
            ([("workers", "degraded")], "degraded"),
        ],
    )
    def test_what_is_vital_decides(
        self, answers: list[tuple[str, Status]], expected: Status
    ) -> None:
        assert overall(answers) == expected


class TestProbes:
    def test_tells_each_state(self) -> None:
        def broken() -> None:
            raise RuntimeError("secret detail")

        asked = Probes(
            {"fine": lambda: None, "tired": lambda: Remark("Slow today."), "broken": broken}
        )
        answers = {one.name: one for one in asked.ask()}
        assert answers["fine"].status == "healthy"
        assert (answers["tired"].status, answers["tired"].detail) == ("degraded", "Slow today.")
        assert answers["broken"].status == "unhealthy"
        assert "secret" not in str(answers["broken"].detail)
        asked.close()

    def test_does_not_wait_for_one_that_hangs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "LIMIT_SECONDS", 0.05)
        monkeypatch.setattr(module, "REMEMBER_SECONDS", 0.0)
        release = threading.Event()
        calls: list[int] = []

        def hanging() -> None:
            calls.append(1)
            release.wait(5)

        asked = Probes({"hanging": hanging, "fine": lambda: None})
        start = time.monotonic()
        for _ in range(3):
            answers = {one.name: one.status for one in asked.ask()}
            assert answers == {"hanging": "unhealthy", "fine": "healthy"}
        assert time.monotonic() - start < 2
        assert len(calls) == 1
        release.set()
        time.sleep(0.05)
        assert {one.status for one in asked.ask()} == {"healthy"}
        asked.close()

    def test_remembers_for_a_moment(self) -> None:
        calls: list[int] = []
        asked = Probes({"one": lambda: calls.append(1)})
        for _ in range(10):
            asked.ask()
        assert len(calls) == 1
        asked.close()
