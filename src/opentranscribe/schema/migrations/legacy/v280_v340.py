"""Resumable uploads, password reset, speaker constraints, shared settings."""

from opentranscribe.schema.migrations.steps import Revision, Step

REVISIONS: tuple[Revision, ...] = (
    Revision(
        "v280_add_upload_sessions",
        (
            Step(
                """
CREATE TABLE IF NOT EXISTS upload_session (
    id SERIAL PRIMARY KEY,
    upload_id UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    media_file_id INTEGER NOT NULL UNIQUE REFERENCES media_file ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    minio_upload_id VARCHAR(1024),
    storage_path VARCHAR(1024) NOT NULL,
    "offset" BIGINT NOT NULL DEFAULT 0,
    total_size BIGINT NOT NULL,
    content_type VARCHAR(256) NOT NULL DEFAULT 'application/octet-stream',
    filename VARCHAR(512) NOT NULL,
    tus_metadata TEXT,
    parts_json TEXT NOT NULL DEFAULT '[]',
    chunk_buffer BYTEA,
    min_speakers INTEGER,
    max_speakers INTEGER,
    num_speakers INTEGER,
    extracted_from_video_json TEXT,
    status VARCHAR(32) NOT NULL DEFAULT 'active',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ NOT NULL,
    completed_at TIMESTAMPTZ
);
CREATE INDEX IF NOT EXISTS idx_upload_session_upload_id ON upload_session (upload_id);
CREATE INDEX IF NOT EXISTS idx_upload_session_user_id ON upload_session (user_id);
CREATE INDEX IF NOT EXISTS idx_upload_session_media_file_id ON upload_session (media_file_id);
CREATE INDEX IF NOT EXISTS idx_upload_session_status_expires
    ON upload_session (expires_at) WHERE status = 'active';
"""
            ),
        ),
    ),
    Revision(
        "v290_add_password_reset_tokens",
        (
            Step(
                """
CREATE TABLE IF NOT EXISTS password_reset_token (
    id SERIAL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    token_hash VARCHAR(64) NOT NULL UNIQUE,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    ip_address VARCHAR(45)
);
CREATE INDEX IF NOT EXISTS ix_password_reset_token_token_hash
    ON password_reset_token (token_hash);
CREATE INDEX IF NOT EXISTS ix_password_reset_token_user_id ON password_reset_token (user_id);
"""
            ),
        ),
    ),
    Revision(
        "v300_add_gender_confirmed",
        (
            Step(
                """
ALTER TABLE speaker ADD COLUMN IF NOT EXISTS gender_confirmed_by_user BOOLEAN DEFAULT false;
""",
                lock="short",
            ),
        ),
    ),
    Revision(
        "v310_add_speaker_constraints",
        (
            Step(
                """
CREATE TABLE IF NOT EXISTS speaker_cannot_link (
    id SERIAL PRIMARY KEY,
    speaker_id INTEGER NOT NULL REFERENCES speaker ON DELETE CASCADE,
    cannot_link_speaker_id INTEGER NOT NULL REFERENCES speaker ON DELETE CASCADE,
    created_at TIMESTAMPTZ DEFAULT now(),
    reason VARCHAR(255),
    UNIQUE (speaker_id, cannot_link_speaker_id)
);
CREATE TABLE IF NOT EXISTS speaker_profile_blacklist (
    id SERIAL PRIMARY KEY,
    speaker_id INTEGER NOT NULL REFERENCES speaker ON DELETE CASCADE,
    profile_id INTEGER NOT NULL REFERENCES speaker_profile ON DELETE CASCADE,
    created_at TIMESTAMPTZ DEFAULT now(),
    reason VARCHAR(255),
    UNIQUE (speaker_id, profile_id)
);
CREATE INDEX IF NOT EXISTS idx_speaker_profile_blacklist_speaker
    ON speaker_profile_blacklist (speaker_id);
CREATE INDEX IF NOT EXISTS idx_speaker_cannot_link_speaker ON speaker_cannot_link (speaker_id);
CREATE INDEX IF NOT EXISTS idx_speaker_cannot_link_target
    ON speaker_cannot_link (cannot_link_speaker_id);
CREATE INDEX IF NOT EXISTS idx_speaker_profile_blacklist_profile
    ON speaker_profile_blacklist (profile_id);
"""
            ),
        ),
    ),
    Revision(
        "v320_add_cluster_suggested_name",
        (
            Step(
                """
ALTER TABLE speaker_cluster ADD COLUMN IF NOT EXISTS suggested_name VARCHAR(255);
""",
                lock="short",
            ),
        ),
    ),
    Revision(
        "v330_add_shared_configs_and_prompts",
        (
            Step(
                """
ALTER TABLE summary_prompt
    ADD COLUMN IF NOT EXISTS is_shared BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS shared_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS tags JSONB NOT NULL DEFAULT '[]',
    ADD COLUMN IF NOT EXISTS usage_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user_asr_settings
    ADD COLUMN IF NOT EXISTS is_shared BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS shared_at TIMESTAMPTZ;
ALTER TABLE user_llm_settings
    ADD COLUMN IF NOT EXISTS is_shared BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS shared_at TIMESTAMPTZ;
""",
                lock="short",
            ),
            Step(
                """
CREATE INDEX IF NOT EXISTS ix_user_llm_settings_shared
    ON user_llm_settings (is_shared) WHERE is_shared = true;
CREATE INDEX IF NOT EXISTS ix_user_asr_settings_shared
    ON user_asr_settings (is_shared) WHERE is_shared = true;
CREATE INDEX IF NOT EXISTS ix_summary_prompt_shared
    ON summary_prompt (is_shared, shared_at DESC) WHERE is_shared = true;
CREATE INDEX IF NOT EXISTS idx_summary_prompt_tags ON summary_prompt USING gin (tags);
""",
                lock="rewrite",
            ),
        ),
    ),
)
