"""An installation of the earlier system: its rows at any of its schemas, its bucket, its dumps."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict
from tests.factories.media import tone, write_wav
from tests.upgrade.builder import build
from tests.upgrade.database import Connection, connect, one

from opentranscribe.entrypoints.supervisor.postgres import wheel_binaries
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.schema.migrations.shapes import load_shapes
from opentranscribe.work.databases import plain_url

PASSWORD = "correct zebra staple battery"
#: Of PASSWORD, as passlib 1.7.4 made them.
HASHES = {
    "sha@example.org": "$bcrypt-sha256$v=2,t=2b,r=12$nihBnNTeu3WgQ6IP1CgT7e$v2Oh4m7o3Yy.6R5IsEOx4YyjbIeynES",
    "bcrypt@example.org": "$2b$12$eKWrXPAYvHP2omSzPtPN1.I.IJzCNUxmGk5lWB7JHy/OfKvY7UFUu",
    "fips@example.org": "$pbkdf2-sha256$210000$b.09x5gz5pyT8n4vRWjNWQ$szTRFQJoteyVqAn9geeEiNxAOfKC7ftb7RCGEwsugpQ",
}
KEY = "a sentence, not base64 — ключ"
SEALED = (
    "v3:1mGreoFmWxEOwnh_VeVdDQ==:wv-1JubT1hkcB3H5:CII5i01qlz7gCJRfWEvNkf3LJqVYmRkOE7w0X3GJNP_AbWtU"
)
HEAD = "v362_add_pipeline_timing_markers"
#: Tabs, backslashes, the end of rows, a command of psql, an apostrophe: all within one segment.
DIFFICULT = "It's a \\! test;\n\\.\n\\! touch /tmp/x\t\\N -- $$ 日本"
WORDS = [{"word": "Bananas", "start": 0.5, "end": 1.0, "score": 0.9}]


@dataclass
class Earlier:
    """``bucket`` is what was exported; ``lost`` the title of a recording that is not in it."""

    url: str
    folder: Path
    lost: str = "lost"

    @property
    def bucket(self) -> Path:
        return self.folder / "bucket"

    def dump(self, form: str) -> Path:
        """``plain``, ``clean``, ``create``, ``inserts``, ``custom``, ``tar``, ``folder``; with
        ``.gz`` packed."""
        words = {
            "plain": [],
            "clean": ["--clean"],
            "create": ["--create"],
            "inserts": ["--inserts"],
            "custom": ["-Fc"],
            "tar": ["-Ft"],
            "folder": ["-Fd"],
        }
        kind = form.removesuffix(".gz")
        target = self.folder / f"dump-{kind}"
        if not target.exists():
            self._pg_dump(*words[kind], f"--file={target}")
        if kind == form:
            return target
        packed = target.with_name(f"{target.name}.gz")
        packed.write_bytes(gzip.compress(target.read_bytes(), 1))
        return packed

    def _pg_dump(self, *words: str) -> None:
        known = conninfo_to_dict(plain_url(self.url))
        command = [str(wheel_binaries() / "pg_dump"), "-h", str(known["host"]), "-U", "postgres"]
        subprocess.run(
            [*command, *words, str(known["dbname"])],
            env={"PGPASSWORD": str(known["password"])},
            check=True,
        )


def make_earlier(url: str, folder: Path, *, revision: str = HEAD, release: str = "") -> Earlier:
    """``url`` leads to an empty database."""
    made = Earlier(url, folder)
    made.bucket.mkdir(parents=True)
    if release:
        shape = next(shape for shape in load_shapes() if shape.release == release)
        with connect(url) as connection:
            build(connection, shape.catalogue)
    else:
        upgrade(url, target=revision)
    with connect(url) as connection:
        _add_users(connection)
        for number, email in enumerate(HASHES):
            _add_recording(connection, made, email, f"take {number}", seconds=6.0 + number)
        _add_recording(connection, made, "sha@example.org", made.lost, seconds=0.0)
        _add_unfinished(connection, made)
        _add_secrets(connection)
    return made


def has_column(connection: Connection, table: str, column: str) -> bool:
    query = """SELECT EXISTS (SELECT FROM information_schema.columns
               WHERE table_schema = 'public' AND table_name = %s AND column_name = %s)"""
    return bool(one(connection, query, table, column))


def _add_users(connection: Connection) -> None:
    for email, stored in HASHES.items():
        connection.execute(
            'INSERT INTO "user" (email, hashed_password, full_name, role) VALUES (%s, %s, %s, %s)',
            (
                email,
                stored,
                email.partition("@")[0],
                "admin" if email.startswith("sha") else "user",
            ),
        )
    if has_column(connection, "user", "keycloak_id"):
        for way in ("ldap", "keycloak", "pki"):
            connection.execute(
                'INSERT INTO "user" (email, hashed_password, full_name, auth_type)'
                " VALUES (%s, 'EXTERNAL_AUTH_NO_PASSWORD', %s, %s)",
                (f"{way}@example.org", way, way),
            )
    connection.execute(
        'INSERT INTO "user" (email, hashed_password, full_name) VALUES (%s, %s, %s)',
        ("broken@example.org", "md5:unknown", "Broken"),
    )


def _add_file(connection: Connection, made: Earlier, email: str, title: str, status: str) -> int:
    key = f"user_1/file_{title.replace(' ', '_')}/{title}.wav"
    query = """INSERT INTO media_file (user_id, filename, title, storage_path, file_size,
                                       content_type, status, thumbnail_path)
               SELECT id, %s, %s, %s, %s, 'audio/wav', %s, 'nowhere.webp' FROM "user"
               WHERE email = %s RETURNING id"""
    path = made.bucket / key
    size = path.stat().st_size if path.exists() else 1000
    return int(one(connection, query, f"{title}.wav", title, key, size, status, email))


def _add_recording(
    connection: Connection, made: Earlier, email: str, title: str, *, seconds: float
) -> None:
    path = made.bucket / f"user_1/file_{title.replace(' ', '_')}/{title}.wav"
    if seconds:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_wav(path, tone(seconds, 16_000, pitch_hz=300 + 10 * seconds))
    file_id = _add_file(connection, made, email, title, "completed")
    speaker = one(
        connection,
        "INSERT INTO speaker (user_id, media_file_id, name, display_name)"
        " SELECT user_id, id, 'SPEAKER_00', 'Anna' FROM media_file WHERE id = %s RETURNING id",
        file_id,
    )
    texts = [f"Bananas of {title}", DIFFICULT, "x" * 3000]
    for number, text in enumerate(texts):
        segment = one(
            connection,
            "INSERT INTO transcript_segment (media_file_id, speaker_id, start_time, end_time, text)"
            " VALUES (%s, %s, %s, %s, %s) RETURNING id",
            *(file_id, speaker, number * 2.0, number * 2.0 + 1.9, text),
        )
        if has_column(connection, "transcript_segment", "words"):
            connection.execute(
                "UPDATE transcript_segment SET words = %s WHERE id = %s",
                (json.dumps(WORDS), segment),
            )


def _add_unfinished(connection: Connection, made: Earlier) -> None:
    path = made.bucket / "user_1/file_half/half.wav"
    path.parent.mkdir(parents=True)
    write_wav(path, tone(2.0, 16_000))
    _add_file(connection, made, "sha@example.org", "half", "processing")


def _add_secrets(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO user_llm_settings (user_id, name, provider, model_name, api_key)"
        " SELECT id, 'mine', 'openai', 'm', %s FROM \"user\" WHERE email LIKE 'sha@%%'",
        (SEALED,),
    )


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
