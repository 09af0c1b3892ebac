"""Row by row nothing was lost: sums of every column before and after, with what is kept added."""

# ruff: noqa: S608 - names are quoted, conditions are this package's own

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg

from opentranscribe.schema.migrations.chain import HEAD
from opentranscribe.schema.migrations.fingerprint import Catalogue
from opentranscribe.schema.migrations.repair.definitions import literal, quote
from opentranscribe.schema.migrations.repair.mender import Change
from opentranscribe.schema.migrations.row_digests import (
    ColumnDigests,
    digest_columns,
    use_canonical_text,
)
from opentranscribe.schema.migrations.shapes import name_of, shape_of, table_of

#: (table, column) → what steps of the chain do to it; a mapping declared once, and reported.
DECLARED = {
    ("schema_compatibility", "revision"): "names the head",
    ("schema_compatibility", "ledger_hash"): "seals the ledger",
    ("schema_compatibility", "oldest_reader"): "of the head",
    ("schema_compatibility", "oldest_writer"): "of the head",
    ("media_file", "status"): "in lower case, and never empty",
    ("user", "role"): "never empty",
    ("user_mfa", "totp_secret"): "never empty",
    ("user_mfa", "backup_codes"): "never empty",
    ("refresh_token", "jti"): "never empty",
    ("collection_share", "permission"): "an owner share is an editor share",
    ("tag", "normalized_name"): "filled from the name",
    ("user", "pki_not_before"): "filled from pki_cert_valid_from",
    ("user", "pki_not_after"): "filled from pki_cert_valid_until",
    **dict.fromkeys(
        (
            ("user", "created_at"),
            ("user", "updated_at"),
            ("user_setting", "created_at"),
            ("user_setting", "updated_at"),
            ("system_settings", "updated_at"),
            ("custom_vocabulary", "created_at"),
            ("custom_vocabulary", "updated_at"),
            ("media_file", "upload_time"),
            ("speaker_profile", "embedding_count"),
            ("speaker_profile", "created_at"),
            ("speaker_profile", "updated_at"),
            ("speaker", "created_at"),
        ),
        "never empty",
    ),
}


@dataclass(frozen=True)
class TableRows:
    """What a table held: sums by column, how rows are told apart, the highest id (else None)."""

    key: str
    digests: ColumnDigests
    last_id: int | None
    last_kept: int


@dataclass(frozen=True)
class RowProof:
    """``before`` rows, of which ``kept`` moved to the schema kept; ``same`` columns agree in every
    row, ``changed`` do not and were declared, ``wrong`` do not and were not."""

    table: str
    before: int
    after: int
    kept: int
    same: tuple[str, ...]
    changed: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.wrong and self.before == self.after + self.kept

    def __str__(self) -> str:
        lost = "" if self.before == self.after + self.kept else ", ROWS LOST"
        wrong = f", changed unasked: {', '.join(self.wrong)}" if self.wrong else ""
        changed = f", changed as declared: {', '.join(self.changed)}" if self.changed else ""
        kept = f", {self.kept} kept aside" if self.kept else ""
        return (
            f"{self.table}: {self.before} rows, {self.after} now{kept}; {len(self.same)} columns"
            f" the same{changed}{wrong}{lost}"
        )


def read_rows(
    connection: psycopg.Connection[Any], live: Catalogue, leave_out: Iterable[str] = ()
) -> dict[str, TableRows]:
    """Sums of every table of ``live``, in the caller's transaction."""
    use_canonical_text(connection)
    last_kept = _last_kept(connection)
    found = {}
    for table, columns in _columns(live).items():
        if table in leave_out:
            continue
        key = _choose_key(table, columns)
        digests = digest_columns(connection, f"public.{quote(table)}", sorted(columns), key)
        counted = columns.get("id", "").startswith(("integer", "bigint"))
        last = (
            _number(connection, f"SELECT max(id) FROM public.{quote(table)}") if counted else None
        )
        found[table] = TableRows(key, digests, last, last_kept)
    return found


def compare_rows(
    connection: psycopg.Connection[Any],
    before: Mapping[str, TableRows],
    live: Catalogue,
    changes: Iterable[Change],
) -> list[RowProof]:
    """One proof for each table that was there. ``changes`` are what a repair says it did."""
    use_canonical_text(connection)
    asked = {(change.table, change.column) for change in changes} | DECLARED.keys()
    columns = _columns(live)
    return [
        _prove(connection, table, held, columns.get(table, {}), asked)
        for table, held in before.items()
    ]


def _prove(
    connection: psycopg.Connection[Any],
    table: str,
    held: TableRows,
    columns: Mapping[str, str],
    asked: set[tuple[str, str | None]],
) -> RowProof:
    shared = sorted(columns.keys() & held.digests.columns.keys())
    key = held.key if held.key in columns else min(columns)
    key_changed = key != held.key or (table, key) in asked
    where = "true" if held.last_id is None or key_changed else f"t.id <= {held.last_id}"
    if held.last_id is None and held.digests.rows == 0 and held.key == "id":
        where = "false"
    now = digest_columns(connection, f"public.{quote(table)}", shared, key, where=where)
    kept = _digest_kept(connection, table, shared, key, held.last_kept)
    total = now + kept
    differing = [name for name in shared if total.columns[name] != held.digests.columns[name]]
    if key_changed:
        # Every sum has the key in it: of such a table the numbers of rows must do.
        differing = [name for name in differing if (table, name) in asked]
    changed = tuple(name for name in differing if (table, name) in asked)
    wrong = tuple(name for name in differing if (table, name) not in asked)
    same = tuple(name for name in shared if name not in differing)
    return RowProof(table, held.digests.rows, now.rows, kept.rows, same, changed, wrong)


def _digest_kept(
    connection: psycopg.Connection[Any], table: str, columns: list[str], key: str, last_kept: int
) -> ColumnDigests:
    found = connection.execute("SELECT to_regclass('kept.row') IS NOT NULL").fetchone()
    if not (found and found[0]):
        return ColumnDigests(0, dict.fromkeys(columns, 0))
    source = (
        f"(SELECT r.* FROM kept.row AS k, jsonb_populate_record(NULL::public.{quote(table)},"
        f" k.content) AS r WHERE k.table_name = {literal(table)} AND k.id > {last_kept})"
    )
    return digest_columns(connection, source, columns, key)


def _choose_key(table: str, columns: Mapping[str, str]) -> str:
    """A column that the head has too: a stranger's may be kept aside on the way."""
    if "id" in columns:
        return "id"
    return min(columns.keys() & _head_columns().get(table, {}).keys() or columns)


@cache
def _head_columns() -> dict[str, dict[str, str]]:
    return _columns(shape_of(HEAD).catalogue)


def _last_kept(connection: psycopg.Connection[Any]) -> int:
    found = connection.execute("SELECT to_regclass('kept.row') IS NOT NULL").fetchone()
    if not (found and found[0]):
        return 0
    return _number(connection, "SELECT max(id) FROM kept.row") or 0


def _number(connection: psycopg.Connection[Any], query: str) -> int | None:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def _columns(catalogue: Catalogue) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for key, value in catalogue.items():
        if key.startswith("column "):
            found.setdefault(table_of(key), {})[name_of(key)] = value
    return found
