"""A revision as a next release may have one: a column is added, filled, and then constrained."""

from opentranscribe.schema.migrations.steps import Revision, Step

REVISION = Revision(
    "v450_add_listening_time",
    (
        Step(
            "ALTER TABLE media_file ADD COLUMN IF NOT EXISTS listening_seconds double precision"
            " DEFAULT 0",
            "media_file: add listening_seconds",
            lock="short",
        ),
        Step(
            "UPDATE media_file SET listening_seconds = COALESCE(duration, 0)"
            " WHERE listening_seconds IS DISTINCT FROM COALESCE(duration, 0)",
            "media_file: fill listening_seconds",
        ),
        Step(
            "ALTER TABLE media_file ALTER COLUMN listening_seconds SET NOT NULL",
            "media_file: listening_seconds is never empty",
            lock="rewrite",
        ),
    ),
)
