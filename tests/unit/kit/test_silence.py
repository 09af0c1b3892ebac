"""Who waits for a server that does not answer."""

from __future__ import annotations

import threading
import time

from opentranscribe.kit import silence
from opentranscribe.kit.silence import Silence


def test_lasts_until_the_server_answers(monkeypatch) -> None:
    monkeypatch.setattr(silence, "LOOK_SECONDS", 0.001)
    is_back, looks = threading.Event(), []

    def answers() -> bool:
        looks.append(threading.current_thread().name)
        return is_back.is_set()

    kept = Silence(answers)
    assert not kept.is_kept()
    kept.begin()
    kept.begin()
    until = time.monotonic() + 5
    while len(looks) < 3 and time.monotonic() < until:
        time.sleep(0.001)
    assert kept.is_kept()
    assert set(looks) == {"silence"}
    is_back.set()
    while kept.is_kept() and time.monotonic() < until:
        time.sleep(0.001)
    assert not kept.is_kept()


def test_can_begin_again() -> None:
    kept = Silence(lambda: True)
    for _ in range(2):
        kept.begin()
        until = time.monotonic() + 5
        while kept.is_kept() and time.monotonic() < until:
            time.sleep(0.001)
        assert not kept.is_kept()
