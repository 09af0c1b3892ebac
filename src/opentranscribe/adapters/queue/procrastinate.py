"""Messages as rows of procrastinate in PostgreSQL, woken by LISTEN/NOTIFY, no second server.

Its tables live in the schema ``queue`` and are derived: dropping them loses nothing, because the
sweeper enqueues every waiting job again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import procrastinate
from procrastinate.exceptions import ConnectorException
from procrastinate.schema import SchemaManager
from procrastinate.worker import Worker
from psycopg import Error as PsycopgError
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from opentranscribe.adapters.queue.signals import stopped_by_signals
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.queue import Envelope, Waiting

log = logging.getLogger(__name__)

SCHEMA = "queue"
TASK = "work"
RECONNECT_SECONDS = 2.0
POLL_SECONDS = 5.0
#: Any number that nothing else in this database locks.
SCHEMA_LOCK = 7_140_233

DEFER = text(
    """
    SELECT queue.procrastinate_defer_jobs_v1(ARRAY[
        ROW(:queue, :task, :priority, NULL, :job_uuid, CAST(:args AS jsonb), NULL)
        ]::queue.procrastinate_job_to_defer_v1[])
    WHERE NOT EXISTS (
        SELECT FROM queue.procrastinate_jobs WHERE queueing_lock = :job_uuid AND status = 'todo')
    """
)
COUNTS = text(
    "SELECT queue_name, count(*) FROM queue.procrastinate_jobs WHERE status = 'todo' GROUP BY 1"
)
#: What dead workers left; their jobs are found by the lease in the job's row.
FORGET_ABANDONED = text(
    "DELETE FROM queue.procrastinate_jobs WHERE status = 'doing' AND worker_id IS NULL"
)
#: Every function of the schema finds its own tables, whatever the caller's search path.
PIN_FUNCTIONS = """
DO $$ DECLARE f regprocedure; BEGIN
    FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'queue'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = queue, pg_catalog', f);
    END LOOP;
END $$
"""


class QueueUnavailableError(UnavailableError):
    code = "queue_unavailable"


class ProcrastinateQueue:
    """``engine`` is only asked for its address and, in :meth:`ensure_schema`, for a connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stopping = threading.Event()
        self._stop_worker: Callable[[], None] | None = None

    def ensure_schema(self) -> None:
        """Make the library's tables, or make them anew when its version changed. Idempotent."""
        wanted = SchemaManager.get_schema()
        mark = f"procrastinate {hashlib.sha256(wanted.encode()).hexdigest()[:16]}"
        with self._engine.begin() as connection:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})"))
            present = connection.scalar(
                text(
                    "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace"
                    " WHERE nspname = 'queue'"
                    " AND to_regclass('queue.procrastinate_jobs') IS NOT NULL"
                )
            )
            if present == mark:
                return
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
            connection.exec_driver_sql(f"SET LOCAL search_path = {SCHEMA}, pg_catalog")
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute(wanted)
            connection.exec_driver_sql("SET LOCAL search_path = public, pg_catalog")
            driver.execute(PIN_FUNCTIONS)
            connection.exec_driver_sql(f"COMMENT ON SCHEMA {SCHEMA} IS '{mark}'")

    def enqueue(self, session: Session, envelope: Envelope) -> None:
        values = {
            "queue": envelope.queue,
            "task": TASK,
            "priority": -envelope.priority,
            "job_uuid": envelope.job_uuid,
            "args": json.dumps({"job_uuid": envelope.job_uuid}),
        }
        try:
            with session.begin_nested():
                session.execute(DEFER, values)
        except IntegrityError:
            log.debug("job %s is already waiting", envelope.job_uuid)

    def work(
        self,
        queues: Sequence[str],
        handle: Callable[[str], None],
        *,
        concurrency: int = 1,
        waiting: Waiting | None = None,
    ) -> None:
        """Survives the database going away: connects again until stopped."""
        self._stopping.clear()
        with stopped_by_signals(self.stop):
            while not self._stopping.is_set():
                try:
                    self._forget_abandoned()
                    asyncio.run(self._run(queues, handle, concurrency))
                except (ConnectorException, PsycopgError, DBAPIError, OSError) as error:
                    log.warning("the queue is away, connecting again: %s", error)
                self._stopping.wait(RECONNECT_SECONDS)

    def stop(self) -> None:
        """Finish what runs, take nothing new. From any thread or a signal."""
        self._stopping.set()
        stop_worker = self._stop_worker
        if stop_worker is not None:
            stop_worker()

    def counts(self, session: Session) -> dict[str, int]:
        return dict(session.execute(COUNTS).tuples().all())

    def ping(self) -> None:
        try:
            with self._engine.connect() as connection:
                connection.execute(text("SELECT FROM queue.procrastinate_jobs LIMIT 1"))
        except DBAPIError as error:
            raise QueueUnavailableError("The job queue does not answer.") from error

    def _forget_abandoned(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(FORGET_ABANDONED)

    async def _run(
        self, queues: Sequence[str], handle: Callable[[str], None], concurrency: int
    ) -> None:
        connector = procrastinate.PsycopgConnector(
            conninfo=self._conninfo(),
            kwargs={"options": f"-c search_path={SCHEMA}"},
            min_size=1,
            max_size=concurrency + 2,
            timeout=10.0,
        )
        app = procrastinate.App(connector=connector)

        @app.task(name=TASK)
        async def deliver(job_uuid: str) -> None:
            await asyncio.to_thread(handle, job_uuid)

        async with app.open_async():
            worker = Worker(
                app,
                queues=list(queues),
                concurrency=concurrency,
                delete_jobs="always",
                fetch_job_polling_interval=POLL_SECONDS,
                install_signal_handlers=False,
            )
            loop = asyncio.get_running_loop()
            stop: Callable[[], None] = worker.stop
            self._stop_worker = lambda: _call_soon(loop, stop)
            running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]
            await asyncio.sleep(0)  # the worker resets an older stop before its first await
            if self._stopping.is_set():
                stop()
            try:
                await running
            finally:
                self._stop_worker = None

    def _conninfo(self) -> str:
        url = self._engine.url.set(drivername="postgresql")
        return url.render_as_string(hide_password=False)


def _call_soon(loop: asyncio.AbstractEventLoop, action: Callable[[], Any]) -> None:
    try:
        loop.call_soon_threadsafe(action)
    except RuntimeError:
        log.debug("the worker has already ended")
