"""Settings, directory sign-in, password rules and overlapping speech."""

from opentranscribe.schema.migrations.steps import Revision, Step, constraint, seed_settings

REVISIONS: tuple[Revision, ...] = (
    Revision(
        "v020_add_system_settings",
        (
            Step(
                """
CREATE TABLE IF NOT EXISTS system_settings (
    id SERIAL PRIMARY KEY,
    key VARCHAR(100) NOT NULL UNIQUE,
    value TEXT,
    description TEXT,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX IF NOT EXISTS idx_system_settings_key ON system_settings (key);
"""
            ),
            Step(
                seed_settings(
                    transcription__max_retries=(
                        "3",
                        "How often a failed transcription is tried again; 0 is without limit",
                    ),
                    transcription__retry_limit_enabled=(
                        "true",
                        "Whether the number of retries is limited",
                    ),
                    transcription__garbage_cleanup_enabled=(
                        "true",
                        "Whether words of implausible length are removed",
                    ),
                    transcription__max_word_length=("50", "Longest word, in letters, that is kept"),
                ),
                data=True,
            ),
        ),
    ),
    Revision(
        "v030_add_ldap_auth",
        (
            Step(
                """
ALTER TABLE "user"
    ADD COLUMN IF NOT EXISTS auth_type VARCHAR(10) NOT NULL DEFAULT 'local',
    ADD COLUMN IF NOT EXISTS ldap_uid VARCHAR(255);
""",
                lock="short",
            ),
            Step(
                constraint('"user"', "uq_user_ldap_uid", "UNIQUE (ldap_uid)"),
                "add uq_user_ldap_uid",
                lock="rewrite",
            ),
            Step(
                'CREATE INDEX IF NOT EXISTS idx_user_ldap_uid ON "user" (ldap_uid);', lock="rewrite"
            ),
        ),
    ),
    Revision(
        "v031_add_keycloak_pki_auth",
        (
            Step(
                """
ALTER TABLE "user"
    ADD COLUMN IF NOT EXISTS keycloak_id VARCHAR(255),
    ADD COLUMN IF NOT EXISTS pki_subject_dn VARCHAR(512);
""",
                lock="short",
            ),
            Step(
                """
DO $$ BEGIN
    IF EXISTS (SELECT FROM information_schema.columns
               WHERE table_schema = 'public' AND table_name = 'user'
               AND column_name = 'auth_type' AND character_maximum_length < 20)
    THEN ALTER TABLE "user" ALTER COLUMN auth_type TYPE VARCHAR(20);
    END IF;
END $$;
""",
                "auth_type takes longer names",
                lock="short",
            ),
            Step(
                constraint('"user"', "uq_user_keycloak_id", "UNIQUE (keycloak_id)"),
                "add uq_user_keycloak_id",
                lock="rewrite",
            ),
            Step(
                constraint('"user"', "uq_user_pki_subject_dn", "UNIQUE (pki_subject_dn)"),
                "add uq_user_pki_subject_dn",
                lock="rewrite",
            ),
            Step(
                """
CREATE INDEX IF NOT EXISTS idx_user_keycloak_id ON "user" (keycloak_id);
CREATE INDEX IF NOT EXISTS idx_user_pki_subject_dn ON "user" (pki_subject_dn);
""",
                lock="rewrite",
            ),
        ),
    ),
    Revision(
        "v040_add_fedramp_compliance",
        (
            Step(
                """
CREATE TABLE IF NOT EXISTS password_history (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid(),
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    password_hash VARCHAR(255) NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT uq_password_history_uuid UNIQUE (uuid)
);
CREATE TABLE IF NOT EXISTS refresh_token (
    id SERIAL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    token_hash VARCHAR(255) NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT uq_refresh_token_hash UNIQUE (token_hash)
);
CREATE TABLE IF NOT EXISTS user_mfa (
    id SERIAL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    totp_secret VARCHAR(255),
    totp_enabled BOOLEAN NOT NULL DEFAULT false,
    backup_codes JSONB,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT uq_user_mfa_user_id UNIQUE (user_id)
);
CREATE INDEX IF NOT EXISTS idx_password_history_uuid ON password_history (uuid);
CREATE INDEX IF NOT EXISTS idx_password_history_user_id ON password_history (user_id);
CREATE INDEX IF NOT EXISTS idx_password_history_created_at ON password_history (created_at);
CREATE INDEX IF NOT EXISTS idx_user_mfa_user_id ON user_mfa (user_id);
CREATE INDEX IF NOT EXISTS idx_refresh_token_hash ON refresh_token (token_hash);
CREATE INDEX IF NOT EXISTS idx_refresh_token_user_id ON refresh_token (user_id);
CREATE INDEX IF NOT EXISTS idx_refresh_token_expires_at ON refresh_token (expires_at);
CREATE INDEX IF NOT EXISTS idx_refresh_token_active
    ON refresh_token (user_id, expires_at) WHERE revoked_at IS NULL;
"""
            ),
            Step(
                """
ALTER TABLE "user"
    ADD COLUMN IF NOT EXISTS password_hash_version VARCHAR(20) NOT NULL DEFAULT 'bcrypt',
    ADD COLUMN IF NOT EXISTS password_changed_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS must_change_password BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS last_login_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS account_expires_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS banner_acknowledged_at TIMESTAMPTZ;
""",
                lock="short",
            ),
            Step(
                """
CREATE INDEX IF NOT EXISTS idx_user_password_changed_at ON "user" (password_changed_at);
CREATE INDEX IF NOT EXISTS idx_user_account_expires_at ON "user" (account_expires_at);
CREATE INDEX IF NOT EXISTS idx_user_last_login_at ON "user" (last_login_at);
CREATE INDEX IF NOT EXISTS idx_user_must_change_password ON "user" (must_change_password);
""",
                lock="rewrite",
            ),
        ),
    ),
    Revision(
        "v050_add_search_settings",
        (
            Step(
                seed_settings(
                    search__embedding_model=(
                        "all-MiniLM-L6-v2",
                        "Model that turns text into vectors for search",
                    ),
                    search__embedding_dimension=("384", "Length of those vectors"),
                ),
                data=True,
            ),
        ),
    ),
    Revision(
        "v060_add_transcript_overlap",
        (
            Step(
                """
ALTER TABLE transcript_segment
    ADD COLUMN IF NOT EXISTS is_overlap BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS overlap_group_id UUID,
    ADD COLUMN IF NOT EXISTS overlap_confidence FLOAT;
""",
                lock="short",
            ),
            Step(
                """
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_transcript_segment_overlap_group
    ON transcript_segment (overlap_group_id) WHERE overlap_group_id IS NOT NULL;
""",
                transactional=False,
            ),
        ),
    ),
)
