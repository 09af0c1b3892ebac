"""Carries a repair out, inside the caller's transaction, and proves it before that may commit.

Proof: the schema's lines equal those of a fresh install, names included; and of every table, each
column that no operation said it changed sums up to what it was, with what is kept counted in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from opentranscribe.schema.migrations.chain import CHAIN, HEAD
from opentranscribe.schema.migrations.difference import compare
from opentranscribe.schema.migrations.errors import RevisionFailedError
from opentranscribe.schema.migrations.fingerprint import Catalogue, read_catalogue
from opentranscribe.schema.migrations.recognise import CORE
from opentranscribe.schema.migrations.repair.definitions import quote
from opentranscribe.schema.migrations.repair.mender import Change, Mender
from opentranscribe.schema.migrations.repair.operations import Operation
from opentranscribe.schema.migrations.repair.plan import find_strangers, plan_repair
from opentranscribe.schema.migrations.repair.row_proof import RowProof, compare_rows, read_rows
from opentranscribe.schema.migrations.shapes import only_ours, shape_of

#: Moving rows takes links off, and making them again may move more; deeper than the tables nest.
ROUNDS = 12
FEW_ROWS = 5

_STAMP = """
CREATE TABLE IF NOT EXISTS public.alembic_version (version_num VARCHAR(128) NOT NULL);
ALTER TABLE public.alembic_version ALTER COLUMN version_num TYPE VARCHAR(128);
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE contype = 'p'
                   AND conrelid = 'public.alembic_version'::regclass) THEN
        DELETE FROM public.alembic_version;
        ALTER TABLE public.alembic_version
            ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
    END IF;
END $$;
"""
_SEQUENCES = """
SELECT format('SELECT setval(%L, GREATEST((SELECT COALESCE(max(%I), 0) FROM public.%I),
                      (SELECT last_value FROM %s)))',
              s.oid::regclass::text, a.attname, c.relname, s.oid::regclass::text), c.relname
FROM pg_depend d
JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
JOIN pg_class c ON c.oid = d.refobjid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  AND c.relnamespace = 'public'::regnamespace
"""
_UNUSED_ENUMS = """
SELECT t.typname FROM pg_type t
WHERE t.typnamespace = 'public'::regnamespace AND t.typtype = 'e' AND t.typname = ANY (%s)
  AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.atttypid = t.oid AND NOT a.attisdropped)
"""


@dataclass(frozen=True)
class RepairReport:
    """What a repair did: operations in order, rows moved or changed, and the proof by table."""

    operations: tuple[str, ...]
    changes: tuple[Change, ...]
    proofs: tuple[RowProof, ...] = field(default=())


def repair(
    connection: psycopg.Connection[Any], *, report: Callable[[str], None] = lambda line: None
) -> RepairReport:
    """Brings the schema of a database near a known one to the head's, stamp included.

    Runs in the caller's transaction. Raises `RevisionFailedError` when the result is not proved;
    the caller's transaction must then not commit.
    """
    wanted = shape_of(HEAD).catalogue
    live = only_ours(read_catalogue(connection))
    before = read_rows(connection, live, find_strangers(live))
    mender, done = Mender(connection), []
    sync_sequences(mender)
    for nth in range(ROUNDS):
        operations = list(plan_repair(live, wanted))
        if nth == 0:
            operations = _with_rows(operations)
        if not operations:
            break
        for operation in operations:
            if not operation.quiet:
                report(str(operation))
                done.append(str(operation))
            _run(mender, operation)
        _drop_unused_enums(mender, live)
        live = only_ours(read_catalogue(connection))
    _require_equal(live, wanted)
    sync_sequences(mender)
    mender.execute(_STAMP)
    proofs = compare_rows(connection, before, live, mender.changes)
    _require_same_rows(proofs)
    _require_most_rows(proofs)
    return RepairReport(tuple(done), tuple(mender.changes), tuple(proofs))


def list_operations(live: Catalogue) -> list[Operation]:
    """What `repair` would do, as far as the schema tells."""
    operations = plan_repair(only_ours(live), shape_of(HEAD).catalogue)
    return [operation for operation in _with_rows(list(operations)) if not operation.quiet]


def sync_sequences(mender: Mender) -> None:
    """A sequence that lies behind its rows, as after a restore of rows alone, is put past them."""
    for statement, table in mender.execute(_SEQUENCES).fetchall():
        if mender.any_row(table, "true"):
            mender.execute(statement)


def _with_rows(operations: list[Operation]) -> list[Operation]:
    """Data steps of the chain go in when keys are there, before links and plain indexes."""
    place = next(
        (
            index
            for index, operation in enumerate(operations)
            if operation.kind in {"add", "take out column"} and not _is_key(operation)
        ),
        len(operations),
    )
    keys = [o for o in operations[place:] if _is_key(o)]
    rest = [o for o in operations[place:] if not _is_key(o)]
    return [*operations[:place], *keys, *_rows(), *rest]


def _is_key(operation: Operation) -> bool:
    return operation.kind == "add" and operation.detail.startswith(
        ("PRIMARY KEY", "UNIQUE", "unique ", "CHECK")
    )


def _rows() -> list[Operation]:
    return [
        Operation("rows", revision.name, step.name, (step.sql,))
        for revision in CHAIN
        for step in revision.steps
        if step.data
    ]


def _run(mender: Mender, operation: Operation) -> None:
    try:
        operation.run(mender)
    except psycopg.errors.LockNotAvailable:
        raise
    except psycopg.Error as error:
        raise RevisionFailedError(
            f"The repair stopped ({operation}): {str(error).strip()}. Nothing was changed."
            " What is named there stands in the way; move it aside and start again.",
            step=str(operation),
        ) from error


def _drop_unused_enums(mender: Mender, before: Catalogue) -> None:
    """Enums that columns of ours had until now."""
    used = {value.partition(" ")[0].strip('"') for key, value in before.items() if "column" in key}
    for (name,) in mender.connection.execute(_UNUSED_ENUMS, (list(used),)).fetchall():
        mender.execute(f"DROP TYPE public.{quote(name)}")


def _require_equal(live: Catalogue, wanted: Catalogue) -> None:
    difference = compare(live, wanted)
    if not difference.is_none:
        raise RevisionFailedError(
            "The repair did not lead to the schema of a fresh install:"
            f" {'; '.join(difference.describe())}. Nothing was changed.",
            distance=difference.distance,
        )


def _require_same_rows(proofs: list[RowProof]) -> None:
    wrong = [proof for proof in proofs if not proof.holds]
    if wrong:
        raise RevisionFailedError(
            f"The repair changed rows that it must not ({'; '.join(map(str, wrong))})."
            " Nothing was changed.",
            tables=[proof.table for proof in wrong],
        )


def _require_most_rows(proofs: list[RowProof]) -> None:
    """A database whose people or recordings are mostly out of place lacks a part of itself."""
    for proof in proofs:
        if proof.table in CORE and proof.before >= FEW_ROWS and proof.kept > proof.before / 2:
            raise RevisionFailedError(
                f"Of {proof.before} rows of {proof.table}, {proof.kept} lead to rows that are not"
                " there, as after a restore that stopped on its way. Nothing was changed. Restore"
                " the backup again, into an empty database.",
                table=proof.table,
            )
