"""Diarization switches, long monologues, timing of the pipeline."""

from opentranscribe.schema.migrations.kept import KEPT
from opentranscribe.schema.migrations.steps import Revision, Step, seed_settings

REVISIONS: tuple[Revision, ...] = (
    Revision(
        "v340_add_user_media_sources",
        (
            Step(
                """
CREATE TABLE IF NOT EXISTS user_media_source (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    hostname VARCHAR(255) NOT NULL,
    provider_type VARCHAR(50) NOT NULL DEFAULT 'mediacms',
    username TEXT,
    password TEXT,
    verify_ssl BOOLEAN NOT NULL DEFAULT true,
    label VARCHAR(200),
    is_active BOOLEAN NOT NULL DEFAULT true,
    is_shared BOOLEAN NOT NULL DEFAULT false,
    shared_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ DEFAULT now(),
    updated_at TIMESTAMPTZ DEFAULT now(),
    CONSTRAINT _user_media_source_host_unique UNIQUE (user_id, hostname)
);
CREATE INDEX IF NOT EXISTS ix_user_media_source_uuid ON user_media_source (uuid);
CREATE INDEX IF NOT EXISTS ix_user_media_source_user ON user_media_source (user_id);
CREATE INDEX IF NOT EXISTS ix_user_media_source_shared
    ON user_media_source (is_shared) WHERE is_shared = true;
"""
            ),
        ),
    ),
    Revision(
        "v350_add_diarization_disabled",
        (
            Step(
                """
ALTER TABLE media_file ADD COLUMN IF NOT EXISTS diarization_disabled BOOLEAN NOT NULL DEFAULT false;
""",
                lock="short",
            ),
        ),
    ),
    Revision(
        "v351_add_ai_summary_settings",
        (
            Step(
                seed_settings(
                    ai__summary_enabled=("true", "Whether summaries are written"),
                ),
                data=True,
            ),
        ),
    ),
    Revision(
        "v352_add_requested_whisper_model",
        (
            Step(
                """
ALTER TABLE media_file ADD COLUMN IF NOT EXISTS requested_whisper_model VARCHAR;
""",
                lock="short",
            ),
        ),
    ),
    Revision(
        "v353_fix_segment_unique_index",
        (
            Step(
                """
ALTER TABLE transcript_segment DROP CONSTRAINT IF EXISTS uq_transcript_segment_content;
DO $$ BEGIN
    IF pg_get_indexdef(to_regclass('public.uq_transcript_segment_content')) NOT LIKE '%md5(%'
    THEN DROP INDEX public.uq_transcript_segment_content;
    END IF;
END $$;
""",
                title="segments are no longer unique by their whole text",
                lock="short",
            ),
            Step(
                """
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS uq_transcript_segment_content
    ON transcript_segment (media_file_id, start_time, end_time, md5(text));
""",
                title="unique by the digest of a text, which may be long",
                transactional=False,
            ),
        ),
    ),
    Revision(
        "v355_add_diarization_settings",
        (
            Step(
                """
CREATE TABLE IF NOT EXISTS user_diarization_settings (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    name VARCHAR(100) NOT NULL,
    provider VARCHAR(50) NOT NULL,
    model_name VARCHAR(100) NOT NULL,
    api_key TEXT,
    base_url VARCHAR(500),
    is_active BOOLEAN NOT NULL DEFAULT true,
    last_tested TIMESTAMPTZ,
    test_status VARCHAR(20),
    test_message TEXT,
    created_at TIMESTAMPTZ DEFAULT now(),
    updated_at TIMESTAMPTZ DEFAULT now(),
    CONSTRAINT _user_diarization_config_name_unique UNIQUE (user_id, name)
);
CREATE INDEX IF NOT EXISTS ix_user_diarization_settings_uuid ON user_diarization_settings (uuid);
CREATE INDEX IF NOT EXISTS ix_user_diarization_settings_user_id
    ON user_diarization_settings (user_id);
"""
            ),
            Step(
                KEPT
                + """
INSERT INTO kept.row (table_name, reason, content)
SELECT 'user_setting', 'became transcription_diarization_source', to_jsonb(t) FROM user_setting AS t
WHERE setting_key = 'transcription_disable_diarization';
INSERT INTO user_setting (user_id, setting_key, setting_value)
SELECT user_id, 'transcription_diarization_source', 'off'
FROM user_setting
WHERE setting_key = 'transcription_disable_diarization' AND setting_value = 'true'
ON CONFLICT (user_id, setting_key) DO NOTHING;
DELETE FROM user_setting WHERE setting_key = 'transcription_disable_diarization';
""",
                title="the switch for diarization becomes its source",
                data=True,
            ),
        ),
    ),
    Revision(
        "v360_add_file_pipeline_timing",
        (
            Step(
                """
CREATE TABLE IF NOT EXISTS file_pipeline_timing (
    task_id VARCHAR(64) NOT NULL PRIMARY KEY,
    file_id INTEGER NOT NULL REFERENCES media_file ON DELETE CASCADE,
    user_id INTEGER REFERENCES "user" ON DELETE CASCADE,
    client_hash_start_ms BIGINT, client_hash_end_ms BIGINT, client_put_start_ms BIGINT,
    client_put_end_ms BIGINT, http_request_received_ms BIGINT, http_read_complete_ms BIGINT,
    http_validation_end_ms BIGINT, minio_put_start_ms BIGINT, minio_put_end_ms BIGINT,
    thumbnail_start_ms BIGINT, thumbnail_end_ms BIGINT, db_commit_start_ms BIGINT,
    db_commit_end_ms BIGINT, http_response_end_ms BIGINT, dispatch_timestamp_ms BIGINT,
    preprocess_task_prerun_ms BIGINT, media_download_start_ms BIGINT, media_download_end_ms BIGINT,
    ffmpeg_start_ms BIGINT, ffmpeg_end_ms BIGINT, metadata_start_ms BIGINT, metadata_end_ms BIGINT,
    temp_upload_start_ms BIGINT, temp_upload_end_ms BIGINT, preprocess_end_ms BIGINT,
    gpu_received_ms BIGINT, gpu_task_prerun_ms BIGINT, gpu_audio_load_start_ms BIGINT,
    gpu_audio_load_end_ms BIGINT, gpu_end_ms BIGINT, postprocess_received_ms BIGINT,
    postprocess_task_prerun_ms BIGINT, postprocess_end_ms BIGINT, completion_notified_ms BIGINT,
    search_index_start_ms BIGINT, search_index_end_ms BIGINT, search_index_chunks_start_ms BIGINT,
    search_index_chunks_end_ms BIGINT, speaker_upsert_start_ms BIGINT,
    speaker_upsert_end_ms BIGINT, waveform_start_ms BIGINT, waveform_end_ms BIGINT,
    clustering_start_ms BIGINT, clustering_end_ms BIGINT, summary_start_ms BIGINT,
    summary_end_ms BIGINT, user_perceived_duration_ms BIGINT, fully_indexed_duration_ms BIGINT,
    file_size_bytes BIGINT,
    audio_duration_s FLOAT,
    content_type VARCHAR(128),
    whisper_model VARCHAR(64),
    asr_provider VARCHAR(64),
    asr_model VARCHAR(128),
    gpu_device VARCHAR(128),
    http_flow VARCHAR(32),
    queue_depth_at_dispatch JSONB,
    concurrent_files_at_dispatch INTEGER,
    cpu_worker_cold VARCHAR(8),
    gpu_worker_cold VARCHAR(8),
    cpu_transcribe_worker_cold VARCHAR(8),
    retry_count INTEGER,
    per_retry_timings JSONB,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS ix_file_pipeline_timing_file_id ON file_pipeline_timing (file_id);
CREATE INDEX IF NOT EXISTS ix_file_pipeline_timing_user_id ON file_pipeline_timing (user_id);
CREATE INDEX IF NOT EXISTS ix_file_pipeline_timing_created_at
    ON file_pipeline_timing (created_at);
CREATE INDEX IF NOT EXISTS ix_file_pipeline_timing_dispatch_ms
    ON file_pipeline_timing (dispatch_timestamp_ms);
CREATE INDEX IF NOT EXISTS ix_file_pipeline_timing_completion_ms
    ON file_pipeline_timing (completion_notified_ms);
CREATE INDEX IF NOT EXISTS ix_file_pipeline_timing_user_perceived
    ON file_pipeline_timing (user_perceived_duration_ms);
CREATE INDEX IF NOT EXISTS ix_file_pipeline_timing_fully_indexed
    ON file_pipeline_timing (fully_indexed_duration_ms);
"""
            ),
        ),
    ),
    Revision(
        "v361_add_media_file_imohash",
        (
            Step(
                "ALTER TABLE media_file ADD COLUMN IF NOT EXISTS imohash VARCHAR(64);", lock="short"
            ),
            Step(
                """
CREATE INDEX IF NOT EXISTS ix_media_file_imohash ON media_file (imohash);
""",
                lock="rewrite",
            ),
        ),
    ),
    Revision(
        "v362_add_pipeline_timing_markers",
        (
            Step(
                """
ALTER TABLE file_pipeline_timing
    ADD COLUMN IF NOT EXISTS imohash_start_ms BIGINT,
    ADD COLUMN IF NOT EXISTS imohash_end_ms BIGINT,
    ADD COLUMN IF NOT EXISTS prepare_upload_end_ms BIGINT,
    ADD COLUMN IF NOT EXISTS url_download_start_ms BIGINT,
    ADD COLUMN IF NOT EXISTS url_download_end_ms BIGINT,
    ADD COLUMN IF NOT EXISTS pipeline_error_end_ms BIGINT;
""",
                lock="short",
            ),
        ),
    ),
)
