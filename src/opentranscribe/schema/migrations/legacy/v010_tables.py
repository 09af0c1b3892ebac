"""Tables of the first revision: people, files, speakers, transcripts and what hangs on them."""

FILES_AND_SPEAKERS = """
CREATE TABLE IF NOT EXISTS "user" (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    email VARCHAR(255) NOT NULL UNIQUE,
    hashed_password VARCHAR(255) NOT NULL,
    full_name VARCHAR(255) NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT true,
    is_superuser BOOLEAN NOT NULL DEFAULT false,
    role VARCHAR(50) DEFAULT 'user',
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS media_file (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    filename VARCHAR(255) NOT NULL,
    storage_path VARCHAR(500) NOT NULL,
    file_size BIGINT NOT NULL,
    duration FLOAT,
    upload_time TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    completed_at TIMESTAMPTZ,
    content_type VARCHAR(100) NOT NULL,
    status VARCHAR(50) DEFAULT 'pending',
    is_public BOOLEAN DEFAULT false,
    language VARCHAR(10),
    summary_data JSONB,
    summary_opensearch_id VARCHAR(255),
    summary_status VARCHAR(50) DEFAULT 'pending',
    summary_schema_version INTEGER DEFAULT 1,
    translated_text TEXT,
    file_hash VARCHAR(255),
    thumbnail_path VARCHAR(500),
    metadata_raw JSONB,
    metadata_important JSONB,
    waveform_data JSONB,
    media_format VARCHAR(50),
    codec VARCHAR(50),
    frame_rate FLOAT,
    frame_count INTEGER,
    resolution_width INTEGER,
    resolution_height INTEGER,
    aspect_ratio VARCHAR(20),
    audio_channels INTEGER,
    audio_sample_rate INTEGER,
    audio_bit_depth INTEGER,
    creation_date TIMESTAMPTZ,
    last_modified_date TIMESTAMPTZ,
    device_make VARCHAR(100),
    device_model VARCHAR(100),
    title VARCHAR(255),
    author VARCHAR(255),
    description TEXT,
    source_url VARCHAR(2048),
    active_task_id VARCHAR(255),
    task_started_at TIMESTAMPTZ,
    task_last_update TIMESTAMPTZ,
    cancellation_requested BOOLEAN DEFAULT false,
    retry_count INTEGER DEFAULT 0,
    max_retries INTEGER DEFAULT 3,
    last_error_message TEXT,
    force_delete_eligible BOOLEAN DEFAULT false,
    recovery_attempts INTEGER DEFAULT 0,
    last_recovery_attempt TIMESTAMPTZ,
    user_id INTEGER NOT NULL REFERENCES "user"
);
CREATE TABLE IF NOT EXISTS tag (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    name VARCHAR(50) NOT NULL UNIQUE,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS file_tag (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    media_file_id INTEGER NOT NULL REFERENCES media_file ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tag ON DELETE CASCADE,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (media_file_id, tag_id)
);
CREATE TABLE IF NOT EXISTS speaker_profile (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    user_id INTEGER NOT NULL REFERENCES "user",
    name VARCHAR(255) NOT NULL,
    description TEXT,
    embedding_count INTEGER DEFAULT 0,
    last_embedding_update TIMESTAMPTZ,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (user_id, name)
);
CREATE TABLE IF NOT EXISTS speaker (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    user_id INTEGER NOT NULL REFERENCES "user",
    media_file_id INTEGER NOT NULL REFERENCES media_file ON DELETE CASCADE,
    profile_id INTEGER REFERENCES speaker_profile ON DELETE SET NULL,
    name VARCHAR(255) NOT NULL,
    display_name VARCHAR(255),
    suggested_name VARCHAR(255),
    verified BOOLEAN NOT NULL DEFAULT false,
    confidence FLOAT,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    computed_status VARCHAR(50),
    status_text VARCHAR(500),
    status_color VARCHAR(50),
    resolved_display_name VARCHAR(255),
    UNIQUE (user_id, media_file_id, name)
);
CREATE TABLE IF NOT EXISTS speaker_collection (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    name VARCHAR(255) NOT NULL,
    description TEXT,
    user_id INTEGER NOT NULL REFERENCES "user",
    is_public BOOLEAN DEFAULT false,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (user_id, name)
);
CREATE TABLE IF NOT EXISTS speaker_collection_member (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    collection_id INTEGER NOT NULL REFERENCES speaker_collection ON DELETE CASCADE,
    speaker_profile_id INTEGER NOT NULL REFERENCES speaker_profile ON DELETE CASCADE,
    added_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (collection_id, speaker_profile_id)
);
CREATE TABLE IF NOT EXISTS transcript_segment (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    media_file_id INTEGER NOT NULL REFERENCES media_file,
    speaker_id INTEGER REFERENCES speaker,
    start_time FLOAT NOT NULL,
    end_time FLOAT NOT NULL,
    text TEXT NOT NULL
);
"""

TALK_AND_COLLECTIONS = """
CREATE TABLE IF NOT EXISTS comment (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    media_file_id INTEGER NOT NULL REFERENCES media_file,
    user_id INTEGER NOT NULL REFERENCES "user",
    text TEXT NOT NULL,
    timestamp FLOAT,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS task (
    id VARCHAR(255) NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES "user",
    media_file_id INTEGER REFERENCES media_file,
    task_type VARCHAR(50) NOT NULL,
    status VARCHAR(50) NOT NULL,
    progress FLOAT DEFAULT '0'::double precision,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    completed_at TIMESTAMPTZ,
    error_message TEXT
);
CREATE TABLE IF NOT EXISTS analytics (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    media_file_id INTEGER UNIQUE REFERENCES media_file,
    overall_analytics JSONB,
    computed_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    version VARCHAR(50)
);
CREATE TABLE IF NOT EXISTS collection (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    name VARCHAR(255) NOT NULL,
    description TEXT,
    user_id INTEGER NOT NULL REFERENCES "user",
    is_public BOOLEAN DEFAULT false,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (user_id, name)
);
CREATE TABLE IF NOT EXISTS collection_member (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    collection_id INTEGER NOT NULL REFERENCES collection ON DELETE CASCADE,
    media_file_id INTEGER NOT NULL REFERENCES media_file ON DELETE CASCADE,
    added_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (collection_id, media_file_id)
);
CREATE TABLE IF NOT EXISTS speaker_match (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    speaker1_id INTEGER NOT NULL REFERENCES speaker ON DELETE CASCADE,
    speaker2_id INTEGER NOT NULL REFERENCES speaker ON DELETE CASCADE,
    confidence FLOAT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    CHECK (speaker1_id < speaker2_id),
    UNIQUE (speaker1_id, speaker2_id)
);
CREATE TABLE IF NOT EXISTS topic_suggestion (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    media_file_id INTEGER NOT NULL UNIQUE REFERENCES media_file ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    suggested_tags JSONB DEFAULT '[]',
    suggested_collections JSONB DEFAULT '[]',
    status VARCHAR(50) DEFAULT 'pending',
    user_decisions JSONB,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS summary_prompt (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    name VARCHAR(255) NOT NULL,
    description TEXT,
    prompt_text TEXT NOT NULL,
    is_system_default BOOLEAN NOT NULL DEFAULT false,
    user_id INTEGER REFERENCES "user" ON DELETE CASCADE,
    is_active BOOLEAN NOT NULL DEFAULT true,
    content_type VARCHAR(50),
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS user_setting (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    setting_key VARCHAR(100) NOT NULL,
    setting_value TEXT,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (user_id, setting_key)
);
CREATE TABLE IF NOT EXISTS user_llm_settings (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    name VARCHAR(100) NOT NULL,
    provider VARCHAR(50) NOT NULL,
    model_name VARCHAR(100) NOT NULL,
    api_key TEXT,
    base_url VARCHAR(500),
    max_tokens INTEGER NOT NULL DEFAULT 8192,
    temperature VARCHAR(10) NOT NULL DEFAULT '0.3',
    is_active BOOLEAN NOT NULL DEFAULT true,
    last_tested TIMESTAMPTZ,
    test_status VARCHAR(20),
    test_message TEXT,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (user_id, name)
);
"""
