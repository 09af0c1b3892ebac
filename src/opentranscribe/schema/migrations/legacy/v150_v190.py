"""Retention, local fall-back, federated log-out, speaker attributes."""

from opentranscribe.schema.migrations.steps import Revision, Step, constraint, seed_settings

REVISIONS: tuple[Revision, ...] = (
    Revision(
        "v150_add_file_retention_settings",
        (
            Step(
                seed_settings(
                    files__retention_enabled=(
                        "false",
                        "Whether old files are deleted by themselves",
                    ),
                    files__retention_days=("90", "Age in days at which they are deleted"),
                    files__delete_error_files=(
                        "false",
                        "Whether files that failed are deleted too",
                    ),
                    files__retention_run_time=("02:00", "Time of day of the clean-up, HH:MM"),
                    files__retention_timezone=("UTC", "Time zone of that time"),
                    files__retention_last_run=(None, "When the clean-up last ran"),
                    files__retention_last_run_deleted=("0", "How many files it deleted then"),
                ),
                data=True,
            ),
        ),
    ),
    Revision(
        "v160_add_allow_local_fallback",
        (
            Step(
                """
ALTER TABLE "user" ADD COLUMN IF NOT EXISTS allow_local_fallback BOOLEAN NOT NULL DEFAULT false;
""",
                lock="short",
            ),
        ),
    ),
    Revision(
        "v170_add_keycloak_refresh_token",
        (
            Step(
                """
ALTER TABLE "user" ADD COLUMN IF NOT EXISTS keycloak_refresh_token TEXT;
""",
                lock="short",
            ),
        ),
    ),
    Revision(
        "v180_add_speaker_attributes",
        (
            Step(
                """
ALTER TABLE speaker
    ADD COLUMN IF NOT EXISTS predicted_gender VARCHAR(20),
    ADD COLUMN IF NOT EXISTS predicted_age_range VARCHAR(30),
    ADD COLUMN IF NOT EXISTS attribute_confidence JSONB,
    ADD COLUMN IF NOT EXISTS attributes_predicted_at TIMESTAMPTZ;
ALTER TABLE speaker_profile
    ADD COLUMN IF NOT EXISTS predicted_gender VARCHAR(20),
    ADD COLUMN IF NOT EXISTS predicted_age_range VARCHAR(30);
""",
                lock="short",
            ),
        ),
    ),
    Revision(
        "v190_add_collection_default_prompt",
        (
            Step(
                """
ALTER TABLE collection ADD COLUMN IF NOT EXISTS default_summary_prompt_id INTEGER;
""",
                lock="short",
            ),
            Step(
                constraint(
                    "collection",
                    "collection_default_summary_prompt_id_fkey",
                    "FOREIGN KEY (default_summary_prompt_id)"
                    " REFERENCES summary_prompt(id) ON DELETE SET NULL",
                ),
                "add collection_default_summary_prompt_id_fkey",
                lock="rewrite",
            ),
            Step(
                """
CREATE INDEX IF NOT EXISTS idx_collection_default_prompt_id
    ON collection (default_summary_prompt_id);
""",
                lock="rewrite",
            ),
        ),
    ),
)
