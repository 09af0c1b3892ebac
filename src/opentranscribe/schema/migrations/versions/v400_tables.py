"""The tables that v400 brings, in the order their references need."""

SESSIONS = """
CREATE TABLE IF NOT EXISTS user_session (
    id BIGSERIAL CONSTRAINT pk_user_session PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() CONSTRAINT uq_user_session_uuid UNIQUE,
    user_id INTEGER NOT NULL
        CONSTRAINT fk_user_session_user_id REFERENCES "user" (id) ON DELETE CASCADE,
    kind VARCHAR(20) NOT NULL,
    token_hash VARCHAR(64) NOT NULL CONSTRAINT uq_user_session_token_hash UNIQUE,
    csrf_hash VARCHAR(64),
    user_agent VARCHAR(512),
    ip_address VARCHAR(45),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_seen_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);
CREATE INDEX IF NOT EXISTS idx_user_session_user_id ON user_session (user_id);
CREATE INDEX IF NOT EXISTS idx_user_session_expires_at ON user_session (expires_at);
CREATE TABLE IF NOT EXISTS login_guard (
    subject_hash VARCHAR(64) CONSTRAINT pk_login_guard PRIMARY KEY,
    failures INTEGER NOT NULL DEFAULT 0,
    lockouts INTEGER NOT NULL DEFAULT 0,
    locked_until TIMESTAMPTZ,
    last_failure_at TIMESTAMPTZ
);
"""

UPLOADS = """
CREATE TABLE IF NOT EXISTS upload (
    id BIGSERIAL CONSTRAINT pk_upload PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() CONSTRAINT uq_upload_uuid UNIQUE,
    user_id INTEGER NOT NULL
        CONSTRAINT fk_upload_user_id REFERENCES "user" (id) ON DELETE CASCADE,
    filename VARCHAR(255) NOT NULL,
    content_type VARCHAR(100) NOT NULL,
    size_bytes BIGINT NOT NULL,
    expected_sha256 VARCHAR(64),
    options JSONB NOT NULL DEFAULT '{}',
    status VARCHAR(20) NOT NULL DEFAULT 'active',
    error_message TEXT,
    media_file_id INTEGER
        CONSTRAINT fk_upload_media_file_id REFERENCES media_file (id) ON DELETE SET NULL,
    is_duplicate BOOLEAN NOT NULL DEFAULT false,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_upload_user_id ON upload (user_id);
CREATE INDEX IF NOT EXISTS idx_upload_media_file_id ON upload (media_file_id);
CREATE INDEX IF NOT EXISTS idx_upload_expires_at ON upload (expires_at) WHERE status = 'active';
"""

JOBS = """
CREATE TABLE IF NOT EXISTS job (
    id BIGSERIAL CONSTRAINT pk_job PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() CONSTRAINT uq_job_uuid UNIQUE,
    kind VARCHAR(60) NOT NULL,
    queue VARCHAR(40) NOT NULL,
    priority INTEGER NOT NULL DEFAULT 5,
    user_id INTEGER CONSTRAINT fk_job_user_id REFERENCES "user" (id) ON DELETE CASCADE,
    media_file_id INTEGER
        CONSTRAINT fk_job_media_file_id REFERENCES media_file (id) ON DELETE CASCADE,
    payload JSONB NOT NULL DEFAULT '{}',
    status VARCHAR(20) NOT NULL DEFAULT 'queued',
    attempt INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL DEFAULT 3,
    cancel_requested BOOLEAN NOT NULL DEFAULT false,
    not_before TIMESTAMPTZ,
    progress FLOAT NOT NULL DEFAULT '0',
    eta_seconds FLOAT,
    message TEXT,
    error_code VARCHAR(60),
    error_message TEXT,
    lease_owner VARCHAR(200),
    lease_until TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ
);
CREATE INDEX IF NOT EXISTS idx_job_user_id ON job (user_id);
CREATE INDEX IF NOT EXISTS idx_job_media_file_id ON job (media_file_id);
CREATE INDEX IF NOT EXISTS idx_job_status ON job (status);
CREATE INDEX IF NOT EXISTS idx_job_lease_until ON job (lease_until) WHERE status = 'running';
CREATE INDEX IF NOT EXISTS idx_job_waiting ON job (queue, priority, id) WHERE status = 'queued';
CREATE TABLE IF NOT EXISTS job_step (
    id BIGSERIAL CONSTRAINT pk_job_step PRIMARY KEY,
    job_id BIGINT NOT NULL CONSTRAINT fk_job_step_job_id REFERENCES job (id) ON DELETE CASCADE,
    name VARCHAR(40) NOT NULL,
    position INTEGER NOT NULL,
    status VARCHAR(20) NOT NULL DEFAULT 'pending',
    attempt INTEGER NOT NULL DEFAULT 0,
    progress FLOAT NOT NULL DEFAULT '0',
    result JSONB NOT NULL DEFAULT '{}',
    error_code VARCHAR(60),
    error_message TEXT,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    CONSTRAINT uq_job_step_job_id_name UNIQUE (job_id, name)
);
CREATE TABLE IF NOT EXISTS process_heartbeat (
    name VARCHAR(200) CONSTRAINT pk_process_heartbeat PRIMARY KEY,
    kind VARCHAR(40) NOT NULL,
    queues VARCHAR(200) NOT NULL DEFAULT '',
    version VARCHAR(40) NOT NULL,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    beat_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
"""

TRANSCRIPTS = """
CREATE TABLE IF NOT EXISTS transcript_draft (
    id BIGSERIAL CONSTRAINT pk_transcript_draft PRIMARY KEY,
    job_id BIGINT NOT NULL
        CONSTRAINT fk_transcript_draft_job_id REFERENCES job (id) ON DELETE CASCADE,
    media_file_id INTEGER NOT NULL
        CONSTRAINT fk_transcript_draft_media_file_id REFERENCES media_file (id) ON DELETE CASCADE,
    window_index INTEGER NOT NULL,
    start_time FLOAT NOT NULL,
    end_time FLOAT NOT NULL,
    segments JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT uq_transcript_draft_job_id_window_index UNIQUE (job_id, window_index)
);
CREATE INDEX IF NOT EXISTS idx_transcript_draft_media_file_id ON transcript_draft (media_file_id);
CREATE TABLE IF NOT EXISTS transcript_edit (
    id BIGSERIAL CONSTRAINT pk_transcript_edit PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() CONSTRAINT uq_transcript_edit_uuid UNIQUE,
    media_file_id INTEGER NOT NULL
        CONSTRAINT fk_transcript_edit_media_file_id REFERENCES media_file (id) ON DELETE CASCADE,
    user_id INTEGER
        CONSTRAINT fk_transcript_edit_user_id REFERENCES "user" (id) ON DELETE SET NULL,
    kind VARCHAR(40) NOT NULL,
    subject_uuid UUID NOT NULL,
    before JSONB NOT NULL,
    after JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    undone_at TIMESTAMPTZ,
    redone_at TIMESTAMPTZ,
    undone_by INTEGER
        CONSTRAINT fk_transcript_edit_undone_by REFERENCES "user" (id) ON DELETE SET NULL
);
CREATE INDEX IF NOT EXISTS idx_transcript_edit_media_file_id ON transcript_edit (media_file_id);
"""

VOICEPRINTS = """
CREATE TABLE IF NOT EXISTS voiceprint (
    id BIGSERIAL CONSTRAINT pk_voiceprint PRIMARY KEY,
    speaker_id INTEGER NOT NULL
        CONSTRAINT fk_voiceprint_speaker_id REFERENCES speaker (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL
        CONSTRAINT fk_voiceprint_user_id REFERENCES "user" (id) ON DELETE CASCADE,
    media_file_id INTEGER NOT NULL
        CONSTRAINT fk_voiceprint_media_file_id REFERENCES media_file (id) ON DELETE CASCADE,
    model VARCHAR(100) NOT NULL,
    version VARCHAR(40) NOT NULL,
    dimension INTEGER NOT NULL,
    vector REAL[] NOT NULL,
    speech_seconds FLOAT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT uq_voiceprint_speaker_id_model_version UNIQUE (speaker_id, model, version)
);
CREATE INDEX IF NOT EXISTS idx_voiceprint_user_id ON voiceprint (user_id);
CREATE INDEX IF NOT EXISTS idx_voiceprint_media_file_id ON voiceprint (media_file_id);
"""

LEDGER = """
CREATE TABLE IF NOT EXISTS schema_ledger (
    id BIGSERIAL CONSTRAINT pk_schema_ledger PRIMARY KEY,
    revision VARCHAR(128) NOT NULL,
    from_revision VARCHAR(128),
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    seconds FLOAT NOT NULL,
    by VARCHAR(200) NOT NULL,
    result VARCHAR(40) NOT NULL
);
"""
