"""Messages by Celery over Redis or Valkey, for workers on many machines.

The job's row is the truth, and its lease decides who works on it: a message that is lost is sent
again by the sweeper, one too many finds nothing to do. So Redis may be emptied at any time.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import redis
from celery import Celery
from celery.app.trace import setup_worker_optimizations
from celery.worker import WorkController, state
from celery.worker.consumer import Consumer
from kombu.exceptions import KombuError, OperationalError
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.orm import Session

from opentranscribe.adapters.queue.after_commit import send_after_commit
from opentranscribe.adapters.queue.signals import stopped_by_signals
from opentranscribe.adapters.queue.standing_in import StandIn
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.kit.silence import Silence
from opentranscribe.ports.queue import Envelope, Waiting

log = logging.getLogger(__name__)

TASK = "opentranscribe.work"
#: Nobody who saves something waits longer than this for a Redis that does not answer, and after
#: that nobody until it does: the sweeper sends what was not sent.
SEND_SECONDS = 1.0
#: A waiting job is not announced twice within this time. Should its message be lost without the
#: mark, it waits no longer than this.
MARK_SECONDS = 120
#: A worker that gave up for whatever reason is begun again.
RESTART_SECONDS = 2.0
#: A mark whose message may not have been sent (a frozen server marks when it thaws) hinders no longer.
SENDING_SECONDS = 5
MARK = "opentranscribe:waiting:"
#: The names of all queues that were ever used.
NAMES = "opentranscribe:queues"
PRIORITIES = list(range(10))
PRIORITY_SEPARATOR = "\x06\x16"

SETTINGS = {
    "broker_connection_retry_on_startup": True,
    "broker_transport_options": {
        # Longer than the longest job: what is done with after all is a lease's business.
        "visibility_timeout": 12 * 3600,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "priority_steps": PRIORITIES,
        "sep": PRIORITY_SEPARATOR,
        "queue_order_strategy": "priority",
        "socket_connect_timeout": SEND_SECONDS,
        "socket_keepalive": True,
    },
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_ignore_result": True,
    "task_send_sent_event": True,
    "task_serializer": "json",
    "accept_content": ["json"],
    "worker_prefetch_multiplier": 1,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_hijack_root_logger": False,
    "worker_send_task_events": True,
}


class PatientConsumer(Consumer):  # type: ignore[misc]
    """Asks for a server that is away at an even pace, not ever more rarely."""

    def ensure_connected(self, connection: Any) -> Any:
        connection.ensure_connection = partial(
            connection.ensure_connection, interval_start=RESTART_SECONDS, interval_step=0
        )
        return super().ensure_connected(connection)


class QueueAwayError(UnavailableError):
    code = "queue_unavailable"


def make_celery(address: str) -> Celery:
    """The application that workers, senders and Flower share."""
    app = Celery("opentranscribe", broker=address, set_as_current=False)
    app.conf.update(SETTINGS)
    app.conf.worker_consumer = PatientConsumer
    return app


class CeleryQueue:
    """``address`` is that of the server, ``redis://:password@host:port/0``."""

    def __init__(self, address: str) -> None:
        self.app = make_celery(address)
        self._redis = redis.Redis.from_url(
            address,
            socket_timeout=SEND_SECONDS,
            socket_connect_timeout=SEND_SECONDS,
            # The library would try ten times while somebody waits; the sweeper tries again for us.
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
        self._silence = Silence(self._answers)
        self._stopping = threading.Event()

    def enqueue(self, session: Session, envelope: Envelope) -> None:
        send_after_commit(session, envelope, self._send)

    def work(
        self,
        queues: Sequence[str],
        handle: Callable[[str], None],
        *,
        concurrency: int = 1,
        waiting: Waiting | None = None,
    ) -> None:
        """Survives the server going away: connects again until stopped."""
        self._stopping.clear()
        state.should_stop = None
        at_once = threading.Semaphore(concurrency)

        def do(job_uuid: str) -> None:
            with at_once:
                handle(job_uuid)

        @self.app.task(name=TASK, shared=False)  # type: ignore[untyped-decorator]
        def deliver(job_uuid: str) -> None:
            self._unmark(job_uuid)
            do(job_uuid)

        # What Celery's own command does before it makes a worker; it would take the signals, too.
        self.app.finalize()
        standing_in: AbstractContextManager[object] = nullcontext()
        if waiting is not None:
            named = partial(waiting, queues)
            standing_in = StandIn(self._answers, named, do, concurrency)
        with stopped_by_signals(self.stop), standing_in:
            while not self._stopping.is_set():
                self._make_controller(queues, concurrency).start()
                self._stopping.wait(RESTART_SECONDS)

    def _make_controller(self, queues: Sequence[str], concurrency: int) -> WorkController:
        controller = WorkController(
            app=self.app,
            pool_cls="threads",
            concurrency=concurrency,
            queues=list(queues),
            hostname=f"{queues[0]}-{os.getpid()}@{socket.gethostname()}",
            without_mingle=True,
            without_gossip=True,
        )
        setup_worker_optimizations(self.app, controller.hostname)
        return controller

    def stop(self) -> None:
        """Finish what runs, take nothing new. From any thread or a signal."""
        self._stopping.set()
        state.should_stop = 0

    def counts(self, session: Session) -> dict[str, int]:
        try:
            names = sorted(str(name) for name in self._redis.smembers(NAMES))
            pipe = self._redis.pipeline(transaction=False)
            for name in names:
                for priority in PRIORITIES:
                    pipe.llen(f"{name}{PRIORITY_SEPARATOR}{priority}" if priority else name)
            lengths = pipe.execute()
        except redis.RedisError as error:
            raise QueueAwayError("The job queue does not answer.") from error
        step = len(PRIORITIES)
        totals = {
            name: sum(lengths[index * step : (index + 1) * step])
            for index, name in enumerate(names)
        }
        return {name: total for name, total in totals.items() if total}

    def ping(self) -> None:
        try:
            self._redis.ping()
        except redis.RedisError as error:
            raise QueueAwayError("The job queue does not answer.") from error

    def _answers(self) -> bool:
        try:
            self.ping()
        except UnavailableError:
            return False
        return True

    def _send(self, envelopes: Sequence[Envelope]) -> None:
        """Best effort: what cannot be sent now is sent by the sweeper."""
        for envelope in envelopes:
            if self._silence.is_kept():
                return
            try:
                mark = MARK + envelope.job_uuid
                if self._redis.set(mark, 1, nx=True, ex=SENDING_SECONDS):
                    self._publish(envelope)
                    # Unless a worker has the message already.
                    self._redis.set(mark, 1, xx=True, ex=MARK_SECONDS)
            except (redis.RedisError, KombuError, OperationalError, OSError) as error:
                if isinstance(error, redis.TimeoutError):
                    self._silence.begin()
                log.warning(
                    "the message of job %s will be sent later: %s", envelope.job_uuid, error
                )
                return

    def _unmark(self, job_uuid: str) -> None:
        if self._silence.is_kept():
            return
        try:
            self._redis.delete(MARK + job_uuid)
        except redis.RedisError as error:
            if isinstance(error, redis.TimeoutError):
                self._silence.begin()
            log.debug("the mark of job %s ends by itself", job_uuid)

    def _publish(self, envelope: Envelope) -> None:
        self._redis.sadd(NAMES, envelope.queue)
        self.app.send_task(
            TASK,
            args=[envelope.job_uuid],
            queue=envelope.queue,
            priority=envelope.priority,
            retry=False,
        )
