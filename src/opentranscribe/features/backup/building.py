"""A database made anew from a backup, beside the live one, and proven equal to what was backed up."""

from __future__ import annotations

import gzip
import secrets
import shutil
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from opentranscribe.features.backup import queries, table_copy
from opentranscribe.features.backup.disk import disk_told
from opentranscribe.features.backup.errors import (
    BackupDamagedError,
    BackupFailedError,
    BackupUnsuitableError,
    RestoreFailedError,
)
from opentranscribe.features.backup.manifest import Manifest, TableEntry
from opentranscribe.features.backup.packs import PackReader
from opentranscribe.features.backup.plain import FIRST_LINE, check_plain
from opentranscribe.features.backup.programs import Programs
from opentranscribe.features.backup.verification import OpenSet
from opentranscribe.schema.migrations.chain import is_known, is_newer
from opentranscribe.schema.migrations.fingerprint import fingerprint, read_catalogue
from opentranscribe.work import databases

ARCHIVE, GZIP = b"PGDMP", b"\x1f\x8b"
DUMP_BEGINS, DUMP_ENDS = b"PostgreSQL database dump", b"PostgreSQL database dump complete"
TAIL_BYTES = 4096
WORKERS = 2


@dataclass(frozen=True)
class Builder:
    """Makes databases on the server of ``url``; ``scratch_dir`` is for what must be unpacked."""

    bin_dir: Path
    url: str
    scratch_dir: Path

    def build_full(self, opened: OpenSet, database: str) -> None:
        """Raises BackupDamagedError, BackupUnsuitableError, RestoreFailedError; then there is no
        such database."""
        require_suitable(opened.manifest, self.url)
        with self._new_database(database) as url, self._schema_archive(opened) as archive:
            self._run(url, "pg_restore", "--section=pre-data", *_RESTORE_WORDS, archive)
            self._fill(opened, url)
            words = ("--section=post-data", f"--jobs={WORKERS}", *_RESTORE_WORDS)
            self._run(url, "pg_restore", *words, archive)
            with databases.connect(url) as connection:
                queries.set_sequences(connection, opened.manifest.sequences)
                connection.execute("ANALYZE")
            self.prove(opened.manifest, url)

    def build_file(self, path: Path, database: str) -> None:
        """From one file: ours, or what pg_dump wrote (plain, -Fc), packed with gzip or not.

        Raises as `build_full`.
        """
        with self._unpacked(path) as plain, self._new_database(database) as url:
            with plain.open("rb") as handle:
                head = handle.read(TAIL_BYTES)
            if head.startswith(ARCHIVE):
                self._run(url, "pg_restore", *_RESTORE_WORDS, str(plain))
                return
            _require_plain(plain, head)
            words = ("-X", "-q", "-v", "ON_ERROR_STOP=1", "--single-transaction")
            own = head.startswith(FIRST_LINE)
            self._run(url, "psql", *(words[:2] if own else words), f"--file={plain}")

    def prove(self, manifest: Manifest, url: str) -> None:
        """Every range of every table has the digest it had. Raises RestoreFailedError."""
        programs = Programs(self.bin_dir, url)
        wanted = [
            table_copy.Wanted(_table_of(entry), chunk.range, chunk.rows, chunk.mark, chunk)
            for entry in manifest.tables
            for chunk in entry.chunks
        ]
        proven = 0
        for one, found in table_copy.digest_ranges(programs, "", wanted):
            proven += 1
            if one.old is None or found != one.old.sha256:
                raise RestoreFailedError(f"The rows of {one.table.title} came out different.")
        with databases.connect(url) as connection:
            connection.execute(queries.CANONICAL.encode())
            found_print = fingerprint(read_catalogue(connection))
            tables = queries.list_tables(connection, queries.list_schemas(connection))
            rows = sum(queries.count_rows(connection, table) for table in tables)
        if proven != len(wanted) or rows != manifest.rows:
            raise RestoreFailedError("The restored database has another number of rows.")
        if found_print != manifest.fingerprint:
            raise RestoreFailedError("The schema came out different from what was backed up.")

    def _fill(self, opened: OpenSet, url: str) -> None:
        reader = opened.reader()
        largest_first = sorted(opened.manifest.tables, key=lambda one: -one.rows)
        with ThreadPoolExecutor(WORKERS) as pool:
            tasks = [pool.submit(_fill_table, url, one, reader) for one in largest_first]
            for task in tasks:
                task.result()

    @contextmanager
    def _schema_archive(self, opened: OpenSet) -> Iterator[str]:
        with self._scratch_file() as path:
            path.write_bytes(opened.reader().read(opened.manifest.schema))
            yield str(path)

    @contextmanager
    def _unpacked(self, path: Path) -> Iterator[Path]:
        with path.open("rb") as handle:
            is_packed = handle.read(2) == GZIP
        if not is_packed:
            yield path
            return
        with self._scratch_file() as target:
            try:
                with (
                    disk_told(target.parent, RestoreFailedError, "What you have was not touched."),
                    gzip.open(path) as packed,
                    target.open("wb") as handle,
                ):
                    shutil.copyfileobj(packed, handle, 1 << 20)
            except (EOFError, OSError, zlib.error) as error:
                raise BackupDamagedError(f"{path.name} is damaged or cut off: {error}.") from error
            yield target

    @contextmanager
    def _scratch_file(self) -> Iterator[Path]:
        self.scratch_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.scratch_dir / f"restore-{secrets.token_hex(8)}"
        path.touch(mode=0o600)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def _new_database(self, database: str) -> Iterator[str]:
        """Dropped again when anything goes wrong."""
        with databases.administer(self.url) as connection:
            databases.create_database(connection, database)
        try:
            yield databases.with_name(self.url, database)
        except BaseException:
            with databases.administer(self.url) as connection:
                databases.drop_database(connection, database)
            raise

    def _run(self, url: str, program: str, *words: str) -> None:
        try:
            Programs(self.bin_dir, url).run(program, *words)
        except BackupFailedError as error:
            raise BackupDamagedError(
                f"The backup cannot be read to its end: {error.message}"
            ) from error


_RESTORE_WORDS = ("--exit-on-error", "--no-owner", "--no-privileges", "--dbname=")


def require_suitable(manifest: Manifest, url: str) -> None:
    """Before anything is done. Raises BackupUnsuitableError."""
    if manifest.revision and not is_known(manifest.revision):
        later = "a later release" if is_newer(manifest.revision) else "another program"
        raise BackupUnsuitableError(
            f"The backup is at {manifest.revision}, made by {later} ({manifest.version}). Nothing"
            " was changed. Update first: ./opentr.sh update"
        )
    with databases.administer(url) as connection:
        major = queries.server_major(connection)
    if manifest.server_major > major:
        raise BackupUnsuitableError(
            f"The backup comes from PostgreSQL {manifest.server_major}, this server is {major}."
            " Nothing was changed. Use a server that is at least as new."
        )


def _require_plain(path: Path, head: bytes) -> None:
    if head.startswith(FIRST_LINE):
        facts = check_plain(path)
        if facts.revision and not is_known(facts.revision):
            raise BackupUnsuitableError(
                f"The backup is at {facts.revision}, which this release does not know (made by"
                f" {facts.version}). Nothing was changed. Update first: ./opentr.sh update"
            )
        return
    if DUMP_BEGINS not in head:
        raise BackupUnsuitableError(
            f"{path.name} is neither a backup of OpenTranscribe nor a dump of PostgreSQL. Nothing"
            " was changed."
        )
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - TAIL_BYTES))
        if DUMP_ENDS not in handle.read():
            raise BackupDamagedError(
                f"{path.name} is cut off: the last line that pg_dump writes is missing. Nothing"
                " was changed."
            )


def _fill_table(url: str, entry: TableEntry, reader: PackReader) -> None:
    if not entry.chunks:
        return
    with databases.connect(url) as connection:
        connection.execute(queries.CANONICAL.encode())
        connection.execute("SET synchronous_commit = off")
        with connection.cursor() as cursor, cursor.copy(queries.copy_in(_table_of(entry))) as copy:
            for chunk in entry.chunks:
                copy.write(reader.read(chunk))


def _table_of(entry: TableEntry) -> queries.Table:
    return queries.Table(
        entry.schema,
        entry.name,
        entry.oid,
        tuple(entry.columns),
        tuple(entry.key),
        entry.has_number_key,
    )
