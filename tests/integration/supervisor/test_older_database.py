"""A newer release is started over an older database: kept as it was, then brought along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from tests.integration.supervisor.installation import Installation, free_port

from opentranscribe.schema.migrations.chain import CHAIN
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.schema.migrations.state import check

OLDER = next(one.name for one in CHAIN if one.name.startswith("v355"))


@pytest.fixture
def older_url(empty_database_url: str) -> str:
    upgrade(empty_database_url, target=OLDER)
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                'INSERT INTO "user" (email, hashed_password, full_name, role)'
                " VALUES ('anna@example.org', 'x', 'Anna', 'user')"
            )
        )
    engine.dispose()
    return empty_database_url


@pytest.fixture
def installation(tmp_path: Path, older_url: str) -> Iterator[Installation]:
    settings = {
        "FRONTEND_PORT": free_port(),
        "BACKEND_PORT": free_port(),
        "OPENTR_OFFLINE": "true",
        "DATABASE_URL": older_url,
    }
    lines = [f"{name}={value}\n" for name, value in settings.items()]
    (tmp_path / ".env").write_text("".join(lines))
    made = Installation(tmp_path)
    yield made
    made.run("stop")


class TestStartOverAnOlderDatabase:
    def test_backs_it_up_and_brings_it_to_this_release(
        self, installation: Installation, older_url: str
    ) -> None:
        started = installation.run("start")
        assert started.returncode == 0, started.stderr + started.stdout
        assert check(older_url).kind == "current"
        (kept,) = installation.home.glob("backups/opentranscribe_backup_*.sql")
        assert OLDER in kept.read_text()
        assert "anna@example.org" in kept.read_text()

    def test_changes_nothing_when_it_cannot_be_backed_up(
        self, installation: Installation, older_url: str
    ) -> None:
        (installation.home / "backups").write_text("not a folder")
        started = installation.run("start")
        assert started.returncode != 0
        assert "could not be backed up" in started.stderr
        assert "Nothing was changed" in started.stderr
        assert check(older_url).revision == OLDER
