"""What every source of identity promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from opentranscribe.adapters.identity.password import PasswordIdentity
from opentranscribe.adapters.identity.scripted import ScriptedIdentity
from opentranscribe.kit.passwords import hash_password
from opentranscribe.ports.identity import (
    Credentials,
    ExternalIdentity,
    Identity,
    IdentityUnavailableError,
)
from opentranscribe.schema.accounts import User

RIGHT = Credentials("ada@example.org", "correct zebra staple battery")


@dataclass
class Source:
    identity: Identity
    break_it: Callable[[], Any]


def _password(url: str) -> Source:
    engine = create_engine(url)
    with Session(engine) as session:
        session.add(User(email=RIGHT.username, hashed_password=hash_password(RIGHT.password)))
        session.commit()
    identity = PasswordIdentity(engine)
    away = create_engine("postgresql+psycopg://x@127.0.0.1:1/x")
    return Source(identity, lambda: setattr(identity, "_engine", away))


def _scripted() -> Source:
    ada = ExternalIdentity("scripted", "ada", RIGHT.username)
    identity = ScriptedIdentity({(RIGHT.username, RIGHT.password): ada})
    return Source(identity, lambda: setattr(identity, "is_down", True))


@pytest.fixture(params=["password", "scripted"])
def source(request: pytest.FixtureRequest) -> Source:
    if request.param == "scripted":
        return _scripted()
    return _password(request.getfixturevalue("database_url"))


class TestIdentity:
    def test_knows_who_has_the_right_password(self, source: Source) -> None:
        found = source.identity.authenticate(RIGHT)
        assert found is not None
        assert found.email == RIGHT.username
        assert found.subject
        assert found.method == source.identity.method

    @pytest.mark.parametrize(
        ("username", "password"),
        [
            ("ada@example.org", "wrong"),
            ("ada@example.org", ""),
            ("eve@example.org", "correct zebra staple battery"),
            ("", ""),
            ("ada@example.org' OR 1=1 --", "x"),
        ],
    )
    def test_knows_nobody_else(self, source: Source, username: str, password: str) -> None:
        assert source.identity.authenticate(Credentials(username, password)) is None

    def test_says_so_when_it_is_away(self, source: Source) -> None:
        source.identity.ping()
        source.break_it()
        with pytest.raises(IdentityUnavailableError):
            source.identity.authenticate(RIGHT)
        with pytest.raises(IdentityUnavailableError):
            source.identity.ping()

    def test_keeps_passwords_out_of_logs(self) -> None:
        assert RIGHT.password not in repr(RIGHT)
