"""Signing in: what opens, what does not, and that nobody can tell why."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import update
from starlette.testclient import TestClient

from opentranscribe.bootstrap import App
from opentranscribe.edge.limits import RateLimit
from opentranscribe.kit import clock
from opentranscribe.schema.accounts import LoginGuard, User
from opentranscribe.work import SYSTEM

Person = Callable[..., User]


def attempt(client: TestClient, email: str, password: str) -> int:
    form = {"username": email, "password": password}
    return client.post("/api/auth/token", data=form).status_code


class TestSignIn:
    def test_takes_any_spelling_of_the_address(
        self, client: TestClient, person: Person, password: str
    ) -> None:
        person("ada@example.org")
        assert attempt(client, "  ADA@Example.org ", password) == 200

    def test_takes_any_composition_of_the_password(self, client: TestClient, app: App) -> None:
        token = app.options.setup_token_file.read_text()
        composed = "Zürich Café Straße ﬁne"
        wish = {"token": token, "email": "ada@example.org", "password": composed}
        assert client.post("/api/setup", json=wish).status_code == 201
        assert attempt(client, "ada@example.org", "Zu\u0308rich Cafe\u0301 Straße fine") == 200

    def test_answers_like_oauth_and_sets_no_cookie_for_scripts(
        self, client: TestClient, person: Person, password: str
    ) -> None:
        person("ada@example.org")
        form = {"username": "ada@example.org", "password": password}
        answer = client.post("/api/auth/token", data=form)
        assert answer.json()["token_type"] == "bearer"
        assert answer.json()["expires_in"] == 86_400
        assert "set-cookie" not in answer.headers

    def test_hides_the_session_from_scripts_of_the_page(
        self, client: TestClient, person: Person, password: str
    ) -> None:
        person("ada@example.org")
        form = {"username": "ada@example.org", "password": password}
        cookies = client.post("/api/auth/login", data=form).headers.get_list("set-cookie")
        session = next(one for one in cookies if one.startswith("opentr_session="))
        assert "HttpOnly" in session
        assert "SameSite=lax" in session

    def test_all_failures_look_the_same(
        self, client: TestClient, person: Person, password: str
    ) -> None:
        person("ada@example.org")
        person("off@example.org", is_active=False)
        tries = [
            ("ada@example.org", "wrong wrong wrong wrong"),
            ("nobody@example.org", password),
            ("off@example.org", password),
            (" ", " "),
        ]
        bodies = []
        for email, given in tries:
            answer = client.post("/api/auth/token", data={"username": email, "password": given})
            assert answer.status_code == 401
            body = answer.json()
            body.pop("request_id")
            bodies.append(body)
        assert all(body == bodies[0] for body in bodies)

    def test_does_the_same_work_for_unknown_people(
        self, client: TestClient, person: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A hash is checked for them too, made as those of known people are."""
        person("known@example.org")
        checked: list[str] = []
        verify = Argon2Hasher.verify

        def counted(self: Argon2Hasher, given: str, stored: str) -> bool:
            checked.append(str(stored).rsplit("$", 2)[0])
            return verify(self, given, stored)

        monkeypatch.setattr(Argon2Hasher, "verify", counted)
        for email in ("known@example.org", "unknown@example.org"):
            assert attempt(client, email, "wrong wrong wrong wrong") == 401
        known, unknown = checked
        assert known == unknown

    def test_replaces_a_hash_of_an_older_make(
        self, client: TestClient, person: Person, app: App, password: str
    ) -> None:
        user = person("ada@example.org")
        weak = Argon2Hasher(time_cost=1, memory_cost=8192, parallelism=1).hash(password)
        with app.work(SYSTEM) as work:
            work.session.execute(
                update(User).where(User.id == user.id).values(hashed_password=weak)
            )
        assert attempt(client, "ada@example.org", password) == 200
        with app.work(SYSTEM) as work:
            kept = work.session.get_one(User, user.id).hashed_password
        assert "m=19456,t=2,p=1" in kept
        assert attempt(client, "ada@example.org", password) == 200

    @pytest.mark.parametrize("kept", ["", "!", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$broken"])
    def test_a_hash_that_cannot_be_read_opens_nothing(
        self, client: TestClient, person: Person, app: App, kept: str, password: str
    ) -> None:
        user = person("ada@example.org")
        with app.work(SYSTEM) as work:
            work.session.execute(
                update(User).where(User.id == user.id).values(hashed_password=kept)
            )
        assert attempt(client, "ada@example.org", password) == 401


class TestLockOut:
    def test_the_fifth_wrong_password_closes_the_account(
        self, client: TestClient, person: Person, password: str
    ) -> None:
        person("ada@example.org")
        for _ in range(4):
            attempt(client, "ada@example.org", "wrong wrong wrong wrong")
        assert attempt(client, "ada@example.org", password) == 200
        for _ in range(5):
            attempt(client, "ADA@example.org", "wrong wrong wrong wrong")
        wrong = client.post(
            "/api/auth/token", data={"username": "ada@example.org", "password": "w" * 20}
        )
        right = client.post(
            "/api/auth/token", data={"username": "ada@example.org", "password": password}
        )
        assert wrong.status_code == right.status_code == 401
        assert wrong.json()["detail"] == right.json()["detail"]
        assert set(wrong.headers) == set(right.headers)

    def test_thirty_at_once_get_five_checks(
        self, client: TestClient, person: Person, app: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person("ada@example.org")
        checks: list[str] = []
        authenticate = app.ports.identity.authenticate

        def counted(credentials: object) -> object:
            checks.append("check")
            return authenticate(credentials)  # type: ignore[arg-type]

        monkeypatch.setattr(app.ports.identity, "authenticate", counted)
        with ThreadPoolExecutor(30) as pool:
            answers = list(
                pool.map(lambda n: attempt(client, "ada@example.org", f"wrong {n:020}"), range(30))
            )
        assert answers == [401] * 30
        assert len(checks) == 5

    def test_opens_by_itself_and_closes_for_longer_the_next_time(
        self,
        client: TestClient,
        person: Person,
        app: App,
        password: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        person("ada@example.org")
        at = datetime(2027, 1, 1, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: at)
        for minutes in (15, 30, 60):
            for _ in range(5):
                attempt(client, "ada@example.org", "wrong wrong wrong wrong")
            at += timedelta(minutes=minutes, seconds=-1)
            assert attempt(client, "ada@example.org", password) == 401
            at += timedelta(seconds=2)
            if minutes == 60:
                assert attempt(client, "ada@example.org", password) == 200
        with app.work(SYSTEM) as work:
            assert work.session.query(LoginGuard).count() == 0

    def test_a_day_without_a_try_forgets(
        self, client: TestClient, person: Person, password: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person("ada@example.org")
        at = datetime(2027, 1, 1, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: at)
        for _ in range(4):
            attempt(client, "ada@example.org", "wrong wrong wrong wrong")
        at += timedelta(days=1, seconds=1)
        for _ in range(4):
            attempt(client, "ada@example.org", "wrong wrong wrong wrong")
        assert attempt(client, "ada@example.org", password) == 200

    def test_nobody_else_is_locked_out(
        self, client: TestClient, person: Person, password: str
    ) -> None:
        person("ada@example.org")
        person("bob@example.org")
        for _ in range(6):
            attempt(client, "ada@example.org", "wrong wrong wrong wrong")
        assert attempt(client, "bob@example.org", password) == 200

    def test_an_administrator_unlocks(
        self,
        client: TestClient,
        person: Person,
        password: str,
        bearer: Callable[..., dict[str, str]],
    ) -> None:
        ada = person("ada@example.org")
        person("root@example.org", role="admin")
        for _ in range(6):
            attempt(client, "ada@example.org", "wrong wrong wrong wrong")
        root = bearer("root@example.org")
        assert client.post(f"/api/admin/users/{ada.uuid}/unlock", headers=root).status_code == 200
        assert attempt(client, "ada@example.org", password) == 200

    def test_asking_for_the_current_password_counts_too(
        self, client: TestClient, person: Person, password: str, browser: Callable[..., TestClient]
    ) -> None:
        person("ada@example.org")
        page = browser("ada@example.org")
        for number in range(5):
            change = {"password": "another fine long one", "current_password": f"wrong {number}"}
            assert page.put("/api/users/me", json=change).status_code == 403
        change = {"password": "another fine long one", "current_password": password}
        assert page.put("/api/users/me", json=change).status_code == 403


class TestRateLimit:
    def test_one_address_cannot_spend_the_processor(
        self, api: object, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        object.__setattr__(client.app.state.edge, "sign_in_limit", RateLimit(3, 0.5))  # type: ignore[attr-defined]
        codes = [attempt(client, f"{number}@example.org", "x") for number in range(4)]
        assert codes == [401, 401, 401, 429]
        last = client.post("/api/auth/login", data={"username": "a@b.c", "password": "x"})
        assert last.status_code == 429
        assert int(last.headers["Retry-After"]) >= 1
        assert last.headers["content-type"] == "application/problem+json"
