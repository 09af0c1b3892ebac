"""What an upgrade did, sealed; which releases may work on the schema; where kept rows go."""

from opentranscribe.schema.migrations.kept import KEPT
from opentranscribe.schema.migrations.steps import Revision, Step

LEDGER = """
ALTER TABLE schema_ledger
    ADD COLUMN IF NOT EXISTS rows BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS bytes BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS log TEXT NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS hash VARCHAR(64);
"""

# One row: numbers of the oldest heads that may read, and write, what the newest release made.
COMPATIBILITY = """
CREATE TABLE IF NOT EXISTS schema_compatibility (
    id INTEGER CONSTRAINT pk_schema_compatibility PRIMARY KEY,
    revision VARCHAR(128) NOT NULL,
    oldest_reader INTEGER NOT NULL,
    oldest_writer INTEGER NOT NULL,
    ledger_hash VARCHAR(64) NOT NULL DEFAULT '',
    CONSTRAINT ck_schema_compatibility_one_row CHECK (id = 1)
);
"""

REVISION = Revision(
    "v402_add_upgrade_records",
    (
        Step(KEPT, "the schema for what cannot stay"),
        Step(LEDGER, "seals and counts in the ledger", lock="short"),
        Step(COMPATIBILITY, "which releases may work on the schema"),
    ),
)
