"""Single rows of a backup, without bringing all of it back where that can be avoided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from psycopg import sql

from opentranscribe.features.backup import queries
from opentranscribe.features.backup.verification import OpenSet
from opentranscribe.work import databases

#: Column to the values that are looked for, as COPY spells them; one that fits is enough.
Wanted = Mapping[str, set[bytes]]
NULL = b"\\N"


class Source(Protocol):
    def columns(self, table: str) -> tuple[str, ...]:
        """Of a table of the schema public; none when there is no such table."""
        ...

    def rows(self, table: str, wanted: Wanted | None = None) -> Iterator[bytes]:
        """In COPY's text form, each with its line feed; all of them without ``wanted``.

        Raises BackupDamagedError.
        """
        ...


class PackSource:
    """A full backup whose schema is that of the live database: its rows are read where they lie."""

    def __init__(self, opened: OpenSet) -> None:
        self._reader = opened.reader()
        self._tables = {one.name: one for one in opened.manifest.tables if one.schema == "public"}

    def columns(self, table: str) -> tuple[str, ...]:
        entry = self._tables.get(table)
        return tuple(entry.columns) if entry else ()

    def rows(self, table: str, wanted: Wanted | None = None) -> Iterator[bytes]:
        entry = self._tables.get(table)
        if entry is None:
            return
        places = [(entry.columns.index(name), values) for name, values in (wanted or {}).items()]
        for chunk in entry.chunks:
            for line in self._reader.read(chunk).splitlines(keepends=True):
                fields = line[:-1].split(b"\t") if places else []
                if not places or any(fields[place] in values for place, values in places):
                    yield line


class DatabaseSource:
    """A backup that was brought back aside, and to this release."""

    def __init__(self, connection: databases.Connection) -> None:
        self._connection = connection
        self._connection.execute(queries.CANONICAL.encode())
        self._tables = {one.name: one for one in queries.list_tables(connection, ["public"])}

    def columns(self, table: str) -> tuple[str, ...]:
        found = self._tables.get(table)
        return found.columns if found else ()

    def rows(self, table: str, wanted: Wanted | None = None) -> Iterator[bytes]:
        if table not in self._tables:
            return
        found = self._tables[table]
        listed = sql.SQL(", ").join(map(sql.Identifier, found.columns))
        query = sql.SQL("COPY (SELECT {} FROM {}").format(listed, found.sql)
        if wanted is not None:
            tests = [
                sql.SQL("{}::text = ANY({})").format(
                    sql.Identifier(name), sql.Literal([one.decode() for one in values])
                )
                for name, values in wanted.items()
            ]
            query += sql.SQL(" WHERE ") + sql.SQL(" OR ").join(tests)
        with self._connection.cursor().copy(query + sql.SQL(") TO STDOUT")) as copy:
            for block in copy:
                yield bytes(block)


@contextmanager
def open_database_source(url: str) -> Iterator[Source]:
    with databases.connect(url) as connection:
        yield DatabaseSource(connection)
