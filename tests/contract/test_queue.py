"""What every queue promises, on each of them."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker
from tests.contract.redis_server import RedisServer, make_server

from opentranscribe.adapters.queue.celery import CeleryQueue
from opentranscribe.adapters.queue.inline import InlineQueue
from opentranscribe.adapters.queue.procrastinate import ProcrastinateQueue
from opentranscribe.adapters.queue.standing_in import LOOK_SECONDS
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.queue import Envelope


class Bench:
    """A queue with its database and a worker in a thread."""

    def __init__(self, queue: Any, sessions: sessionmaker[Session]) -> None:
        self.queue = queue
        self.sessions = sessions
        self.delivered: list[str] = []
        self._threads: list[threading.Thread] = []

    def enqueue(self, job: str, queue: str = "gpu", priority: int = 5) -> None:
        with self.sessions() as session:
            self.queue.enqueue(session, Envelope(job, queue, priority))
            session.commit()

    def start(self, *queues: str, handle: Callable[[str], None] | None = None) -> None:
        thread = threading.Thread(
            target=self.queue.work, args=(queues, handle or self.delivered.append)
        )
        thread.start()
        self._threads.append(thread)

    def wait_for(self, jobs: list[str], seconds: float = 10.0) -> None:
        until = time.monotonic() + seconds
        while self.delivered != jobs and time.monotonic() < until:
            time.sleep(0.01)
        assert self.delivered == jobs

    def stop(self) -> None:
        self.queue.stop()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()
        self._threads.clear()


class Rows:
    """Jobs that wait by their rows, and a worker of a queue in a thread."""

    def __init__(self, queue: CeleryQueue) -> None:
        self.done: list[str] = []
        self.asked = 0
        self.most_at_once = 0
        self._running = 0
        self._waiting: list[str] = []
        self._queue = queue
        self._thread = threading.Thread(
            target=queue.work, args=(["gpu"], self._do), kwargs={"waiting": self._due}
        )
        self._thread.start()

    def add(self, *jobs: str) -> None:
        self._waiting += jobs

    def wait_until_done(self, *jobs: str) -> None:
        until = time.monotonic() + 20
        while sorted(self.done) != sorted(jobs) and time.monotonic() < until:
            time.sleep(0.05)
        assert sorted(self.done) == sorted(jobs)

    def stop(self) -> None:
        self._queue.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _due(self, queues: Sequence[str]) -> Sequence[str]:
        assert list(queues) == ["gpu"]
        self.asked += 1
        return list(self._waiting)

    def _do(self, job: str) -> None:
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        time.sleep(0.05)
        self._running -= 1
        self.done.append(job)
        if job in self._waiting:
            self._waiting.remove(job)


@pytest.fixture(params=["inline", "procrastinate", "celery"])
def bench(request: pytest.FixtureRequest, database_url: str) -> Iterator[Bench]:
    engine = create_engine(database_url)
    queue: Any = InlineQueue()
    if request.param == "procrastinate":
        queue = ProcrastinateQueue(engine)
        queue.ensure_schema()
    if request.param == "celery":
        redis_server: RedisServer = request.getfixturevalue("server")
        redis_server.client().flushall()
        queue = CeleryQueue(redis_server.address)
    made = Bench(queue, sessionmaker(engine))
    yield made
    made.stop()
    engine.dispose()


class TestQueue:
    def test_delivers_what_was_committed(self, bench: Bench) -> None:
        bench.start("gpu")
        bench.enqueue("a")
        bench.wait_for(["a"])

    def test_delivers_what_waited_before_the_worker_came(self, bench: Bench) -> None:
        bench.enqueue("a")
        bench.start("gpu")
        bench.wait_for(["a"])

    def test_forgets_what_was_rolled_back(self, bench: Bench) -> None:
        with bench.sessions() as session:
            bench.queue.enqueue(session, Envelope("never", "gpu", 0))
            session.rollback()
            bench.queue.enqueue(session, Envelope("kept", "gpu", 0))
            session.commit()
        bench.start("gpu")
        bench.wait_for(["kept"])
        assert bench.delivered == ["kept"]

    def test_delivers_the_most_urgent_first(self, bench: Bench) -> None:
        for job, priority in (("last", 9), ("first", 0), ("middle", 5), ("middle too", 5)):
            bench.enqueue(job, priority=priority)
        bench.start("gpu")
        bench.wait_for(["first", "middle", "middle too", "last"])

    def test_leaves_other_queues_alone(self, bench: Bench) -> None:
        bench.enqueue("other", queue="utility")
        bench.start("gpu")
        bench.enqueue("mine")
        bench.wait_for(["mine"])
        with bench.sessions() as session:
            assert bench.queue.counts(session) == {"utility": 1}

    def test_takes_the_same_job_twice_without_complaint(self, bench: Bench) -> None:
        bench.enqueue("a")
        bench.enqueue("a")
        bench.start("gpu")
        bench.enqueue("b", priority=9)
        until = time.monotonic() + 10
        while "b" not in bench.delivered and time.monotonic() < until:
            time.sleep(0.01)
        assert set(bench.delivered) == {"a", "b"}

    def test_a_later_error_does_not_undo_the_caller(self, bench: Bench) -> None:
        bench.enqueue("a")
        with bench.sessions() as session:
            bench.queue.enqueue(session, Envelope("a", "gpu", 5))
            bench.queue.enqueue(session, Envelope("b", "gpu", 5))
            session.commit()
        bench.start("gpu")
        until = time.monotonic() + 10
        while "b" not in bench.delivered and time.monotonic() < until:
            time.sleep(0.01)
        assert "b" in bench.delivered

    def test_stop_lets_the_running_job_finish(self, bench: Bench) -> None:
        begun, may_end = threading.Event(), threading.Event()

        def handle(job: str) -> None:
            begun.set()
            may_end.wait(10)
            bench.delivered.append(job)

        bench.start("gpu", handle=handle)
        bench.enqueue("a")
        assert begun.wait(10)
        bench.queue.stop()
        bench.enqueue("b")
        may_end.set()
        bench.stop()
        assert bench.delivered == ["a"]

    def test_answers_a_ping(self, bench: Bench) -> None:
        bench.queue.ping()


class TestProcrastinateSchema:
    def test_can_be_ensured_again(self, database_url: str) -> None:
        engine = create_engine(database_url)
        queue = ProcrastinateQueue(engine)
        queue.ensure_schema()
        sessions = sessionmaker(engine)
        with sessions() as session:
            queue.enqueue(session, Envelope("a", "gpu", 5))
            session.commit()
        queue.ensure_schema()
        with sessions() as session:
            assert queue.counts(session) == {"gpu": 1}
        engine.dispose()

    def test_is_made_anew_when_it_is_of_another_version(self, database_url: str) -> None:
        engine = create_engine(database_url)
        queue = ProcrastinateQueue(engine)
        queue.ensure_schema()
        with engine.begin() as connection:
            connection.exec_driver_sql("COMMENT ON SCHEMA queue IS 'procrastinate older'")
            connection.exec_driver_sql("DROP FUNCTION queue.procrastinate_register_worker_v1")
        queue.ensure_schema()
        with engine.begin() as connection:
            found = connection.exec_driver_sql(
                "SELECT to_regprocedure('queue.procrastinate_register_worker_v1()')"
            ).scalar()
        assert found is not None
        engine.dispose()


class OnAServerOfItsOwn:
    """One that may be killed."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[RedisServer]:
        made = make_server(tmp_path)
        made.start()
        yield made
        made.kill()


class TestCeleryQueue(OnAServerOfItsOwn):
    @pytest.fixture
    def bench(self, server: RedisServer, database_url: str) -> Iterator[Bench]:
        engine = create_engine(database_url)
        made = Bench(CeleryQueue(server.address), sessionmaker(engine))
        yield made
        made.stop()
        engine.dispose()

    def test_fails_nobody_while_the_server_is_away(self, bench: Bench, server: RedisServer) -> None:
        server.kill()
        bench.enqueue("a")
        with pytest.raises(UnavailableError):
            bench.queue.ping()
        server.start()
        bench.start("gpu")
        bench.enqueue("a")
        bench.wait_for(["a"])

    def test_a_server_that_froze_while_a_job_was_announced_hears_of_it_again(
        self, bench: Bench, server: RedisServer
    ) -> None:
        """What it was asked meanwhile it does when it thaws, and nothing of that may hinder."""
        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        bench.enqueue("a")
        server.process.send_signal(signal.SIGCONT)
        bench.start("gpu")
        until = time.monotonic() + 30
        while not bench.delivered and time.monotonic() < until:
            bench.enqueue("a")
            time.sleep(0.2)
        assert "a" in bench.delivered

    def test_a_job_taken_at_once_can_be_announced_again(self, bench: Bench) -> None:
        bench.start("gpu")
        for number in range(1, 21):
            bench.enqueue("a")
            bench.wait_for(["a"] * number)

    # Of what Celery will do by default one day; we have chosen.
    @pytest.mark.filterwarnings("ignore::celery.exceptions.CPendingDeprecationWarning")
    def test_works_on_after_the_server_lost_everything(
        self, bench: Bench, server: RedisServer
    ) -> None:
        bench.start("gpu")
        bench.enqueue("a")
        bench.wait_for(["a"])
        server.lose_everything()
        server.start()
        # As the sweeper does with every job that waits.
        until = time.monotonic() + 30
        while "b" not in bench.delivered and time.monotonic() < until:
            bench.enqueue("b")
            time.sleep(0.2)
        assert bench.delivered == ["a", "b"]

    def test_announces_a_waiting_job_once(self, bench: Bench) -> None:
        for _ in range(3):
            bench.enqueue("a")
        with bench.sessions() as session:
            assert bench.queue.counts(session) == {"gpu": 1}

    def test_its_workers_answer_those_who_watch(self, bench: Bench) -> None:
        bench.start("gpu")
        bench.enqueue("a")
        bench.wait_for(["a"])
        (answer,) = bench.queue.app.control.ping(timeout=2)
        (name,) = answer
        assert name.startswith("gpu-")
        assert bench.queue.app.control.inspect().active_queues()[name][0]["name"] == "gpu"


# Of what Celery will do by default one day; we have chosen.
@pytest.mark.filterwarnings("ignore::celery.exceptions.CPendingDeprecationWarning")
class TestCeleryQueueWithoutItsServer(OnAServerOfItsOwn):
    """Jobs are taken from their rows, which a list stands for here."""

    @pytest.fixture
    def queue(self, server: RedisServer) -> CeleryQueue:
        return CeleryQueue(server.address)

    @pytest.fixture
    def rows(self, queue: CeleryQueue) -> Iterator[Rows]:
        made = Rows(queue)
        yield made
        made.stop()

    def test_work_goes_on_while_it_is_killed(self, rows: Rows, server: RedisServer) -> None:
        server.kill()
        rows.add("a", "b", "c")
        rows.wait_until_done("a", "b", "c")

    def test_work_goes_on_while_it_is_frozen(self, rows: Rows, server: RedisServer) -> None:
        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        rows.add("a", "b", "c")
        rows.wait_until_done("a", "b", "c")
        server.process.send_signal(signal.SIGCONT)

    def test_rows_are_not_asked_while_it_is_there(self, rows: Rows) -> None:
        rows.add("a")
        time.sleep(4 * LOOK_SECONDS)
        assert (rows.done, rows.asked) == ([], 0)

    def test_messages_count_again_once_it_is_back(
        self, rows: Rows, queue: CeleryQueue, server: RedisServer, database_url: str
    ) -> None:
        server.kill()
        rows.add("a")
        rows.wait_until_done("a")
        server.start()
        until = time.monotonic() + 30
        engine = create_engine(database_url)
        while "b" not in rows.done and time.monotonic() < until:
            with Session(engine) as session:
                queue.enqueue(session, Envelope("b", "gpu", 5))
                session.commit()
            time.sleep(0.2)
        engine.dispose()
        time.sleep(3 * LOOK_SECONDS)  # until it was looked whether the server answers
        asked = rows.asked
        time.sleep(2 * LOOK_SECONDS)
        assert (rows.done[:2], rows.asked) == (["a", "b"], asked)

    def test_never_more_at_once_than_wanted(self, rows: Rows, server: RedisServer) -> None:
        server.kill()
        rows.add(*"abcdef")
        rows.wait_until_done(*"abcdef")
        assert rows.most_at_once == 1
