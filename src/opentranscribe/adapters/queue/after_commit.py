"""Messages that leave a process only when the transaction that made them is committed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from opentranscribe.ports.queue import Envelope

PENDING = "opentranscribe.messages"


def send_after_commit(
    session: Session, envelope: Envelope, send: Callable[[Sequence[Envelope]], None]
) -> None:
    """``send`` gets all messages of one transaction at once, and none of one that was undone."""
    if PENDING not in session.info:
        session.info[PENDING] = []

        def deliver(committed: Session) -> None:
            if not committed.in_nested_transaction():
                send(tuple(committed.info[PENDING]))
                committed.info[PENDING].clear()

        event.listen(session, "after_commit", deliver)
        event.listen(session, "after_soft_rollback", _drop)
    if not session.in_transaction():
        session.begin()
    session.info[PENDING].append(envelope)


def _drop(session: Session, ended: SessionTransaction) -> None:
    if not ended.nested:
        session.info[PENDING].clear()
