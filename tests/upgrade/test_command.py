"""``opentr db`` on an external database."""

from __future__ import annotations

import pytest
from tests.upgrade.database import connect
from typer.testing import CliRunner

from opentranscribe.entrypoints.cli.db import app
from opentranscribe.schema.migrations.chain import CHAIN, HEAD
from opentranscribe.schema.migrations.errors import SchemaUnsuitableError


@pytest.fixture
def url(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", empty_database_url.replace("postgresql+psycopg", "postgres"))
    return empty_database_url


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words), catch_exceptions=True)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


class TestDb:
    def test_check_fails_until_upgrade_was_run(self, url: str) -> None:
        code, output = run("check")
        assert code == 1
        assert "opentr db upgrade" in output
        assert run("upgrade")[0] == 0
        code, output = run("check")
        assert code == 0
        assert HEAD in output

    def test_plan_lists_steps_and_locks_and_changes_nothing(self, url: str) -> None:
        code, output = run("plan")
        assert code == 0
        assert all(revision.name in output for revision in CHAIN)
        assert "rewrite  add uq_transcript_segment_content" in output
        assert run("check")[0] == 1

    def test_history_lists_what_was_applied(self, url: str) -> None:
        assert "Nothing is written down yet" in run("history")[1]
        run("upgrade")
        lines = run("history")[1].splitlines()
        assert len(lines) == len(CHAIN)
        assert HEAD in lines[-1]

    def test_upgrade_can_stop_on_the_way(self, url: str) -> None:
        assert run("upgrade", "--to", "v010_baseline")[0] == 0
        assert "v010_baseline" in run("check")[1]

    def test_plan_refuses_a_schema_it_does_not_know(self, url: str) -> None:
        with connect(url) as connection:
            connection.execute("CREATE TABLE orders (id INT)")
        with pytest.raises(SchemaUnsuitableError, match="none of this product"):
            run("plan")
