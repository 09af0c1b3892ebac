"""Reconciliation of installations that differ, then groups and sharing."""

from opentranscribe.schema.migrations.kept import KEPT
from opentranscribe.schema.migrations.steps import Revision, Step, constraint

REVISIONS: tuple[Revision, ...] = (
    Revision(
        "v200_schema_reconciliation",
        (
            Step(
                """
DO $$
DECLARE
    pair TEXT[];
BEGIN
    FOREACH pair SLICE 1 IN ARRAY ARRAY[['pki_cert_valid_from', 'pki_not_before'],
                                        ['pki_cert_valid_until', 'pki_not_after']]
    LOOP
        CONTINUE WHEN NOT EXISTS (
            SELECT FROM pg_attribute WHERE attrelid = 'public."user"'::regclass
            AND attname = pair[1] AND NOT attisdropped);
        EXECUTE format('ALTER TABLE "user" ADD COLUMN IF NOT EXISTS %I TIMESTAMPTZ', pair[2]);
        EXECUTE format('UPDATE "user" SET %I = %I WHERE %I IS NOT NULL', pair[2], pair[1], pair[1]);
        EXECUTE format('ALTER TABLE "user" DROP COLUMN %I', pair[1]);
    END LOOP;
END $$;
ALTER TABLE "user" DROP COLUMN IF EXISTS pki_cert_fingerprint;
""",
                title="certificate columns take their lasting names",
                lock="short",
            ),
            Step(
                """
ALTER TABLE refresh_token
    ADD COLUMN IF NOT EXISTS jti VARCHAR(36),
    ADD COLUMN IF NOT EXISTS user_agent VARCHAR(512),
    ADD COLUMN IF NOT EXISTS ip_address VARCHAR(45),
    ALTER COLUMN token_hash TYPE VARCHAR(128);
UPDATE refresh_token SET jti = gen_random_uuid()::text WHERE jti IS NULL;
ALTER TABLE refresh_token ALTER COLUMN jti SET NOT NULL;
""",
                title="every refresh token gets an id",
                lock="rewrite",
            ),
            Step(
                """
ALTER TABLE user_mfa
    ADD COLUMN IF NOT EXISTS uuid UUID DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS last_verified_at TIMESTAMPTZ;
UPDATE user_mfa SET uuid = gen_random_uuid() WHERE uuid IS NULL;
UPDATE user_mfa SET totp_secret = '' WHERE totp_secret IS NULL;
UPDATE user_mfa SET backup_codes = '[]' WHERE backup_codes IS NULL;
ALTER TABLE user_mfa
    ALTER COLUMN uuid SET NOT NULL,
    ALTER COLUMN totp_secret SET NOT NULL,
    ALTER COLUMN backup_codes SET DEFAULT '[]',
    ALTER COLUMN backup_codes SET NOT NULL;
""",
                title="second factors get an id and no nulls",
                lock="rewrite",
            ),
            Step(
                """
UPDATE "user" SET role = 'user' WHERE role IS NULL;
ALTER TABLE "user"
    ALTER COLUMN role SET DEFAULT 'user',
    ALTER COLUMN role SET NOT NULL,
    ALTER COLUMN full_name DROP NOT NULL;
""",
                title="every user has a role, a full name is optional",
                lock="rewrite",
            ),
            Step(
                constraint("user_mfa", "user_mfa_uuid_key", "UNIQUE (uuid)"),
                "add user_mfa_uuid_key",
                lock="rewrite",
            ),
            Step(
                constraint(
                    '"user"', "users_role_check", "CHECK (role IN ('user', 'admin', 'super_admin'))"
                ),
                "add users_role_check",
                lock="rewrite",
            ),
            Step(
                constraint(
                    '"user"',
                    "users_auth_type_check",
                    "CHECK (auth_type IN ('local', 'ldap', 'keycloak', 'pki'))",
                ),
                "add users_auth_type_check",
                lock="rewrite",
            ),
            Step(
                constraint("refresh_token", "uq_refresh_token_jti", "UNIQUE (jti)"),
                "add uq_refresh_token_jti",
                lock="rewrite",
            ),
            Step(
                """
CREATE INDEX IF NOT EXISTS idx_refresh_token_jti ON refresh_token (jti);
CREATE INDEX IF NOT EXISTS idx_user_mfa_uuid ON user_mfa (uuid);
CREATE INDEX IF NOT EXISTS idx_user_ldap_uid ON "user" (ldap_uid);
CREATE INDEX IF NOT EXISTS idx_user_keycloak_id ON "user" (keycloak_id);
CREATE INDEX IF NOT EXISTS idx_user_pki_subject_dn ON "user" (pki_subject_dn);
CREATE INDEX IF NOT EXISTS idx_user_password_changed_at ON "user" (password_changed_at);
CREATE INDEX IF NOT EXISTS idx_user_account_expires_at ON "user" (account_expires_at);
CREATE INDEX IF NOT EXISTS idx_user_last_login_at ON "user" (last_login_at);
CREATE INDEX IF NOT EXISTS idx_user_must_change_password ON "user" (must_change_password);
CREATE INDEX IF NOT EXISTS idx_user_mfa_user_id ON user_mfa (user_id);
CREATE INDEX IF NOT EXISTS idx_refresh_token_hash ON refresh_token (token_hash);
CREATE INDEX IF NOT EXISTS idx_refresh_token_user_id ON refresh_token (user_id);
CREATE INDEX IF NOT EXISTS idx_refresh_token_expires_at ON refresh_token (expires_at);
CREATE INDEX IF NOT EXISTS idx_refresh_token_active
    ON refresh_token (user_id, expires_at) WHERE revoked_at IS NULL;
CREATE INDEX IF NOT EXISTS idx_user_pki_fingerprint_sha256
    ON "user" (pki_fingerprint_sha256) WHERE pki_fingerprint_sha256 IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_user_pki_issuer_dn
    ON "user" (pki_issuer_dn) WHERE pki_issuer_dn IS NOT NULL;
""",
                title="indexes that some installations lack",
                lock="rewrite",
            ),
        ),
    ),
    Revision(
        "v210_add_groups_and_sharing",
        (
            Step(
                """
CREATE TABLE IF NOT EXISTS user_group (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    name VARCHAR(255) NOT NULL,
    description TEXT,
    owner_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    created_at TIMESTAMPTZ DEFAULT now(),
    updated_at TIMESTAMPTZ DEFAULT now(),
    CONSTRAINT _user_group_owner_name_uc UNIQUE (owner_id, name)
);
CREATE TABLE IF NOT EXISTS collection_share (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    collection_id INTEGER NOT NULL REFERENCES collection ON DELETE CASCADE,
    shared_by_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    target_type VARCHAR(20) NOT NULL,
    target_user_id INTEGER REFERENCES "user" ON DELETE CASCADE,
    target_group_id INTEGER REFERENCES user_group ON DELETE CASCADE,
    permission VARCHAR(20) NOT NULL DEFAULT 'viewer',
    created_at TIMESTAMPTZ DEFAULT now(),
    updated_at TIMESTAMPTZ DEFAULT now(),
    CONSTRAINT _collection_share_target_check CHECK (
        (target_user_id IS NOT NULL AND target_group_id IS NULL)
        OR (target_user_id IS NULL AND target_group_id IS NOT NULL)
    )
);
CREATE TABLE IF NOT EXISTS user_group_member (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    group_id INTEGER NOT NULL REFERENCES user_group ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    role VARCHAR(20) NOT NULL DEFAULT 'member',
    joined_at TIMESTAMPTZ DEFAULT now(),
    CONSTRAINT _group_member_uc UNIQUE (group_id, user_id)
);
CREATE INDEX IF NOT EXISTS ix_user_group_id ON user_group (id);
CREATE INDEX IF NOT EXISTS ix_user_group_uuid ON user_group (uuid);
CREATE INDEX IF NOT EXISTS ix_user_group_member_id ON user_group_member (id);
CREATE INDEX IF NOT EXISTS ix_user_group_member_uuid ON user_group_member (uuid);
CREATE INDEX IF NOT EXISTS ix_collection_share_id ON collection_share (id);
CREATE INDEX IF NOT EXISTS ix_collection_share_uuid ON collection_share (uuid);
CREATE INDEX IF NOT EXISTS ix_collection_share_collection_id ON collection_share (collection_id);
CREATE INDEX IF NOT EXISTS ix_collection_share_shared_by_id ON collection_share (shared_by_id);
CREATE INDEX IF NOT EXISTS ix_collection_share_target_user_id
    ON collection_share (target_user_id);
CREATE INDEX IF NOT EXISTS ix_collection_share_target_group_id
    ON collection_share (target_group_id);
CREATE UNIQUE INDEX IF NOT EXISTS _collection_share_user_uc
    ON collection_share (collection_id, target_user_id) WHERE target_user_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS _collection_share_group_uc
    ON collection_share (collection_id, target_group_id) WHERE target_group_id IS NOT NULL;
"""
            ),
        ),
    ),
    Revision(
        "v211_add_sharing_constraints_and_indexes",
        (
            Step(
                KEPT
                + """
INSERT INTO kept.value (table_name, column_name, row_key, content, reason)
SELECT 'collection_share', 'permission', jsonb_build_object('id', id), to_jsonb(permission),
       'an owner share is an editor share'
FROM collection_share WHERE permission = 'owner';
UPDATE collection_share SET permission = 'editor' WHERE permission = 'owner';
""",
                title="an owner share is an editor share",
                data=True,
            ),
            Step(
                constraint(
                    "user_group_member",
                    "_user_group_member_role_check",
                    "CHECK (role IN ('owner', 'admin', 'member'))",
                ),
                "add _user_group_member_role_check",
                lock="rewrite",
            ),
            Step(
                constraint(
                    "collection_share",
                    "_collection_share_target_type_check",
                    "CHECK (target_type IN ('user', 'group'))",
                ),
                "add _collection_share_target_type_check",
                lock="rewrite",
            ),
            Step(
                constraint(
                    "collection_share",
                    "_collection_share_permission_check",
                    "CHECK (permission IN ('viewer', 'editor'))",
                ),
                "add _collection_share_permission_check",
                lock="rewrite",
            ),
            Step(
                """
CREATE INDEX IF NOT EXISTS ix_user_group_owner_id ON user_group (owner_id);
CREATE INDEX IF NOT EXISTS ix_user_group_member_user_id ON user_group_member (user_id);
CREATE INDEX IF NOT EXISTS ix_user_group_member_group_id ON user_group_member (group_id);
""",
                lock="rewrite",
            ),
        ),
    ),
)
