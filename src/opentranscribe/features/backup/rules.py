"""Names of backups, and which of them are kept: decisions without a disk or a database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_NAME = re.compile(r"^opentranscribe_backup_(\d{8}_\d{6})(\.sql)?$")
_STAMP = "%Y%m%d_%H%M%S"


def name_at(moment: datetime) -> str:
    """``opentranscribe_backup_20261123_071500``, in UTC."""
    return f"opentranscribe_backup_{moment.astimezone(UTC).strftime(_STAMP)}"


def moment_of(name: str) -> datetime | None:
    """When the backup of that file or folder name was made; None when it is no backup's name."""
    found = _NAME.match(name)
    if not found:
        return None
    try:
        return datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


@dataclass(frozen=True)
class Kept:
    """Grandfather, father, son: the newest of each of the last days, weeks and months that have
    one. ``least`` newest are kept in any case."""

    daily: int = 7
    weekly: int = 4
    monthly: int = 6
    least: int = 3


@dataclass(frozen=True)
class Past:
    """A backup as retention sees it; ``is_good`` when its bytes were proven to be right,
    ``is_full`` when what was proven has the recordings too."""

    name: str
    made_at: datetime
    is_good: bool
    is_full: bool = False
    is_drilled: bool = False
    is_held: bool = False


def choose_expired(backups: Iterable[Past], kept: Kept) -> list[str]:
    """Names that may go, oldest first.

    Never the newest good one, with recordings or without, the newest drilled one, or one that is
    held; and a period is represented by its best backup, so that a bad one never pushes a good one
    out. Where none is known to be good, none may go.
    """
    newest_first = sorted(backups, key=lambda one: (one.made_at, one.name), reverse=True)
    if not any(one.is_good for one in newest_first):
        return []
    stays = {one.name for one in newest_first[: kept.least]}
    stays |= {one.name for one in newest_first if one.is_held}
    for proven in (
        [one for one in newest_first if one.is_good],
        [one for one in newest_first if one.is_good and one.is_full],
        [one for one in newest_first if one.is_good and one.is_drilled],
    ):
        stays |= {one.name for one in proven[:1]}
    for count, period in _periods(kept):
        stays |= _representatives(newest_first, count, period)
    return [one.name for one in reversed(newest_first) if one.name not in stays]


def _periods(kept: Kept) -> list[tuple[int, Callable[[datetime], object]]]:
    return [
        (kept.daily, lambda at: at.date()),
        (kept.weekly, lambda at: at.isocalendar()[:2]),
        (kept.monthly, lambda at: (at.year, at.month)),
    ]


def _representatives(
    newest_first: list[Past], count: int, period: Callable[[datetime], object]
) -> set[str]:
    chosen: dict[object, Past] = {}
    for one in newest_first:
        key = period(one.made_at)
        if key not in chosen:
            if len(chosen) == count:
                break
            chosen[key] = one
        elif _worth(one) > _worth(chosen[key]):
            chosen[key] = one
    return {one.name for one in chosen.values()}


def _worth(one: Past) -> tuple[bool, bool]:
    return one.is_good, one.is_good and one.is_full


def is_stale(newest_good: datetime | None, now: datetime, limit: timedelta) -> bool:
    return newest_good is None or now - newest_good > limit
