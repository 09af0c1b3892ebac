"""Which rows belong to a recording, and bringing them into the live database with their references.

The schema's own foreign keys say it: a row that goes with another when that is deleted is a part of
it and comes back with it; what is only referred to is looked for here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import LiteralString

from opentranscribe.features.backup import partial_queries as queries
from opentranscribe.features.backup.partial_queries import Reference
from opentranscribe.features.backup.partial_sources import NULL, Source
from opentranscribe.work.databases import Connection

FILE, USER = "media_file", "user"
#: What was under way, who was signed in, and what administrators set: of its moment only.
LEFT_OUT = frozenset(
    [
        "job",
        "job_step",
        "task",
        "file_pipeline_timing",
        "transcript_draft",
        "upload",
        "upload_session",
        "user_session",
        "refresh_token",
        "password_reset_token",
        "auth_config",
        "auth_config_audit",
    ]
)
#: Their rows name others by public ids, which a copy has anew.
NOT_IN_A_COPY = frozenset({"transcript_edit"})
#: Before rows are compared with those that are here: a pair is written with the smaller id first.
_TURNED: dict[str, LiteralString] = {
    "speaker_match": """UPDATE {name} SET speaker1_id = LEAST(speaker1_id, speaker2_id),
                        speaker2_id = GREATEST(speaker1_id, speaker2_id)""",
}
_MENDED: dict[str, LiteralString] = {
    FILE: """UPDATE {name} SET status = 'error', last_error_message =
             'It was still being worked on when the backup was made. Start it again.'
             WHERE NOT _there AND status IN ('pending', 'processing')""",
    # An account that comes back only because its recording does opens for nobody by itself.
    USER: "UPDATE {name} SET is_active = false WHERE NOT _there AND NOT _own",
}


def list_parts(references: Iterable[Reference], root: str) -> set[str]:
    """Tables whose rows go when a row of ``root`` goes; itself, too."""
    found, waiting = {root}, [root]
    while waiting:
        parent = waiting.pop()
        for one in references:
            if one.is_part and one.parent == parent and one.table not in found | LEFT_OUT:
                found.add(one.table)
                waiting.append(one.table)
    return found


def put_in_order(
    references: Iterable[Reference], tables: set[str]
) -> tuple[list[str], list[Reference]]:
    """Parents first; and the references in a circle, which have to wait until all rows are in.

    Raises CycleError where rows could not even be made one by one.
    """
    graph: dict[str, set[str]] = {table: set() for table in tables}
    late: list[Reference] = []
    for one in sorted(references, key=lambda one: not one.is_part):
        if one.table not in tables or one.parent not in tables:
            continue
        if one.parent in graph[one.table]:
            continue
        graph[one.table].add(one.parent)
        try:
            TopologicalSorter(graph).prepare()
        except CycleError:
            if one.is_part:
                raise
            graph[one.table].discard(one.parent)
            late.append(one)
    return list(TopologicalSorter(graph).static_order()), late


@dataclass
class Rows:
    """One run, in the transaction of ``connection``. ``as_copy`` gives everything new ids."""

    connection: Connection
    source: Source
    as_copy: bool = False
    left_out: int = 0
    _own: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    _seen: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    _named: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    _along: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    _columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _order: list[str] = field(default_factory=list)
    _late: list[Reference] = field(default_factory=list)

    def __post_init__(self) -> None:
        left_out = LEFT_OUT | (NOT_IN_A_COPY if self.as_copy else frozenset())
        self._references = [
            one
            for one in queries.list_references(self.connection)
            if one.table not in left_out and one.parent not in left_out
        ]
        self._keys = queries.list_unique_keys(self.connection)
        self._parts_of_files = list_parts(self._references, FILE)

    def take(self, root: str, ids: set[bytes]) -> None:
        """Those rows, all that is part of them, and what any of these refer to."""
        parts = list_parts(self._references, root)
        within = [one for one in self._references if one.is_part]
        order, _ = put_in_order(within, parts)
        for table in order:
            wanted = {"id": ids} if table == root else self._wanted(table, parts)
            if wanted:
                self._take(table, wanted, own=True)
        while self._named:
            table, named = self._named.popitem()
            if missing := named - self._seen[table]:
                self._take(table, {"id": missing}, own=False)

    def settle(self) -> None:
        """New ids and references for all of them; nothing is let in yet."""
        self._order, self._late = put_in_order(self._references, set(self._columns))
        for table in self._order:
            queries.prepare(self.connection, table)
            self._refer(table)
            keys = sorted(self._keys.get(table, []), key=lambda key: key != ("uuid",))
            for key in keys or [("id",)]:
                queries.match(self.connection, table, key, own=not self.as_copy)
            queries.drop_rows(self.connection, table, self._along[table])
            queries.give_ids(self.connection, table, fresh=self.as_copy)
            if self.as_copy and "uuid" in self._columns[table]:
                queries.give_new_uuids(self.connection, table)
            if table in _MENDED:
                queries.mend(self.connection, _MENDED[table], table)

    def _refer(self, table: str) -> None:
        for one in self._references:
            if one.table == table and one.parent in self._columns and one not in self._late:
                self.left_out += queries.refer(self.connection, one)
        if table in _TURNED:
            queries.mend(self.connection, _TURNED[table], table)

    def let_in(self) -> dict[str, int]:
        """How many rows, by table."""
        counts = {}
        for table in self._order:
            late = [one.column for one in self._late if one.table == table]
            counts[table] = queries.let_in(self.connection, table, self._columns[table], late)
        for one in self._late:
            queries.refer_late(self.connection, one)
        return {table: count for table, count in counts.items() if count}

    def _wanted(self, table: str, parts: set[str]) -> dict[str, set[bytes]]:
        return {
            one.column: self._own[one.parent]
            for one in self._references
            if one.table == table and one.is_part and one.parent in parts and self._own[one.parent]
        }

    def _take(self, table: str, wanted: dict[str, set[bytes]], *, own: bool) -> None:
        columns = self.source.columns(table)
        if table not in self._columns:
            self._columns[table] = columns
            queries.make_temporary(self.connection, table, columns)
        rows = self._note(table, self.source.rows(table, wanted), own=own)
        queries.copy_in(self.connection, table, columns, rows, own=own)

    def _note(self, table: str, rows: Iterable[bytes], *, own: bool) -> Iterator[bytes]:
        """Pass rows on that are new, and remember what they refer to."""
        columns = self._columns[table]
        place = columns.index("id")
        named = [
            (columns.index(one.column), one.parent, self._comes_along(one, own=own))
            for one in self._references
            if one.table == table
        ]
        for row in rows:
            fields = row[:-1].split(b"\t")
            if fields[place] in self._seen[table]:
                continue
            self._seen[table].add(fields[place])
            if own:
                self._own[table].add(fields[place])
            for number, parent, comes_along in named:
                if fields[number] != NULL:
                    self._named[parent].add(fields[number])
                    if comes_along:
                        self._along[parent].add(fields[number])
            yield row

    def _comes_along(self, reference: Reference, *, own: bool) -> bool:
        """Whether what it refers to is restored when it is nowhere here: the owner of a recording,
        and what a row of it cannot be without, but no part of other recordings and nobody else."""
        if not own:
            return False
        if reference.parent == USER:
            return reference.table == FILE
        return reference.is_part and reference.parent not in self._parts_of_files
