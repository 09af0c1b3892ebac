"""Deleting a file takes along everything that belongs to it, in one statement."""

from opentranscribe.schema.migrations.steps import Revision, Step

# (table, column, referenced table, what happens to the row); names as PostgreSQL made them.
_LINKS = (
    ("transcript_segment", "media_file_id", "media_file", "CASCADE"),
    ("transcript_segment", "speaker_id", "speaker", "SET NULL"),
    ("comment", "media_file_id", "media_file", "CASCADE"),
    ("task", "media_file_id", "media_file", "CASCADE"),
    ("analytics", "media_file_id", "media_file", "CASCADE"),
)

# NOT VALID first and validated in a transaction of its own: reading the rows then stops nobody.
_SWAP = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'public.{table}'::regclass
                   AND conname = '{table}_{column}_fkey' AND confdeltype = '{code}') THEN
        ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_{column}_fkey;
        ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_fkey
            FOREIGN KEY ({column}) REFERENCES {target} (id) ON DELETE {action} NOT VALID;
    END IF;
END $$;
"""
_VALIDATE = "ALTER TABLE {table} VALIDATE CONSTRAINT {table}_{column}_fkey"
_CODES = {"CASCADE": "c", "SET NULL": "n"}


def _swap(table: str, column: str, target: str, action: str) -> Step:
    sql = _SWAP.format(
        table=table, column=column, target=target, action=action, code=_CODES[action]
    )
    return Step(sql, f"{table}.{column}: {action.lower()}", lock="short")


REVISION = Revision(
    "v401_cascade_deletes",
    (
        *(_swap(*link) for link in _LINKS),
        *(
            Step(
                _VALIDATE.format(table=table, column=column),
                f"{table}.{column} holds for every row",
                transactional=False,
            )
            for table, column, _, _ in _LINKS
        ),
    ),
)
