"""When backups are made by themselves, how long they are kept, and where copies of them go."""

from __future__ import annotations

import logging
import re
from datetime import datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)

from opentranscribe.features.backup import policy_queries
from opentranscribe.features.backup.rules import Kept
from opentranscribe.work import Work

log = logging.getLogger(__name__)

KEY = "backup.policy"
ABOUT = "When backups are made by themselves and how long they are kept"
SCHEMES = {"s3", "sftp"}


def _require_time(value: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value, re.ASCII):
        raise ValueError("must be a time of day such as 02:30")
    return value


TimeOfDay = Annotated[str, AfterValidator(_require_time)]


class Policy(BaseModel):
    """Times of day are this machine's; ``to`` is where each backup is copied to besides: a folder,
    ``s3://`` or ``sftp://``, empty for nowhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    at: TimeOfDay = "02:30"
    drill_enabled: bool = True
    drill_at: TimeOfDay = "03:30"
    keep_daily: Annotated[int, Field(ge=0, le=1000)] = 7
    keep_weekly: Annotated[int, Field(ge=0, le=1000)] = 4
    keep_monthly: Annotated[int, Field(ge=0, le=1000)] = 6
    keep_minimum: Annotated[int, Field(ge=1, le=1000)] = 3
    encrypt: bool = False
    to: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""

    @field_validator("to")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        if not all(letter.isprintable() for letter in value):
            raise ValueError("must be one line of text")
        if not value or value.startswith("/"):
            return value
        parts = urlsplit(value)
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise ValueError("must be a folder from / on, s3://BUCKET/… or sftp://USER@HOST/…")
        if parts.password is not None:
            raise ValueError("must have no password in it; name a key file in .env instead")
        return value

    @property
    def kept(self) -> Kept:
        return Kept(self.keep_daily, self.keep_weekly, self.keep_monthly, self.keep_minimum)


def read_policy(work: Work) -> Policy:
    """The usual one where nobody chose, or what was chosen cannot be understood."""
    value = policy_queries.read_setting(work.session, KEY)
    if value is None:
        return Policy()
    try:
        return Policy.model_validate_json(value)
    except ValidationError as error:
        log.warning("the plan of backups cannot be read; the usual one holds: %s", error)
        return Policy()


def write_policy(work: Work, policy: Policy) -> None:
    policy_queries.write_setting(work.session, KEY, policy.model_dump_json(), ABOUT)


def next_at(time_of_day: str, now: datetime) -> datetime:
    """The next moment of that time of day. ``now`` has the machine's time zone."""
    today = _moment(time_of_day, now)
    return today if today > now else _moment(time_of_day, now + timedelta(days=1))


def last_at(time_of_day: str, now: datetime) -> datetime:
    today = _moment(time_of_day, now)
    return today if today <= now else _moment(time_of_day, now - timedelta(days=1))


def _moment(time_of_day: str, day: datetime) -> datetime:
    return datetime.combine(day.date(), time.fromisoformat(time_of_day), tzinfo=day.tzinfo)
