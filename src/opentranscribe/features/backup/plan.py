"""What the policy asks for at this moment. A machine that slept through the time does it late, once;
one that failed tries again after an hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from opentranscribe.features.backup.orders import (
    Order,
    Tried,
    Verb,
    read_running,
    read_tried,
    take_order,
    write_tried,
)
from opentranscribe.features.backup.policy import Policy, last_at

AGAIN_AFTER = timedelta(hours=1)


def choose_order(folder: Path, policy: Policy, now: datetime) -> Order | None:
    """What somebody asked for, else what is due. Whoever gets it must carry it out: it is written
    down as begun. ``now`` has the machine's time zone."""
    if read_running(folder) is not None:
        return None
    asked = take_order(folder)
    if asked is not None:
        return asked
    for order, time_of_day in _planned(policy):
        tried = read_tried(folder, order.verb)
        if tried is None:
            # The first time that this is looked at is no moment that was missed.
            write_tried(folder, order.verb, Tried(now, now))
        elif is_due(tried, time_of_day, now):
            write_tried(folder, order.verb, Tried(now, tried.done))
            return order
    return None


def is_due(tried: Tried, time_of_day: str, now: datetime) -> bool:
    if max(tried.begun, tried.done) > now:
        # It was written down while the clock was wrong, and would hold everything back.
        return True
    moment = last_at(time_of_day, now)
    return tried.done < moment and (tried.begun < moment or now - tried.begun >= AGAIN_AFTER)


def note_done(folder: Path, verb: Verb, now: datetime) -> None:
    tried = read_tried(folder, verb)
    write_tried(folder, verb, Tried(tried.begun if tried else now, now))


def _planned(policy: Policy) -> Iterator[tuple[Order, str]]:
    if policy.enabled:
        yield Order("create", encrypt=policy.encrypt, planned=True), policy.at
    if policy.enabled and policy.drill_enabled:
        yield Order("drill", planned=True), policy.drill_at
