"""Updates on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, StringConstraints

VersionText = Annotated[str, StringConstraints(pattern=r"^v?[0-9][0-9A-Za-z.+-]{0,40}$|^$")]
Outcome = Literal["running", "updated", "put_back", "refused", "rolled_back", "restored"]


class MaintenanceOut(BaseModel):
    """For everybody, also signed out: whether visitors are held at this moment."""

    maintenance: bool = False


class UpdateOut(BaseModel):
    """The update under way, or the last one. ``fraction`` in [0, 1]; times are ISO 8601."""

    id: str
    from_version: str
    to_version: str
    started_at: str
    outcome: Outcome
    step: str
    title: str
    fraction: float
    seconds_left: float
    log: list[str]
    reason: str
    backup: str
    written: str


class PreparingOut(BaseModel):
    """What was asked for on the page and has not shown what comes of it; ``has_ended`` when the
    process that carried it out is gone all the same. ``since`` is ISO 8601."""

    verb: Literal["check", "update", "rollback"]
    since: str
    has_ended: bool


class PastUpdateOut(BaseModel):
    """``written`` is the file that lists what was written since; empty where there is none."""

    id: str
    kind: Literal["update", "rollback", "restore"]
    from_release: str
    to_release: str
    at: str
    result: str
    reason: str
    written: str


class UpdatesOut(BaseModel):
    """``check`` is what the last check found, null before the first; ``waiting`` while a request
    has not begun or prepares."""

    version: str
    can_roll_back: bool
    waiting: bool
    preparing: PreparingOut | None
    current: UpdateOut | None
    check: dict[str, Any] | None
    history: list[PastUpdateOut]


class UpdateIn(BaseModel):
    version: VersionText = ""


class AskedOut(BaseModel):
    asked: Literal["check", "update", "rollback"]
