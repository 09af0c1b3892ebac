"""Our first revision: jobs as rows, sessions, uploads, drafts, edits, voiceprints."""

from opentranscribe.schema.migrations.steps import Revision, Step
from opentranscribe.schema.migrations.versions.v400_tables import (
    JOBS,
    LEDGER,
    SESSIONS,
    TRANSCRIPTS,
    UPLOADS,
    VOICEPRINTS,
)

# What can be rebuilt lives apart: no backup and no fingerprint looks there.
SCHEMAS = """
CREATE SCHEMA IF NOT EXISTS derived;
CREATE SCHEMA IF NOT EXISTS queue;
"""

COLUMNS = """
ALTER TABLE media_file
    ADD COLUMN IF NOT EXISTS peaks_path VARCHAR(500),
    ADD COLUMN IF NOT EXISTS notices JSONB NOT NULL DEFAULT '[]';
ALTER TABLE transcript_segment
    ADD COLUMN IF NOT EXISTS flags JSONB NOT NULL DEFAULT '[]';
"""

INDEXES = """
CREATE INDEX IF NOT EXISTS idx_media_file_user_upload_time
    ON media_file (user_id, upload_time DESC);
CREATE INDEX IF NOT EXISTS idx_media_file_user_hash ON media_file (user_id, file_hash);
"""

# Columns with a default that the earlier system left nullable; none of these tables is long.
_FILLED = (
    ('"user"', "created_at", "now()"),
    ('"user"', "updated_at", "now()"),
    ("user_setting", "created_at", "now()"),
    ("user_setting", "updated_at", "now()"),
    ("system_settings", "updated_at", "now()"),
    ("custom_vocabulary", "created_at", "now()"),
    ("custom_vocabulary", "updated_at", "now()"),
    ("media_file", "status", "'pending'"),
    ("media_file", "upload_time", "now()"),
    ("speaker_profile", "embedding_count", "0"),
    ("speaker_profile", "created_at", "now()"),
    ("speaker_profile", "updated_at", "now()"),
    ("speaker", "created_at", "now()"),
)

_FILL = "UPDATE {table} SET {column} = {value} WHERE {column} IS NULL;\n"
_REQUIRE = "ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL;\n"

REVISION = Revision(
    "v400_add_jobs_and_voiceprints",
    (
        Step(SCHEMAS, "places for what can be rebuilt"),
        Step(LEDGER, "ledger of revisions"),
        Step(SESSIONS, "sessions and guesses"),
        Step(UPLOADS, "uploads"),
        Step(JOBS, "jobs, their steps, processes alive"),
        Step(TRANSCRIPTS, "drafts and edits"),
        Step(VOICEPRINTS, "voiceprints"),
        Step(COLUMNS, "peaks, notices, flags", lock="short"),
        *(
            Step(
                _FILL.format(table=table, column=column, value=value)
                + _REQUIRE.format(table=table, column=column),
                f"{table}.{column} is never empty",
                lock="rewrite",
            )
            for table, column, value in _FILLED
        ),
        Step(INDEXES, "indexes for the library", lock="rewrite"),
    ),
)
