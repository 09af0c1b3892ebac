"""Certificates, sign-in configuration, indexes, file states as text, word times."""

from opentranscribe.schema.migrations.steps import Revision, Step, constraint

REVISIONS: tuple[Revision, ...] = (
    Revision(
        "v070_pki_security",
        (
            Step(
                """
ALTER TABLE "user"
    ADD COLUMN IF NOT EXISTS pki_serial_number VARCHAR(128),
    ADD COLUMN IF NOT EXISTS pki_issuer_dn VARCHAR(512),
    ADD COLUMN IF NOT EXISTS pki_organization VARCHAR(256),
    ADD COLUMN IF NOT EXISTS pki_organizational_unit VARCHAR(256),
    ADD COLUMN IF NOT EXISTS pki_common_name VARCHAR(256),
    ADD COLUMN IF NOT EXISTS pki_not_before TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS pki_not_after TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS pki_fingerprint_sha256 VARCHAR(64);
""",
                lock="short",
            ),
            Step(
                "ALTER TABLE refresh_token ALTER COLUMN token_hash TYPE VARCHAR(128);",
                title="token_hash holds SHA-512",
                lock="rewrite",
            ),
            Step(
                constraint(
                    '"user"',
                    "user_pki_cert_unique",
                    "UNIQUE (pki_serial_number, pki_issuer_dn) DEFERRABLE INITIALLY DEFERRED",
                ),
                "add user_pki_cert_unique",
                lock="rewrite",
            ),
            Step(
                """
CREATE INDEX IF NOT EXISTS idx_user_pki_fingerprint_sha256
    ON "user" (pki_fingerprint_sha256) WHERE pki_fingerprint_sha256 IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_user_pki_issuer_dn
    ON "user" (pki_issuer_dn) WHERE pki_issuer_dn IS NOT NULL;
""",
                lock="rewrite",
            ),
        ),
    ),
    Revision(
        "v080_add_auth_config",
        (
            Step(
                """
CREATE TABLE IF NOT EXISTS auth_config (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    config_key VARCHAR(100) NOT NULL UNIQUE,
    config_value TEXT,
    is_sensitive BOOLEAN DEFAULT false,
    category VARCHAR(50) NOT NULL,
    data_type VARCHAR(20) DEFAULT 'string',
    description TEXT,
    requires_restart BOOLEAN DEFAULT false,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    created_by INTEGER REFERENCES "user",
    updated_by INTEGER REFERENCES "user"
);
CREATE TABLE IF NOT EXISTS auth_config_audit (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    config_key VARCHAR(100) NOT NULL,
    old_value TEXT,
    new_value TEXT,
    changed_by INTEGER NOT NULL REFERENCES "user",
    change_type VARCHAR(20) NOT NULL,
    ip_address VARCHAR(45),
    user_agent VARCHAR(512),
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS user_certificate_preferences (
    id SERIAL PRIMARY KEY,
    user_id INTEGER NOT NULL UNIQUE REFERENCES "user" ON DELETE CASCADE,
    show_cert_badge BOOLEAN DEFAULT true,
    show_cert_in_profile BOOLEAN DEFAULT true,
    show_expiration_warnings BOOLEAN DEFAULT true,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX IF NOT EXISTS idx_auth_config_category ON auth_config (category);
CREATE INDEX IF NOT EXISTS idx_auth_config_key ON auth_config (config_key);
CREATE INDEX IF NOT EXISTS idx_auth_config_audit_key ON auth_config_audit (config_key);
CREATE INDEX IF NOT EXISTS idx_auth_config_audit_created ON auth_config_audit (created_at);
"""
            ),
        ),
    ),
    Revision(
        "v090_add_error_category",
        (
            Step(
                """
ALTER TABLE media_file ADD COLUMN IF NOT EXISTS error_category VARCHAR(50);
""",
                lock="short",
            ),
            Step(
                """
CREATE INDEX IF NOT EXISTS idx_media_file_error_category
    ON media_file (error_category) WHERE error_category IS NOT NULL;
""",
                lock="rewrite",
            ),
        ),
    ),
    Revision(
        "v091_add_speaker_suggestion_source",
        (
            Step(
                """
ALTER TABLE speaker ADD COLUMN IF NOT EXISTS suggestion_source VARCHAR(50);
""",
                lock="short",
            ),
        ),
    ),
    Revision(
        "v100_optimize_query_performance",
        (
            Step(
                """
CREATE INDEX IF NOT EXISTS idx_media_file_user_status_upload
    ON media_file (user_id, status, upload_time DESC);
CREATE INDEX IF NOT EXISTS idx_media_file_summary_status_partial
    ON media_file (summary_status)
    WHERE summary_status IS NOT NULL AND summary_status <> 'completed';
CREATE INDEX IF NOT EXISTS idx_media_file_user_completed
    ON media_file (user_id, completed_at DESC)
    WHERE status = 'completed' AND completed_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_speaker_display_name
    ON speaker (display_name) WHERE display_name IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_speaker_name ON speaker (name);
CREATE INDEX IF NOT EXISTS idx_task_media_file_status ON task (media_file_id, status);
CREATE INDEX IF NOT EXISTS idx_file_tag_media_tag ON file_tag (media_file_id, tag_id);
""",
                lock="rewrite",
            ),
        ),
    ),
    Revision(
        "v110_add_missing_fk_indexes",
        (
            Step(
                """
CREATE INDEX IF NOT EXISTS idx_comment_media_file_id ON comment (media_file_id);
CREATE INDEX IF NOT EXISTS idx_comment_user_id ON comment (user_id);
""",
                lock="rewrite",
            ),
            Step(
                """
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_transcript_segment_media_start
    ON transcript_segment (media_file_id, start_time);
""",
                transactional=False,
            ),
        ),
    ),
    Revision(
        "v120_add_remaining_fk_indexes",
        (
            Step(
                """
CREATE INDEX IF NOT EXISTS idx_file_tag_media_file_id ON file_tag (media_file_id);
CREATE INDEX IF NOT EXISTS idx_file_tag_tag_id ON file_tag (tag_id);
CREATE INDEX IF NOT EXISTS idx_speaker_profile_user_id ON speaker_profile (user_id);
CREATE INDEX IF NOT EXISTS idx_speaker_user_id ON speaker (user_id);
CREATE INDEX IF NOT EXISTS idx_speaker_media_file_id ON speaker (media_file_id);
CREATE INDEX IF NOT EXISTS idx_speaker_profile_id ON speaker (profile_id);
CREATE INDEX IF NOT EXISTS idx_transcript_segment_speaker_id ON transcript_segment (speaker_id);
CREATE INDEX IF NOT EXISTS idx_task_user_id ON task (user_id);
CREATE INDEX IF NOT EXISTS idx_task_media_file_id ON task (media_file_id);
CREATE INDEX IF NOT EXISTS idx_collection_member_collection_id
    ON collection_member (collection_id);
CREATE INDEX IF NOT EXISTS idx_collection_member_media_file_id
    ON collection_member (media_file_id);
""",
                lock="rewrite",
            ),
        ),
    ),
    Revision(
        "v130_add_processing_model_tracking",
        (
            Step(
                """
ALTER TABLE media_file
    ADD COLUMN IF NOT EXISTS whisper_model VARCHAR,
    ADD COLUMN IF NOT EXISTS diarization_model VARCHAR,
    ADD COLUMN IF NOT EXISTS embedding_mode VARCHAR;
""",
                lock="short",
            ),
        ),
    ),
    Revision(
        "v071_add_transcript_segment_unique_constraint",
        (
            Step(
                constraint(
                    "transcript_segment",
                    "uq_transcript_segment_content",
                    "UNIQUE (media_file_id, start_time, end_time, text)",
                ),
                "add uq_transcript_segment_content",
                lock="rewrite",
                until="v353_fix_segment_unique_index",
            ),
        ),
    ),
    Revision("v072_add_queued_downloading_statuses", ()),
    Revision(
        "v073_convert_filestatus_enum_to_varchar",
        (
            Step(
                """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
               WHERE t.typname = 'filestatus' AND n.nspname = 'public') THEN
        ALTER TABLE media_file ALTER COLUMN status DROP DEFAULT;
        ALTER TABLE media_file ALTER COLUMN status TYPE VARCHAR(50) USING lower(status::text);
        ALTER TABLE media_file ALTER COLUMN status SET DEFAULT 'pending';
        DROP TYPE filestatus;
    END IF;
END $$;
""",
                title="status becomes text",
                lock="rewrite",
            ),
            Step(
                """
UPDATE media_file SET status = lower(status) WHERE status <> lower(status);
""",
                title="status in lower case",
                data=True,
            ),
        ),
    ),
    Revision(
        "v140_add_word_timestamps",
        (
            Step(
                "ALTER TABLE transcript_segment ADD COLUMN IF NOT EXISTS words JSONB;", lock="short"
            ),
        ),
    ),
)
