"""A long recording is decoded by several workers at once, whatever becomes of any of them."""

from __future__ import annotations

import os
import signal
import uuid
from functools import partial

from sqlalchemy import func, select
from tests.integration.pipeline.conftest import Installation, wait_until, write_sound
from tests.integration.pipeline.stepwise import WINDOW_SECONDS, WORDS_PER_WINDOW

from opentranscribe.features.transcription.part_queries import PART
from opentranscribe.features.transcription.service import TranscriptionService
from opentranscribe.schema.jobs import Job, ProcessHeartbeat
from opentranscribe.work import SYSTEM

#: One for whoever holds the recording, the others are offered one by one.
WINDOWS = 12


def long_recording(installation: Installation) -> uuid.UUID:
    sound = write_sound(installation.home / "long.wav", WINDOWS * WINDOW_SECONDS)
    return installation.add_file(sound)


def begin(installation: Installation, *, workers: int) -> None:
    installation.remote.set_windows(WINDOWS)
    installation.start("scheduler")
    for _ in range(workers):
        installation.start("worker", "--queues", "gpu")
    wait_until(lambda: workers_seen(installation) == workers, what="workers tell that they live")


def workers_seen(installation: Installation) -> int:
    with installation.app.work(SYSTEM) as work:
        seen = select(func.count()).where(ProcessHeartbeat.kind == "worker")
        return work.session.scalar(seen) or 0


def parts(installation: Installation) -> list[str]:
    with installation.app.work(SYSTEM) as work:
        return list(work.session.scalars(select(Job.status).where(Job.kind == PART)))


def holder_of(installation: Installation, point: str) -> int:
    wait_until(partial(installation.remote.waiting_at, point), what=f"reach {point}")
    (process_id,) = installation.remote.waiting_at(point)
    return process_id


def visits(installation: Installation) -> list[int]:
    return [installation.remote.visits(f"window{index}") for index in range(WINDOWS)]


def assert_whole(installation: Installation, file_uuid: uuid.UUID) -> None:
    """Every word once and in order, and nothing left over."""
    ended = {"succeeded", "failed", "cancelled"}
    wait_until(lambda: installation.job(file_uuid).status in ended, what="the recording is done")
    assert installation.job(file_uuid).status == "succeeded"
    words = [word for segment in installation.segments(file_uuid) for word in segment.words]
    assert [word["word"].rstrip(".") for word in words] == [
        f"w{window}-{number}" for window in range(WINDOWS) for number in range(WORDS_PER_WINDOW)
    ]
    assert installation.drafts(file_uuid) == []
    assert parts(installation) == []


class TestLongRecording:
    def test_is_decoded_by_all_who_are_idle_each_window_once(
        self, running_installation: Installation
    ) -> None:
        installation = running_installation
        begin(installation, workers=3)
        for index in (0, 1, 2):
            installation.remote.hold(f"window{index}")
        file_uuid = long_recording(installation)
        assert len({holder_of(installation, f"window{index}") for index in (0, 1, 2)}) == 3
        for index in (0, 1, 2):
            installation.remote.release(f"window{index}")
        assert_whole(installation, file_uuid)
        assert visits(installation) == [1] * WINDOWS

    def test_of_an_only_worker_is_not_offered(self, running_installation: Installation) -> None:
        installation = running_installation
        begin(installation, workers=1)
        installation.remote.hold("window2")
        file_uuid = long_recording(installation)
        holder_of(installation, "window2")
        assert parts(installation) == []
        installation.remote.release("window2")
        assert_whole(installation, file_uuid)

    def test_is_done_by_its_holder_when_nobody_else_comes(
        self, running_installation: Installation
    ) -> None:
        installation = running_installation
        begin(installation, workers=2)
        installation.remote.hold("probe")
        file_uuid = long_recording(installation)
        holder = holder_of(installation, "probe")
        (other,) = {one.pid for one in installation.processes[1:]} - {holder}
        os.kill(other, signal.SIGSTOP)
        installation.remote.release("probe")
        assert_whole(installation, file_uuid)
        assert visits(installation) == [1] * WINDOWS

    def test_that_is_cancelled_stops_the_others(self, running_installation: Installation) -> None:
        installation = running_installation
        begin(installation, workers=2)
        installation.remote.hold("window0")
        installation.remote.hold("window4")
        file_uuid = long_recording(installation)
        holder_of(installation, "window0")
        holder_of(installation, "window4")
        with installation.app.work(SYSTEM) as work:
            TranscriptionService(work, installation.app.kinds, "base").cancel(file_uuid)
        wait_until(lambda: installation.job(file_uuid).status == "cancelled")
        assert parts(installation) == []
        installation.remote.release("window4")
        installation.remote.release("window0")
        second = long_recording(installation)
        assert_whole(installation, second)
        assert installation.drafts(file_uuid) == []


class TestHelper:
    def test_that_is_killed_is_replaced_by_the_holder(
        self, running_installation: Installation
    ) -> None:
        installation = running_installation
        begin(installation, workers=2)
        installation.remote.hold("window0")
        installation.remote.hold("window6")
        file_uuid = long_recording(installation)
        killed = holder_of(installation, "window6")
        os.kill(killed, signal.SIGKILL)
        installation.remote.release("window6")
        installation.remote.release("window0")
        assert_whole(installation, file_uuid)
        assert visits(installation) == [1] * 6 + [2] + [1] * 5

    def test_that_is_frozen_is_replaced_and_writes_nothing_later(
        self, running_installation: Installation
    ) -> None:
        installation = running_installation
        begin(installation, workers=2)
        installation.remote.hold("window0")
        installation.remote.hold("window5")
        file_uuid = long_recording(installation)
        frozen = holder_of(installation, "window5")
        os.kill(frozen, signal.SIGSTOP)
        installation.remote.release("window0")
        wait_until(lambda: len(installation.remote.waiting_at("window5")) == 2)
        installation.remote.release("window5")
        assert_whole(installation, file_uuid)
        os.kill(frozen, signal.SIGCONT)
        second = long_recording(installation)
        assert_whole(installation, second)
        assert_whole(installation, file_uuid)

    def test_that_cannot_do_it_is_replaced_by_the_holder(
        self, running_installation: Installation
    ) -> None:
        installation = running_installation
        begin(installation, workers=2)
        installation.remote.hold("window0")
        installation.remote.fail("window4", "missing")
        file_uuid = long_recording(installation)
        wait_until(lambda: "failed" in parts(installation), what="a part fails")
        installation.remote.mend("window4")
        installation.remote.release("window0")
        assert_whole(installation, file_uuid)
        assert visits(installation)[4] == 2


class TestHolder:
    def test_that_is_killed_finds_what_others_did_meanwhile(
        self, running_installation: Installation
    ) -> None:
        installation = running_installation
        begin(installation, workers=2)
        installation.remote.hold("window0")
        file_uuid = long_recording(installation)
        killed = holder_of(installation, "window0")
        wait_until(lambda: len(installation.drafts(file_uuid)) == WINDOWS - 1)
        os.kill(killed, signal.SIGKILL)
        installation.remote.release("window0")
        assert_whole(installation, file_uuid)
        assert visits(installation) == [2] + [1] * 11
