"""Versions, requirements, settings files and commands, as people write them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.features.upgrade.preflight.sound import sound_context

from opentranscribe.features.upgrade.preflight.environment_file import parse
from opentranscribe.features.upgrade.preflight.queries.server import _stand
from opentranscribe.features.upgrade.preflight.rules.commands import listed, size, sql
from opentranscribe.features.upgrade.preflight.rules.release import allows_python, parse_version
from opentranscribe.schema.migrations.chain import CHAIN, HEAD


class TestVersions:
    def test_sort_as_they_were_made(self) -> None:
        made = [
            "0.9",
            "1.0.0.dev1",
            "1.0.0a1",
            "1.0.0b2",
            "1.0.0rc1",
            "1.0.0",
            "1.0.1",
            "1.10",
            "2",
        ]
        read = [parse_version(one) for one in made]
        assert None not in read
        assert read == sorted(read, key=lambda one: one or ((), 0, 0))

    def test_are_the_same_with_a_v_a_zero_or_a_build(self) -> None:
        assert parse_version("v1.2.0+abc") == parse_version("1.2")

    @pytest.mark.parametrize("text", ["", "main", "1.x", "latest"])
    def test_that_are_none(self, text: str) -> None:
        assert parse_version(text) is None


class TestPythonRequirements:
    @pytest.mark.parametrize(
        ("requirement", "allowed"),
        [
            ("", True),
            (">=3.11", True),
            (">=3.11, <3.14", True),
            (">3.10", True),
            ("~=3.11", True),
            ("==3.11.*", True),
            ("!=3.11.7", False),
            (">=3.12", False),
            (">=3.9,<3.11", False),
            ("new", None),
        ],
    )
    def test_are_read(self, requirement: str, allowed: bool | None) -> None:
        assert allows_python(requirement, (3, 11, 7)) is allowed


class TestSettingsFiles:
    def test_with_everything_that_is_allowed(self) -> None:
        text = "# a comment\n\nA=1\nexport B=2\n C = 3\nD=\"one\nA=no name\"\nE='x=y'"
        assert parse(text) == (("A", "B", "C", "D", "E"), ())

    def test_with_lines_that_are_nothing(self) -> None:
        assert parse("A=1\nwhat?\n1B=2\n") == (("A",), (2, 3))


class TestWhereAReleaseStands:
    @pytest.mark.parametrize(
        ("revision", "head", "stands"),
        [
            (HEAD, HEAD, "same"),
            (CHAIN[0].name, HEAD, "ahead"),
            (HEAD, CHAIN[0].name, "behind"),
            (HEAD, "v999_future", "ahead"),
            ("v999_future", HEAD, "behind"),
            ("v999_future", "v998_future", "behind"),
            (None, HEAD, "ahead"),
            (HEAD, "something", "unknown"),
            ("something", HEAD, "unknown"),
        ],
    )
    def test_seen_from_the_database(self, revision: str | None, head: str, stands: str) -> None:
        assert _stand(revision, head) == stands


class TestCommands:
    def test_for_the_embedded_database_take_its_password_from_its_file(self) -> None:
        context = replace(sound_context(), tools_dir=Path("/opt/my tools"))
        assert sql(context, "SELECT 'a'") == (
            'PGPASSWORD="$(cat /srv/opentranscribe/data/secrets/postgres)" '
            "'/opt/my tools/psql' -h /run/pg -U postgres -d opentranscribe -c 'SELECT '\"'\"'a'\"'\"''"
        )

    def test_never_show_a_password(self) -> None:
        url = "postgresql://ann:s%40cret@db.example:5433/ot"
        command = sql(replace(sound_context(), embedded=False, database_url=url), "SELECT 1")
        assert command == "psql -h db.example -p 5433 -U ann -d ot -c 'SELECT 1'"

    def test_name_a_few_and_count_the_rest(self) -> None:
        assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
        assert [size(5), size(2048), size(3 * 1024**3)] == ["5 bytes", "2 KiB", "3.0 GiB"]
