"""``opentr users``, on the machine itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner, Result

from opentranscribe.bootstrap import App
from opentranscribe.entrypoints.cli.users import app as users
from opentranscribe.schema.accounts import User

PASSWORD = "correct zebra staple battery"
Run = Callable[..., Result]


@pytest.fixture
def run(app: App, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("OPENTR_HOME", str(tmp_path))
    monkeypatch.setenv("OPENTR_DATABASE_URL", database_url)

    def call(*arguments: str, password: str | None = None) -> Result:
        if password is not None:
            arguments = (*arguments, "--password-stdin")
        return CliRunner().invoke(users, arguments, input=f"{password}\n")

    return call


def sign_in(client: TestClient, email: str, password: str = PASSWORD) -> int:
    form = {"username": email, "password": password}
    return client.post("/api/auth/token", data=form).status_code


class TestUsers:
    def test_makes_the_first_administrator_and_closes_the_set_up_page(
        self, run: Run, client: TestClient, app: App
    ) -> None:
        assert app.options.setup_token_file.exists()
        made = run("create", "Root@example.org", "--admin", "--name", "Root", password=PASSWORD)
        assert (made.exit_code, made.output) == (0, "Made root@example.org (admin).\n")
        assert not app.options.setup_token_file.exists()
        assert client.get("/api/setup").json() == {"needed": False}
        assert sign_in(client, "root@example.org") == 200

    def test_says_in_a_line_what_is_wrong(self, run: Run) -> None:
        for email, password, word in (
            ("nonsense", PASSWORD, "e-mail"),
            ("a@example.org", "short", "15 characters"),
        ):
            refused = run("create", email, password=password)
            assert refused.exit_code == 1
            assert word in refused.output
            assert "Traceback" not in refused.output
        assert "Nobody has" in run("disable", "who@example.org").output

    def test_asks_twice_for_a_password(self, run: Run, app: App) -> None:
        answers = f"{PASSWORD}\n{PASSWORD}\n"
        assert CliRunner().invoke(users, ["create", "a@x.org"], input=answers).exit_code == 0
        answers = f"{PASSWORD}\nanother one of my own\n"
        refused = CliRunner().invoke(users, ["create", "b@x.org"], input=answers)
        assert (refused.exit_code, "differ" in refused.output) == (1, True)

    def test_lists_disables_and_enables(
        self, run: Run, client: TestClient, person: Callable[..., User]
    ) -> None:
        person("ada@example.org")
        assert "never" in run("list").output
        assert run("disable", "ADA@example.org").exit_code == 0
        assert sign_in(client, "ada@example.org") == 401
        assert "disabled" in run("list").output
        assert run("enable", "ada@example.org").exit_code == 0
        assert sign_in(client, "ada@example.org") == 200

    def test_keeps_the_last_administrator(self, run: Run, person: Callable[..., User]) -> None:
        person("root@example.org", role="admin")
        refused = run("disable", "root@example.org")
        assert (refused.exit_code, "only administrator" in refused.output) == (1, True)

    def test_resets_and_unlocks(
        self, run: Run, client: TestClient, person: Callable[..., User]
    ) -> None:
        person("ada@example.org")
        for _ in range(6):
            sign_in(client, "ada@example.org", "wrong wrong wrong wrong")
        assert sign_in(client, "ada@example.org") == 401
        assert run("unlock", "ada@example.org").exit_code == 0
        assert sign_in(client, "ada@example.org") == 200
        reset = run("reset-password", "ada@example.org", password="a fresh and long one")
        assert reset.exit_code == 0
        assert sign_in(client, "ada@example.org") == 401
        assert sign_in(client, "ada@example.org", "a fresh and long one") == 200

    def test_says_so_when_the_database_is_away(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("OPENTR_HOME", str(tmp_path))
        monkeypatch.setenv("OPENTR_DATABASE_URL", "postgresql://x@127.0.0.1:1/x")
        answer = CliRunner().invoke(users, ["list"])
        assert (answer.exit_code, "opentr.sh start" in answer.output) == (1, True)
