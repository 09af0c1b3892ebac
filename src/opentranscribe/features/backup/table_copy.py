"""The rows of a snapshot, in ranges of their primary keys; ranges nobody wrote to are not read.

A range's mark is made of the key, inserting transaction and place of each row version. A row version
never changes, so equal marks in the same database mean equal rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from psycopg import sql

from opentranscribe.features.backup import columns, queries
from opentranscribe.features.backup.errors import BackupFailedError
from opentranscribe.features.backup.manifest import Chunk, TableEntry
from opentranscribe.features.backup.packs import PackWriter
from opentranscribe.features.backup.programs import Programs
from opentranscribe.features.backup.queries import RANGE_ROWS, Table
from opentranscribe.work.databases import Connection

END = b"\n\\.\n"
#: Rows from which on two further connections read them.
LEAST_SHARED = 20 * RANGE_ROWS
#: Stands for the pack that is being written.
NEW_PACK = -1


@dataclass(frozen=True)
class Wanted:
    """A range as the snapshot has it; ``old`` is its chunk in the backup before, if unchanged."""

    table: Table
    range: int
    rows: int
    mark: int
    old: Chunk | None = None


def plan(
    connection: Connection, tables: Sequence[Table], before: dict[str, TableEntry]
) -> list[Wanted]:
    """Every range of every table. ``before`` are tables of a backup of this same database."""
    wanted = []
    for table in tables:
        entry = before.get(table.title)
        known = {}
        if entry and entry.oid == table.oid and tuple(entry.columns) == table.columns:
            known = {(one.range, one.rows, one.mark): one for one in entry.chunks}
        for number, rows, mark in queries.mark_ranges(connection, table):
            old = known.get((number, rows, mark))
            wanted.append(Wanted(table, number, rows, mark, old))
    return wanted


def copy_rows(
    connection: Connection,
    programs: Programs,
    snapshot: str,
    wanted: Sequence[Wanted],
    writer: PackWriter,
) -> list[Chunk]:
    """Read those ranges into ``writer`` as ``connection`` sees them, in whose transaction
    ``snapshot`` was exported; their chunks, in order.

    Raises BackupFailedError.
    """
    total = sum(one.rows for one in wanted)
    if total < LEAST_SHARED:
        return _store(_read_here(connection, wanted), wanted, writer)
    parts = _halve(wanted, total)
    with ThreadPoolExecutor(len(parts)) as pool:
        tasks = [pool.submit(_copy_aside, programs, snapshot, part, writer) for part in parts]
        return [chunk for task in tasks for chunk in task.result()]


def _halve(wanted: Sequence[Wanted], total: int) -> list[Sequence[Wanted]]:
    """About as many rows to each of two connections."""
    rows = 0
    for place, one in enumerate(wanted):
        if rows >= total / 2:
            return [wanted[:place], wanted[place:]]
        rows += one.rows
    return [wanted]


def _read_here(connection: Connection, wanted: Sequence[Wanted]) -> Iterator[bytes]:
    """Starts no program: for a few rows."""
    for one in wanted:
        with connection.cursor().copy(_copy_range(one).encode()) as copy:
            yield b"".join(bytes(row) for row in copy)


def _copy_aside(
    programs: Programs, snapshot: str, wanted: Sequence[Wanted], writer: PackWriter
) -> list[Chunk]:
    with programs.read("psql", "-X", "-q", script=_script(snapshot, wanted)) as blocks:
        return _store(_split(blocks), wanted, writer)


def _store(texts: Iterator[bytes], wanted: Sequence[Wanted], writer: PackWriter) -> list[Chunk]:
    done: list[Chunk] = []
    for one, text in zip(wanted, texts, strict=False):
        blob, sha256 = columns.encode(text, len(one.table.columns))
        done.append(Chunk(one.range, one.rows, one.mark, NEW_PACK, *writer.add(blob), sha256))
    if next(texts, None) is not None:
        raise BackupFailedError("The database wrote more than it was asked for.")
    if len(done) != len(wanted):
        raise BackupFailedError("The database gave fewer rows than it counted. No backup was made.")
    return done


def make_entries(
    tables: Sequence[Table], wanted: Sequence[Wanted], chunks: Sequence[Chunk]
) -> list[TableEntry]:
    """``chunks`` belong to ``wanted`` one by one."""
    by_table: dict[str, list[Chunk]] = {table.title: [] for table in tables}
    for one, chunk in zip(wanted, chunks, strict=True):
        by_table[one.table.title].append(chunk)
    entries = []
    for table in tables:
        own = by_table[table.title]
        entries.append(
            TableEntry(
                table.schema,
                table.name,
                table.oid,
                list(table.columns),
                list(table.key),
                table.has_number_key,
                sum(chunk.rows for chunk in own),
                digest_of(own),
                own,
            )
        )
    return entries


def digest_of(chunks: Sequence[Chunk]) -> str:
    """Of a whole table: of the digests of its ranges, in order."""
    return hashlib.sha256("".join(chunk.sha256 for chunk in chunks).encode()).hexdigest()


def digest_ranges(
    programs: Programs, snapshot: str, wanted: Sequence[Wanted]
) -> Iterator[tuple[Wanted, str]]:
    """The digest of each range as a database has it, to compare with a backup's."""
    script = _script(snapshot, wanted)
    with programs.read("psql", "-X", "-q", script=script) as blocks:
        for one, text in zip(wanted, _split(blocks), strict=False):
            yield one, columns.digest_text(text, len(one.table.columns))


def _split(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """COPY escapes backslashes, so that no row begins with one and a dot."""
    buffer = b""
    for block in blocks:
        searched = max(0, len(buffer) - len(END))
        buffer += block
        while (place := buffer.find(END, searched)) >= 0:
            yield buffer[: place + 1]
            buffer = buffer[place + len(END) :]
            searched = 0
    if buffer:
        raise BackupFailedError("The database stopped in the middle of a table.")


def _script(snapshot: str, wanted: Sequence[Wanted]) -> str:
    lines = [
        "\\set ON_ERROR_STOP on",
        f"{queries.CANONICAL};",
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;",
        f"SET TRANSACTION SNAPSHOT '{snapshot}';" if snapshot else "",
    ]
    for one in wanted:
        lines += [f"{_copy_range(one)};", "\\echo '\\\\.'"]
    return "\n".join([*lines, ""])


def _copy_range(one: Wanted) -> str:
    table = one.table
    parts: list[sql.Composable] = [
        sql.SQL("COPY (SELECT {} FROM {}").format(_listed(table.columns), table.sql)
    ]
    if table.has_number_key:
        key = sql.Identifier(table.key[0])
        low = one.range * RANGE_ROWS
        parts.append(
            sql.SQL(" WHERE {key} >= {low} AND {key} < {high} ORDER BY {key}").format(
                key=key, low=sql.Literal(low), high=sql.Literal(low + RANGE_ROWS)
            )
        )
    elif table.key:
        ordered = [sql.SQL('{}::text COLLATE "C"').format(sql.Identifier(k)) for k in table.key]
        parts.append(sql.SQL(" ORDER BY {}").format(sql.SQL(", ").join(ordered)))
    else:
        parts.append(sql.SQL(' AS t ORDER BY t::text COLLATE "C"'))
    parts.append(sql.SQL(") TO STDOUT"))
    return sql.Composed(parts).as_string()


def _listed(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
