"""One request, one job step or one command: one ``Work``, one transaction, one commit, here."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session, sessionmaker

from opentranscribe.ports.notices import Notice, Notices
from opentranscribe.ports.queue import Envelope, Queue
from opentranscribe.work.actor import Actor
from opentranscribe.work.events import Event

log = logging.getLogger(__name__)

Listener = Callable[["Work", Event], None]


class Work:
    """A transaction with its actor. Application code flushes; the factory that opened it commits.

    Jobs are enqueued inside the transaction; notices and ``after_commit`` actions wait for it and
    are dropped when it rolls back.
    """

    def __init__(
        self,
        session: Session,
        actor: Actor,
        queue: Queue,
        listeners: dict[type[Event], list[Listener]],
    ) -> None:
        self.session = session
        self.actor = actor
        self._queue = queue
        self._listeners = listeners
        self._notices: list[Notice] = []
        self._after_commit: list[Callable[[], None]] = []

    def enqueue(self, envelope: Envelope) -> None:
        self.session.flush()
        self._queue.enqueue(self.session, envelope)

    def notify(self, notice: Notice) -> None:
        self._notices.append(notice)

    def after_commit(self, action: Callable[[], None]) -> None:
        """For effects outside the database that may be repeated or lost (deleting objects)."""
        self._after_commit.append(action)

    def emit(self, event: Event) -> None:
        self.session.flush()
        for listener in self._listeners.get(type(event), []):
            listener(self, event)

    def run_after_commit(self, notices: Notices) -> None:
        for action in self._after_commit:
            try:
                action()
            except Exception:  # the transaction is kept: an effect that failed is only logged
                log.exception("an action after the commit failed")
        for notice in self._notices:
            notices.publish(notice)


class WorkFactory:
    """Opens units of work; the only place that commits."""

    def __init__(self, sessions: sessionmaker[Session], queue: Queue, notices: Notices) -> None:
        self._sessions = sessions
        self._queue = queue
        self._notices = notices
        self._listeners: dict[type[Event], list[Listener]] = defaultdict(list)

    def listen(self, event: type[Event], listener: Listener) -> None:
        self._listeners[event].append(listener)

    @contextmanager
    def __call__(self, actor: Actor) -> Iterator[Work]:
        with self._sessions() as session:
            work = Work(session, actor, self._queue, self._listeners)
            yield work
            session.commit()
        work.run_after_commit(self._notices)
