"""People who come over from the earlier system sign in with the password they have."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from opentranscribe.adapters.identity import password as identity
from opentranscribe.bootstrap import App
from opentranscribe.kit.passwords import verify_password
from opentranscribe.schema.accounts import User
from opentranscribe.work import SYSTEM

Person = Callable[..., User]
#: Of the ``password`` fixture, as passlib 1.7.4 made them.
HASHES = [
    "$bcrypt-sha256$v=2,t=2b,r=12$nihBnNTeu3WgQ6IP1CgT7e$v2Oh4m7o3Yy.6R5IsEOx4YyjbIeynES",
    "$2b$12$eKWrXPAYvHP2omSzPtPN1.I.IJzCNUxmGk5lWB7JHy/OfKvY7UFUu",
    "$pbkdf2-sha256$210000$b.09x5gz5pyT8n4vRWjNWQ$szTRFQJoteyVqAn9geeEiNxAOfKC7ftb7RCGEwsugpQ",
]


@pytest.fixture
def keep(app: App) -> Callable[[User, str], None]:
    def write(user: User, stored: str) -> None:
        values = {"hashed_password": stored, "password_hash_version": "bcrypt_sha256"}
        with app.work(SYSTEM) as work:
            work.session.execute(update(User).where(User.id == user.id).values(values))

    return write


def attempt(client: TestClient, email: str, password: str) -> int:
    form = {"username": email, "password": password}
    return client.post("/api/auth/token", data=form).status_code


class TestLegacyHash:
    @pytest.mark.parametrize("stored", HASHES)
    def test_opens_and_is_replaced_by_ours(
        self,
        client: TestClient,
        app: App,
        person: Person,
        keep: Callable[[User, str], None],
        password: str,
        stored: str,
    ) -> None:
        user = person("ada@example.org")
        keep(user, stored)
        assert attempt(client, "ada@example.org", "wrong " + password) == 401
        assert self._kept(app, user) == (stored, "bcrypt_sha256")
        assert attempt(client, "ada@example.org", password) == 200
        kept, version = self._kept(app, user)
        assert kept.startswith("$argon2id$")
        assert version == "argon2id"
        assert attempt(client, "ada@example.org", password) == 200

    def _kept(self, app: App, user: User) -> tuple[str, str]:
        with app.work(SYSTEM) as work:
            row = work.session.get_one(User, user.id)
            return row.hashed_password, row.password_hash_version

    @pytest.mark.parametrize("marker", ["EXTERNAL_AUTH_NO_PASSWORD", "$2b$12$x", ""])
    def test_a_marker_opens_nothing(
        self,
        client: TestClient,
        person: Person,
        keep: Callable[[User, str], None],
        password: str,
        marker: str,
    ) -> None:
        keep(person("ada@example.org"), marker)
        assert attempt(client, "ada@example.org", password) == 401
        assert attempt(client, "ada@example.org", marker or " ") == 401

    def test_refusals_take_as_long_for_everybody(
        self,
        client: TestClient,
        person: Person,
        keep: Callable[[User, str], None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A kept bcrypt hash costs ten times what ours does; the clock must not tell."""
        keep(person("old@example.org"), HASHES[0])
        person("new@example.org")
        clock = SlowClock()
        monkeypatch.setattr(identity, "time", clock)
        monkeypatch.setattr(identity, "verify_password", clock.verify)
        for email in ("old@example.org", "new@example.org", "nobody@example.org"):
            began = clock.now
            assert attempt(client, email, "wrong wrong wrong wrong") == 401
            assert clock.now - began == pytest.approx(identity.REFUSAL_STEP_SECONDS)


class SlowClock:
    """Time that passes only where a password is checked, by how its hash is made, or slept."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        self.now += 0.3 if (stored or "").startswith("$bcrypt") else 0.04
        return verify_password(password, stored)


class TestOtherWaysOfSigningIn:
    def test_are_told_of_to_everybody_alike_and_only_where_there_are_any(
        self, client: TestClient, app: App, person: Person
    ) -> None:
        person("ada@example.org")

        def refusal(email: str) -> str:
            form = {"username": email, "password": "wrong wrong wrong"}
            answer = client.post("/api/auth/token", data=form)
            assert answer.status_code == 401
            return str(answer.json()["detail"])

        assert "LDAP" not in refusal("ada@example.org")
        with app.work(SYSTEM) as work:
            work.session.add(User(email="l@example.org", hashed_password="!", auth_type="ldap"))
        answers = {refusal(one) for one in ("ada@example.org", "l@example.org", "no@example.org")}
        assert len(answers) == 1
        assert "LDAP, Keycloak or a certificate" in answers.pop()
