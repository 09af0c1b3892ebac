"""The catalogue after every revision is frozen; running a revision twice changes nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from tests.upgrade.database import apply, connect, one, read_with_settings

from opentranscribe.schema import accounts, jobs, media, speakers, transcript
from opentranscribe.schema.base import Base
from opentranscribe.schema.migrations.chain import CHAIN
from opentranscribe.schema.migrations.fingerprint import Catalogue, digest, read_catalogue
from opentranscribe.schema.migrations.legacy import LEGACY
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.schema.migrations.shapes import shape_of, without_stamp
from opentranscribe.schema.migrations.state import open_connection

FROZEN = Path(__file__).with_name("frozen_catalogue.json")
#: Importing them is what fills the metadata.
MAPPED = (accounts, jobs, media, speakers, transcript)


def read_ladder() -> list[dict[str, Any]]:
    named = os.environ.get("OPENTR_TEST_REFERENCE")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "reference"
    ladder = folder / "schema-ladder.json"
    if not ladder.is_file():
        pytest.skip(f"no ladder at {ladder}; set OPENTR_TEST_REFERENCE")
    revisions: list[dict[str, Any]] = json.loads(ladder.read_text(encoding="utf-8"))
    return revisions


def describe(wanted: Catalogue, found: Catalogue) -> list[str]:
    keys = sorted(wanted.keys() | found.keys())
    return [
        f"{key}: wanted {wanted.get(key)}, found {found.get(key)}"
        for key in keys
        if wanted.get(key) != found.get(key)
    ]


class TestChain:
    def test_makes_the_frozen_catalogue_after_each_revision_run_once_and_twice(
        self, empty_database_url: str
    ) -> None:
        frozen = json.loads(FROZEN.read_text(encoding="utf-8"))
        found: dict[str, str] = {}
        with connect(empty_database_url) as connection:
            for revision in CHAIN:
                apply(connection, revision)
                once = read_with_settings(connection)
                apply(connection, revision)
                assert describe(once, read_with_settings(connection)) == [], revision.name
                found[revision.name] = digest(once)
                known = shape_of(revision.name).catalogue
                run = "tools/gen_known_schemas.py makes the known schemas anew"
                assert describe(known, without_stamp(read_catalogue(connection))) == [], run
        assert found == frozen

    def test_makes_every_line_of_the_ladder(self, empty_database_url: str) -> None:
        ladder = read_ladder()
        assert [entry["revision"] for entry in ladder] == [revision.name for revision in LEGACY]
        wanted: Catalogue = {}
        with connect(empty_database_url) as connection:
            for entry, revision in zip(ladder, LEGACY, strict=True):
                wanted |= entry["added"] | {k: v[1] for k, v in entry["changed"].items()}
                for key in entry["removed"]:
                    del wanted[key]
                wanted.pop("extension uuid-ossp", None)
                for _ in range(2):
                    apply(connection, revision)
                    assert describe(wanted, read_with_settings(connection)) == [], revision.name

    def test_can_run_again_from_the_start_on_a_finished_database(self, database_url: str) -> None:
        """A step that an interrupted run repeats meets what later revisions made of its work."""
        with connect(database_url) as connection:
            before = read_with_settings(connection)
            for revision in CHAIN:
                apply(connection, revision)
            assert describe(before, read_with_settings(connection)) == []


class TestMetadata:
    def test_says_of_each_mapped_column_and_link_what_the_head_has(
        self, database_url: str, empty_database_url: str
    ) -> None:
        assert MAPPED
        engine = create_engine(empty_database_url)
        Base.metadata.create_all(engine)
        engine.dispose()
        with connect(empty_database_url) as mapped, connect(database_url) as head:
            wanted, found = read_catalogue(mapped), read_catalogue(head)
        missing = {(kind, meaning) for kind, meaning in map(meaning_of, wanted.items())} - set(
            map(meaning_of, found.items())
        )
        assert sorted(missing) == []

    def test_leaves_no_column_that_must_be_given_unmapped(self, database_url: str) -> None:
        """Else the application could not insert a row."""
        with connect(database_url) as head:
            found = read_catalogue(head)
        for table in Base.metadata.sorted_tables:
            required = {
                key.removeprefix(f"column {table.name}.")
                for key, value in found.items()
                if key.startswith(f"column {table.name}.")
                and "not null" in value
                and "default" not in value
            }
            assert required <= {column.name for column in table.columns}, table.name


def meaning_of(entry: tuple[str, str]) -> tuple[str, str]:
    """Columns by name, constraints and indexes by table and definition."""
    key, value = entry
    value = value.replace("CURRENT_TIMESTAMP", "now()")
    if key.startswith("column "):
        return key, value
    kind, _, rest = key.partition(" ")
    return f"{kind} {rest.rpartition('.')[0]}", value


class TestHead:
    def test_has_places_for_what_can_be_rebuilt(self, database_url: str) -> None:
        with open_connection(database_url) as connection:
            query = "SELECT array_agg(nspname::text ORDER BY 1) FROM pg_namespace WHERE nspname IN"
            assert one(connection, f"{query} ('derived', 'queue')") == ["derived", "queue"]

    def test_is_the_same_by_the_runner_as_step_by_step(self, empty_database_url: str) -> None:
        upgrade(empty_database_url)
        frozen = json.loads(FROZEN.read_text(encoding="utf-8"))
        with connect(empty_database_url) as connection:
            assert digest(read_with_settings(connection)) == frozen[CHAIN[-1].name]
