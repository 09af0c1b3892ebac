"""An installation's folders over a database of the test's own."""

from __future__ import annotations

import random
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from opentranscribe.adapters.objects.filesystem import FilesystemObjects
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres, wheel_binaries
from opentranscribe.features.backup import queries
from opentranscribe.features.backup.places import Places
from opentranscribe.features.backup.programs import Programs
from opentranscribe.features.backup.service import BackupService
from opentranscribe.work.databases import (
    administer,
    connect,
    copy_database,
    list_databases,
    name_of,
)

SEED = """
INSERT INTO "user" (email, hashed_password, full_name)
SELECT 'person' || i || '@example.org', 'x', E'Tab\\there, line\\nbreak, \\\\. and \\\\N ' || i
FROM generate_series(1, 5) i;
INSERT INTO media_file (user_id, filename, title, storage_path, file_size, content_type, status)
SELECT 1 + i % 5, 'take ' || i || '.wav', CASE WHEN i % 2 = 0 THEN '' END,
       'media/' || gen_random_uuid(), 10, 'audio/wav', 'completed'
FROM generate_series(1, 8) i;
INSERT INTO speaker (user_id, media_file_id, name)
SELECT 1 + i % 5, i, 'SPEAKER_00' FROM generate_series(1, 8) i;
INSERT INTO voiceprint (speaker_id, user_id, media_file_id, model, version, dimension, vector,
                        speech_seconds)
SELECT i, 1 + i % 5, i, 'm', '1', 3, ARRAY[0.1, 1.0 / i, 'NaN']::real[], 2.5
FROM generate_series(1, 8) i;
INSERT INTO transcript_segment (media_file_id, speaker_id, start_time, end_time, text, words)
SELECT 1 + i % 8, 1 + i % 8, i, i + random(),
       CASE i % 4 WHEN 0 THEN E'\\\\.' WHEN 1 THEN '' WHEN 2 THEN E'a\\tb\\nc\\r\\\\ ü 日本 🎉'
       ELSE 'plain words ' || i END,
       jsonb_build_array(jsonb_build_object('word', E'q"\\\\', 'start', i))
FROM generate_series(1, 5000) i;
DELETE FROM transcript_segment WHERE id BETWEEN 2000 AND 2600;
"""


@pytest.fixture(scope="session")
def seeded_template(postgres_server: EmbeddedPostgres, migrated_template: str) -> str:
    """Filled once a run; each test gets a copy of it."""
    name = "template_seeded"
    with connect(postgres_server.url("postgres")) as connection:
        copy_database(connection, migrated_template, name)
    with connect(postgres_server.url(name)) as connection:
        connection.execute(SEED.encode())
        connection.execute("ANALYZE")
    return name


@pytest.fixture
def seeded_url(
    postgres_server: EmbeddedPostgres,
    seeded_template: str,
    other_database: Callable[..., str],
) -> str:
    return other_database(f"test_{uuid.uuid4().hex}", seeded_template)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    for name in ("backups", "secrets", "scratch", "state"):
        (tmp_path / name).mkdir()
    return Places(
        version="1.0.0",
        bin_dir=wheel_binaries(),
        backups_dir=tmp_path / "backups",
        secrets_dir=tmp_path / "secrets",
        env_file=tmp_path / ".env",
        scratch_dir=tmp_path / "scratch",
        state_dir=tmp_path / "state",
    )


@pytest.fixture
def objects(tmp_path: Path, seeded_url: str) -> FilesystemObjects:
    """What the rows of the seed name, and one that none does."""
    store = FilesystemObjects(tmp_path / "objects")
    with connect(seeded_url) as connection:
        rows = connection.execute("SELECT id, storage_path FROM media_file ORDER BY id").fetchall()
    for number, key in rows:
        store.put_bytes(key, b"recording %d " % number + random.Random(number).randbytes(30_000))
    store.put_bytes("media/nobody-names-it", b"x")
    return store


@pytest.fixture
def service(places: Places, seeded_url: str, objects: FilesystemObjects) -> BackupService:
    places.env_file.write_text("FRONTEND_PORT=5199\nSECRET=a-b-c\n")
    return BackupService(places, seeded_url, objects)


def digests(url: str) -> dict[str, str]:
    """Every row of every table that a backup must bring back, in canonical text."""
    with connect(url) as connection:
        connection.execute(queries.CANONICAL.encode())
        found = {}
        for table in queries.list_tables(connection, queries.list_schemas(connection)):
            query = f"SELECT count(*) || ':' || COALESCE(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table.sql.as_string()} t"
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            found[table.title] = row[0]
        return found


def beside(url: str) -> list[str]:
    """Names of the databases that begin with the live one's."""
    with administer(url) as connection:
        live = f"{name_of(url)}_"
        return sorted(one for one in list_databases(connection) if one.startswith(live))


@pytest.fixture
def psql(postgres_server: EmbeddedPostgres) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """As the guide types it: a file piped into psql."""

    def pipe(url: str, content: bytes) -> subprocess.CompletedProcess[bytes]:
        programs = Programs(wheel_binaries(), url)
        return subprocess.run(
            [str(programs.bin_dir / "psql"), "-X"],
            input=content,
            capture_output=True,
            env=programs._environment(),
            check=False,
        )

    return pipe


@pytest.fixture
def other_database(postgres_server: EmbeddedPostgres) -> Iterator[Callable[..., str]]:
    """Makes further databases on the same server and removes them."""
    made: list[str] = []
    admin = postgres_server.url("postgres").replace("+psycopg", "")

    def make(name: str, template: str = "template1") -> str:
        url = postgres_server.url(name)
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        made.append(name_of(url))
        return url

    yield make
    with psycopg.connect(admin, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
