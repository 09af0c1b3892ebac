"""The database of one snapshot as packs of chunks; what did not change is carried over by name."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from opentranscribe.features.backup import queries, table_copy
from opentranscribe.features.backup.keys import seal, unseal
from opentranscribe.features.backup.manifest import Chunk, Manifest, Pack, TableEntry
from opentranscribe.features.backup.packs import FOLDER, PackWriter, link_or_copy
from opentranscribe.features.backup.programs import Programs
from opentranscribe.features.backup.table_copy import NEW_PACK, Wanted
from opentranscribe.work.databases import Connection

#: A pack of which less than this is still used is not carried on, nor are more than so many.
LEAST_USED, MOST_PACKS = 0.5, 40
PACK = b"pack"


@dataclass(frozen=True)
class Before:
    """A proven backup of the same database that can be built on; ``key`` opens it."""

    folder: Path
    manifest: Manifest
    key: bytes

    def usable_packs(self) -> set[int]:
        """Numbers of packs that are worth carrying on."""
        if len(self.manifest.packs) > MOST_PACKS:
            return set()
        used = Counter({self.manifest.schema.pack: self.manifest.schema.length})
        for table in self.manifest.tables:
            for chunk in table.chunks:
                used[chunk.pack] += chunk.length
        packs = enumerate(self.manifest.packs)
        return {number for number, pack in packs if used[number] >= LEAST_USED * pack.size}


@dataclass(frozen=True)
class DatabaseParts:
    packs: list[Pack]
    schema: Chunk
    tables: list[TableEntry]
    new_bytes: int


@dataclass(frozen=True)
class DatabaseCopy:
    """``key`` is the backup's own; None for one that anybody may read."""

    programs: Programs
    draft: Path
    key: bytes | None
    before: Before | None

    def copy(self, connection: Connection, snapshot: str, schema_key: str) -> DatabaseParts:
        """Raises BackupFailedError."""
        pack_key = secrets.token_bytes(32) if self.key else None
        writer = PackWriter(self.draft / FOLDER, pack_key)
        try:
            with ThreadPoolExecutor(1) as beside:
                old_schema = self._old_schema(schema_key)
                dumped = None
                if old_schema is None:
                    extensions = queries.list_derived_extensions(connection)
                    dumped = beside.submit(dump_schema, self.programs, snapshot, extensions)
                tables = queries.list_tables(connection, queries.list_schemas(connection))
                wanted = self._plan(connection, tables)
                fresh = [one for one in wanted if one.old is None]
                new = iter(table_copy.copy_rows(connection, self.programs, snapshot, fresh, writer))
                chunks = [one.old or next(new) for one in wanted]
                schema = old_schema or _add_schema(writer, dumped)
            packs, place = self._collect(
                {schema.pack, *(one.pack for one in chunks)}, writer, pack_key
            )
        except BaseException:
            writer.drop()
            raise
        chunks = [replace(one, pack=place[one.pack]) for one in chunks]
        entries = table_copy.make_entries(tables, wanted, chunks)
        schema = replace(schema, pack=place[schema.pack])
        return DatabaseParts(packs, schema, entries, writer.size)

    def _plan(self, connection: Connection, tables: Sequence[queries.Table]) -> list[Wanted]:
        if self.before is None:
            return table_copy.plan(connection, tables, {})
        usable = self.before.usable_packs()
        known = {one.title: one for one in self.before.manifest.tables}
        wanted = table_copy.plan(connection, tables, known)
        return [
            replace(one, old=None) if one.old and one.old.pack not in usable else one
            for one in wanted
        ]

    def _old_schema(self, schema_key: str) -> Chunk | None:
        if self.before is None or self.before.manifest.schema_key != schema_key:
            return None
        schema = self.before.manifest.schema
        return schema if schema.pack in self.before.usable_packs() else None

    def _collect(
        self, used: set[int], writer: PackWriter, pack_key: bytes | None
    ) -> tuple[list[Pack], dict[int, int]]:
        """The packs of the new backup, and where those of ``used`` are among them."""
        carried = sorted(used - {NEW_PACK})
        packs = [self._carry(number) for number in carried]
        place = {number: index for index, number in enumerate([*carried, NEW_PACK])}
        if NEW_PACK in used:
            packs.append(self._with_key(writer.finish(), pack_key))
        else:
            writer.drop()
        return packs, place

    def _carry(self, number: int) -> Pack:
        assert self.before is not None
        pack = self.before.manifest.packs[number]
        link_or_copy(self.before.folder / FOLDER / pack.sha256, self.draft / FOLDER / pack.sha256)
        if not pack.key:
            return pack
        return self._with_key(pack, unseal(self.before.key, bytes.fromhex(pack.key), PACK))

    def _with_key(self, pack: Pack, pack_key: bytes | None) -> Pack:
        if pack_key is None or self.key is None:
            return pack
        return replace(pack, key=seal(self.key, pack_key, PACK).hex())


def dump_schema(programs: Programs, snapshot: str, extensions: Sequence[str]) -> bytes:
    """pg_dump's archive of everything but rows, with the sections that pg_restore takes apart."""
    words = [
        *("--schema-only", "--format=custom", "--compress=gzip:6", f"--snapshot={snapshot}"),
        *("--no-owner", "--no-privileges", "--encoding=UTF8"),
        *(f"--exclude-schema={name}" for name in queries.DERIVED),
        *(f"--exclude-extension={name}" for name in extensions),
    ]
    with programs.read("pg_dump", *words) as blocks:
        return b"".join(blocks)


def _add_schema(writer: PackWriter, dumped: Future[bytes] | None) -> Chunk:
    assert dumped is not None
    archive = dumped.result()
    sha256 = hashlib.sha256(archive).hexdigest()
    return Chunk(0, 0, 0, NEW_PACK, *writer.add(archive), sha256)


def iter_chunks(manifest: Manifest) -> Iterator[Chunk]:
    yield manifest.schema
    for table in manifest.tables:
        yield from table.chunks
