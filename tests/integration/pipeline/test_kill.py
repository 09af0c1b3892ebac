"""Whatever is killed, and whenever: nothing is lost, nothing doubled, nothing stuck."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import uuid
from functools import partial

import pytest
from sqlalchemy import func, select
from tests.integration.pipeline.conftest import Installation, wait_until
from tests.integration.pipeline.stepwise import POINTS, WINDOWS, WORDS_PER_WINDOW

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.schema.jobs import Job
from opentranscribe.schema.speakers import Speaker
from opentranscribe.work import SYSTEM

#: Kills of workers; a larger number by command.
KILLS = int(os.environ.get("OPENTR_TEST_KILLS", "40"))
WORDS = WINDOWS * WORDS_PER_WINDOW
#: Which visits a kill at a point may cause again: that step's and its neighbour's beside it.
STEP_OF = {"window0": "transcribe", "window2": "transcribe"}


def assert_done_once(installation: Installation, file_uuid: uuid.UUID) -> None:
    """Every word once, in order, of two speakers, and nothing left over."""
    segments = installation.segments(file_uuid)
    words = [word["word"].rstrip(".") for segment in segments for word in segment.words]
    assert words == [f"w{w}-{i}" for w in range(WINDOWS) for i in range(WORDS_PER_WINDOW)]
    assert installation.drafts(file_uuid) == []
    file = installation.file(file_uuid)
    assert (file.status, file.last_error_message, file.notices) == ("completed", None, [])
    with installation.app.work(SYSTEM) as work:
        speakers = select(func.count()).where(Speaker.media_file_id == file.id)
        assert work.session.scalar(speakers) == 2
    job = installation.job(file_uuid)
    assert (job.status, job.lease_owner, job.error_code) == ("succeeded", None, None)
    steps = installation.steps(job)
    assert {step.status for step in steps.values()} == {"done", "skipped"}
    assert installation.job(file_uuid, "search.").status in {"queued", "running", "succeeded"}


def is_completed(installation: Installation, file_uuid: uuid.UUID) -> bool:
    return installation.job(file_uuid).status in {"succeeded", "failed", "cancelled"}


def is_waiting(installation: Installation, worker: subprocess.Popen[bytes], point: str) -> bool:
    return worker.pid in installation.remote.waiting_at(point)


class TestKilledWorker:
    def test_loses_doubles_and_blocks_nothing(self, running_installation: Installation) -> None:
        """A worker is held at each point in turn, killed there, and another goes on."""
        installation = running_installation
        installation.start("scheduler")
        workers = [installation.start("worker", "--queues", "gpu,embedding") for _ in range(2)]
        points = itertools.islice(itertools.cycle(POINTS), KILLS)
        files = []
        for point in points:
            installation.remote.hold(point)
            file_uuid = installation.add_file()
            files.append(file_uuid)
            wait_until(partial(installation.remote.waiting_at, point), what=f"reach {point}")
            (process_id,) = installation.remote.waiting_at(point)
            before = {name: installation.remote.visits(name) for name in POINTS}
            os.kill(process_id, signal.SIGKILL)
            workers = self._replace(installation, workers, process_id)
            installation.remote.release(point)
            wait_until(partial(is_completed, installation, file_uuid), what=f"end after {point}")
            assert_done_once(installation, file_uuid)
            self._assert_only_what_ran_was_repeated(installation, point, before)
        for file_uuid in files:
            assert_done_once(installation, file_uuid)
        wait_until(lambda: self._unfinished(installation) == 0, what="all jobs end")

    def test_that_dies_of_the_same_step_every_time_is_parked(
        self, running_installation: Installation
    ) -> None:
        installation = running_installation
        installation.start("scheduler")
        installation.remote.hold("speech")
        file_uuid = installation.add_file()
        for _ in range(3):
            worker = installation.start("worker", "--queues", "gpu")
            wait_until(partial(is_waiting, installation, worker, "speech"))
            worker.kill()
            worker.wait()
        installation.start("worker", "--queues", "gpu")
        wait_until(lambda: is_completed(installation, file_uuid))
        file = installation.file(file_uuid)
        assert (file.status, file.error_category) == ("error", "worker_lost")
        assert "short of memory" in (file.last_error_message or "")
        assert installation.remote.visits("speech") == 3

    def test_that_dies_of_diarization_every_time_gives_the_transcript_without(
        self, running_installation: Installation
    ) -> None:
        installation = running_installation
        installation.start("scheduler")
        installation.remote.hold("diarize")
        file_uuid = installation.add_file()
        for _ in range(2):
            worker = installation.start("worker", "--queues", "gpu")
            wait_until(partial(is_waiting, installation, worker, "diarize"))
            wait_until(
                lambda: (
                    installation.steps(installation.job(file_uuid))["transcribe"].status == "done"
                )
            )
            worker.kill()
            worker.wait()
        installation.start("worker", "--queues", "gpu")
        wait_until(lambda: is_completed(installation, file_uuid))
        file = installation.file(file_uuid)
        assert file.status == "completed"
        assert [notice["code"] for notice in file.notices] == ["diarize_failed"]
        assert len(installation.segments(file_uuid)) == WINDOWS

    def _replace(
        self, installation: Installation, workers: list[subprocess.Popen[bytes]], killed: int
    ) -> list[subprocess.Popen[bytes]]:
        for worker in workers:
            if worker.pid == killed:
                worker.wait()
        alive = [worker for worker in workers if worker.pid != killed]
        return [*alive, installation.start("worker", "--queues", "gpu,embedding")]

    def _assert_only_what_ran_was_repeated(
        self, installation: Installation, point: str, before: dict[str, int]
    ) -> None:
        """Steps that were done before the kill are not done again."""
        order = ("probe", "decode", "speech")
        step = STEP_OF.get(point, point)
        for name in order:
            earlier = step not in order or order.index(name) < order.index(step)
            again = installation.remote.visits(name) - before[name]
            if earlier and not (name == "speech" and step in {"diarize", "voiceprints"}):
                assert again == 0, f"{name} was repeated after a kill at {point}"
        if point == "window2":
            assert installation.remote.visits("window0") == before["window0"]

    def _unfinished(self, installation: Installation) -> int:
        with installation.app.work(SYSTEM) as work:
            query = select(func.count()).where(Job.status.in_(("queued", "running")))
            return work.session.scalar(query) or 0


class TestKilledScheduler:
    def test_is_not_missed_for_long(self, running_installation: Installation) -> None:
        installation = running_installation
        first = installation.start("scheduler")
        installation.start("worker", "--queues", "gpu")
        installation.remote.hold("window2")
        file_uuid = installation.add_file()
        wait_until(lambda: installation.remote.waiting_at("window2"))
        (worker,) = installation.remote.waiting_at("window2")
        first.kill()
        first.wait()
        os.kill(worker, signal.SIGKILL)
        installation.remote.release("window2")
        installation.start("worker", "--queues", "gpu,embedding")
        installation.start("scheduler")
        wait_until(lambda: is_completed(installation, file_uuid))
        assert_done_once(installation, file_uuid)


class TestKilledDatabase:
    @pytest.mark.parametrize("point", ["decode", "window2", "save"])
    def test_comes_back_and_the_job_goes_on(
        self,
        running_installation: Installation,
        postgres_server: EmbeddedPostgres,
        point: str,
    ) -> None:
        installation = running_installation
        installation.start("scheduler")
        installation.start("worker", "--queues", "gpu,embedding")
        installation.remote.hold(point)
        file_uuid = installation.add_file()
        wait_until(lambda: installation.remote.waiting_at(point))
        assert postgres_server.process is not None
        postgres_server.process.send_signal(signal.SIGKILL)
        postgres_server.process.wait()
        installation.remote.release(point)
        postgres_server.start(installation.home / "postgres.log")
        wait_until(lambda: self._completed(installation, file_uuid))
        assert_done_once(installation, file_uuid)

    def _completed(self, installation: Installation, file_uuid: uuid.UUID) -> bool:
        installation.app.engine.dispose()
        return is_completed(installation, file_uuid)


class TestTwoWorkers:
    def test_never_both_write(self, running_installation: Installation) -> None:
        """The first is frozen past its lease; when it thaws, the job is another's."""
        installation = running_installation
        installation.start("scheduler")
        installation.start("worker", "--queues", "gpu")
        installation.remote.hold("window2")
        file_uuid = installation.add_file()
        wait_until(lambda: installation.remote.waiting_at("window2"))
        (frozen,) = installation.remote.waiting_at("window2")
        os.kill(frozen, signal.SIGSTOP)
        installation.start("worker", "--queues", "gpu,embedding")
        wait_until(lambda: len(installation.remote.waiting_at("window2")) == 2)
        attempt = installation.job(file_uuid).attempt
        os.kill(frozen, signal.SIGCONT)
        installation.remote.release("window2")
        wait_until(lambda: is_completed(installation, file_uuid))
        assert installation.job(file_uuid).attempt == attempt == 2
        assert_done_once(installation, file_uuid)


class TestGracefulStop:
    def test_hands_the_job_back_without_costing_an_attempt(
        self, running_installation: Installation
    ) -> None:
        installation = running_installation
        worker = installation.start("worker", "--queues", "gpu")
        installation.remote.hold("window2")
        file_uuid = installation.add_file()
        wait_until(lambda: installation.remote.waiting_at("window2"))
        worker.terminate()
        assert worker.wait(60) == 0
        job = installation.job(file_uuid)
        assert (job.status, job.attempt, job.lease_owner) == ("queued", 0, None)
        assert len(installation.drafts(file_uuid)) == 2
        installation.remote.release("window2")
        decoded = installation.remote.visits("window0")
        installation.start("worker", "--queues", "gpu,embedding")
        wait_until(lambda: is_completed(installation, file_uuid))
        assert installation.remote.visits("window0") == decoded
        assert_done_once(installation, file_uuid)
