"""What administrators and people themselves do with accounts."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select
from starlette.testclient import TestClient

from opentranscribe.bootstrap import App
from opentranscribe.features.accounts.queries import ADMIN_ROLES
from opentranscribe.schema.accounts import User
from opentranscribe.schema.media import MediaFile
from opentranscribe.work import SYSTEM

Person = Callable[..., User]
Browser = Callable[[str], TestClient]


def add_file(app: App, user: User, key: str = "media/x/original") -> None:
    app.ports.objects.put_bytes(key, b"sound")
    with app.work(SYSTEM) as work:
        work.session.add(
            MediaFile(
                user_id=user.id,
                filename="talk.wav",
                storage_path=key,
                file_size=5,
                content_type="audio/wav",
            )
        )


class TestAdministration:
    def test_makes_people_who_can_sign_in(
        self, person: Person, browser: Browser, password: str
    ) -> None:
        person("root@example.org", role="admin")
        root = browser("root@example.org")
        new = {"email": "Bob@Example.org", "password": password, "full_name": "Bob"}
        made = root.post("/api/admin/users", json=new)
        assert (made.status_code, made.json()["email"]) == (201, "bob@example.org")
        assert browser("bob@example.org").get("/api/auth/me").json()["full_name"] == "Bob"
        assert [one["email"] for one in root.get("/api/users").json()] == [
            "root@example.org",
            "bob@example.org",
        ]

    def test_two_people_cannot_have_one_address(
        self, person: Person, browser: Browser, password: str
    ) -> None:
        person("root@example.org", role="admin")
        root = browser("root@example.org")
        new = {"email": "bob@example.org", "password": password}

        def make(_: int) -> int:
            return root.post("/api/admin/users", json=new).status_code

        with ThreadPoolExecutor(8) as pool:
            answers = sorted(pool.map(make, range(8)))
        assert answers == [201, *[409] * 7]

    def test_the_last_administrator_stays(self, person: Person, browser: Browser) -> None:
        root_user = person("root@example.org", role="admin")
        root = browser("root@example.org")
        address = f"/api/users/{root_user.uuid}"
        for change in ({"role": "user"}, {"is_active": False}):
            answer = root.put(address, json=change)
            assert (answer.status_code, answer.json()["code"]) == (409, "last_administrator")
        assert root.delete(address).status_code == 409

    def test_two_administrators_cannot_unmake_each_other(
        self, app: App, person: Person, browser: Browser
    ) -> None:
        people = [person(f"root{number}@example.org", role="admin") for number in range(2)]
        pages = [browser(one.email) for one in people]

        def demote(number: int) -> int:
            address = f"/api/users/{people[1 - number].uuid}"
            return pages[number].put(address, json={"role": "user"}).status_code

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(demote, range(2)))
        assert answers.count(200) == 1
        with app.work(SYSTEM) as work:
            query = select(func.count()).where(User.role.in_(ADMIN_ROLES))
            assert work.session.scalar(query) == 1

    def test_does_not_delete_recordings_unasked(
        self, app: App, person: Person, browser: Browser
    ) -> None:
        bob = person("bob@example.org")
        person("root@example.org", role="admin")
        add_file(app, bob)
        root = browser("root@example.org")
        refused = root.delete(f"/api/admin/users/{bob.uuid}")
        assert (refused.status_code, refused.json()["file_count"]) == (409, 1)
        assert root.delete(f"/api/admin/users/{bob.uuid}?delete_files=true").status_code == 204
        assert root.get(f"/api/users/{bob.uuid}").status_code == 404
        assert list(app.ports.objects.list("media/")) == []
        with app.work(SYSTEM) as work:
            assert work.session.scalar(select(func.count()).select_from(MediaFile)) == 0

    def test_weak_passwords_are_refused_with_a_reason(
        self, person: Person, browser: Browser
    ) -> None:
        person("root@example.org", role="admin")
        root = browser("root@example.org")
        for weak in ("short", "passwordpassword", "bob.builder.example"):
            new = {"email": "bob.builder@example.org", "password": weak}
            answer = root.post("/api/admin/users", json=new)
            assert (answer.status_code, answer.json()["code"]) == (422, "weak_password")
            assert weak not in answer.text

    def test_who_does_not_exist_is_not_found(self, person: Person, browser: Browser) -> None:
        person("root@example.org", role="admin")
        root = browser("root@example.org")
        assert root.get(f"/api/users/{uuid.uuid4()}").status_code == 404


class TestOwnAccount:
    def test_a_name_needs_no_password(self, person: Person, browser: Browser) -> None:
        person("ada@example.org")
        page = browser("ada@example.org")
        changed = page.put("/api/users/me", json={"full_name": " Ada Lovelace "})
        assert changed.json()["full_name"] == "Ada Lovelace"

    def test_an_address_needs_the_password(
        self, person: Person, browser: Browser, password: str
    ) -> None:
        person("ada@example.org")
        page = browser("ada@example.org")
        refused = page.put("/api/users/me", json={"email": "new@example.org"})
        assert (refused.status_code, refused.json()["code"]) == (403, "wrong_password")
        change = {"email": "New@example.org", "current_password": password}
        assert page.put("/api/users/me", json=change).json()["email"] == "new@example.org"
        assert browser("new@example.org").get("/api/auth/me").status_code == 200

    def test_nobody_makes_themselves_an_administrator(
        self, person: Person, browser: Browser
    ) -> None:
        person("ada@example.org")
        page = browser("ada@example.org")
        changed = page.put("/api/users/me", json={"role": "admin", "is_superuser": True})
        assert changed.json()["role"] == "user"
