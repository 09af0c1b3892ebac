"""Who visits during a proof: a person made for it, and the owner of the newest transcript.

Both are let in by sessions that are gone afterwards. The person is recognised by the address, so
that what a killed proof left behind is removed by the next one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentranscribe.features.accounts import queries as accounts
from opentranscribe.features.accounts.service import AccountService
from opentranscribe.features.auth.sessions import Device, SessionService
from opentranscribe.features.media.service import MediaService
from opentranscribe.features.upgrade.proof import queries
from opentranscribe.kit.options import Options
from opentranscribe.ports.objects import Objects
from opentranscribe.schema.accounts import User
from opentranscribe.work import SYSTEM, WorkFactory
from opentranscribe.work.actor import Actor

DOMAIN = "proof.opentranscribe.example"
DEVICE = Device("Proof of this installation", None)
MARKS = ".,;:!?\"'()[]"


@dataclass(frozen=True)
class Person:
    email: str
    password: str
    user_id: int


@dataclass(frozen=True)
class OwnedFile:
    """The newest recording with a transcript; ``token`` lets its owner in."""

    uuid: str
    storage_path: str
    word: str
    token: str


@contextmanager
def temporary_person(work: WorkFactory, objects: Objects, options: Options) -> Iterator[Person]:
    """Somebody for the time of the proof, gone afterwards with everything they brought."""
    remove_people(work, objects, options)
    password = secrets.token_urlsafe(24)
    email = f"proof-{secrets.token_hex(6)}@{DOMAIN}"
    with work(SYSTEM) as unit:
        user = AccountService(unit).create(email, password, full_name="Proof")
        person = Person(email, password, user.id)
    try:
        yield person
    finally:
        remove_people(work, objects, options)


def remove_people(work: WorkFactory, objects: Objects, options: Options) -> int:
    """Everybody who was made for a proof, with their recordings; how many."""
    with work(SYSTEM) as unit:
        found = queries.list_people(unit, DOMAIN)
    for user_id in found:
        with work(Actor(user_id=user_id, is_admin=True)) as unit:
            for file in accounts.list_files_of(unit, user_id):
                MediaService(unit, objects).delete(file.uuid)
        with work(SYSTEM) as unit:
            accounts.delete_possessions(unit, user_id)
            accounts.delete_user(unit, user_id)
    return len(found)


@contextmanager
def newest_file(work: WorkFactory, options: Options) -> Iterator[OwnedFile | None]:
    """None where nobody has a transcript yet."""
    with work(SYSTEM) as unit:
        row = queries.find_newest_transcript(unit)
        if row is None:
            found = None
        else:
            owner = unit.session.get_one(User, row.user_id)
            token = SessionService(unit, options).open(owner, "bearer", DEVICE).token
            word = longest_word(row.text.split())
            found = OwnedFile(str(row.uuid), row.storage_path, word, token)
    try:
        yield found
    finally:
        with work(SYSTEM) as unit:
            queries.delete_sessions(unit, DEVICE.user_agent or "")


def longest_word(words: Iterable[str]) -> str:
    """The one that is looked for; without the marks around it."""
    return max((word.strip(MARKS) for word in words), key=len)
