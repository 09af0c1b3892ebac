"""Speaker clusters, labels made by machine, providers of speech recognition."""

from opentranscribe.schema.migrations.steps import Revision, Step, constraint

REVISIONS: tuple[Revision, ...] = (
    Revision(
        "v220_add_speaker_clusters",
        (
            Step(
                """
CREATE TABLE IF NOT EXISTS speaker_audio_clip (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    speaker_id INTEGER NOT NULL REFERENCES speaker ON DELETE CASCADE,
    media_file_id INTEGER NOT NULL REFERENCES media_file ON DELETE CASCADE,
    storage_path VARCHAR(512) NOT NULL,
    start_time FLOAT NOT NULL,
    end_time FLOAT NOT NULL,
    duration FLOAT NOT NULL,
    is_representative BOOLEAN DEFAULT false,
    quality_score FLOAT DEFAULT 0.0,
    created_at TIMESTAMPTZ DEFAULT now()
);
CREATE TABLE IF NOT EXISTS speaker_cluster (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    label VARCHAR(255),
    description TEXT,
    member_count INTEGER DEFAULT 0,
    promoted_to_profile_id INTEGER REFERENCES speaker_profile ON DELETE SET NULL,
    representative_speaker_id INTEGER,
    quality_score FLOAT,
    created_at TIMESTAMPTZ DEFAULT now(),
    updated_at TIMESTAMPTZ DEFAULT now()
);
CREATE TABLE IF NOT EXISTS speaker_cluster_member (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    cluster_id INTEGER NOT NULL REFERENCES speaker_cluster ON DELETE CASCADE,
    speaker_id INTEGER NOT NULL REFERENCES speaker ON DELETE CASCADE,
    confidence FLOAT DEFAULT 0.0,
    created_at TIMESTAMPTZ DEFAULT now(),
    UNIQUE (cluster_id, speaker_id)
);
CREATE INDEX IF NOT EXISTS ix_speaker_cluster_id ON speaker_cluster (id);
CREATE INDEX IF NOT EXISTS ix_speaker_cluster_uuid ON speaker_cluster (uuid);
CREATE INDEX IF NOT EXISTS idx_speaker_cluster_user_id ON speaker_cluster (user_id);
CREATE INDEX IF NOT EXISTS idx_speaker_cluster_promoted
    ON speaker_cluster (promoted_to_profile_id);
CREATE INDEX IF NOT EXISTS ix_speaker_cluster_member_id ON speaker_cluster_member (id);
CREATE INDEX IF NOT EXISTS ix_speaker_cluster_member_uuid ON speaker_cluster_member (uuid);
CREATE INDEX IF NOT EXISTS ix_speaker_audio_clip_id ON speaker_audio_clip (id);
CREATE INDEX IF NOT EXISTS ix_speaker_audio_clip_uuid ON speaker_audio_clip (uuid);
CREATE INDEX IF NOT EXISTS idx_speaker_audio_clip_speaker ON speaker_audio_clip (speaker_id);
CREATE INDEX IF NOT EXISTS idx_speaker_audio_clip_media ON speaker_audio_clip (media_file_id);
"""
            ),
            Step(
                """
ALTER TABLE speaker ADD COLUMN IF NOT EXISTS cluster_id INTEGER;
ALTER TABLE speaker_profile ADD COLUMN IF NOT EXISTS source_cluster_id INTEGER;
""",
                lock="short",
            ),
            Step(
                constraint(
                    "speaker",
                    "speaker_cluster_id_fkey",
                    "FOREIGN KEY (cluster_id) REFERENCES speaker_cluster(id) ON DELETE SET NULL",
                ),
                "add speaker_cluster_id_fkey",
                lock="rewrite",
            ),
            Step(
                constraint(
                    "speaker_profile",
                    "speaker_profile_source_cluster_id_fkey",
                    "FOREIGN KEY (source_cluster_id)"
                    " REFERENCES speaker_cluster(id) ON DELETE SET NULL",
                ),
                "add speaker_profile_source_cluster_id_fkey",
                lock="rewrite",
            ),
            Step(
                """
CREATE INDEX IF NOT EXISTS idx_speaker_cluster_id ON speaker (cluster_id);
""",
                lock="rewrite",
            ),
        ),
    ),
    Revision(
        "v230_add_auto_labeling",
        (
            Step(
                """
CREATE TABLE IF NOT EXISTS upload_batch (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    source VARCHAR(50) NOT NULL,
    file_count INTEGER NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ DEFAULT now(),
    grouping_status VARCHAR(50) DEFAULT 'pending'
);
"""
            ),
            Step(
                """
ALTER TABLE collection ADD COLUMN IF NOT EXISTS source VARCHAR(50);
ALTER TABLE collection_member
    ADD COLUMN IF NOT EXISTS source VARCHAR(50),
    ADD COLUMN IF NOT EXISTS ai_confidence FLOAT;
ALTER TABLE file_tag
    ADD COLUMN IF NOT EXISTS source VARCHAR(50),
    ADD COLUMN IF NOT EXISTS ai_confidence FLOAT;
ALTER TABLE media_file ADD COLUMN IF NOT EXISTS upload_batch_id INTEGER;
ALTER TABLE tag
    ADD COLUMN IF NOT EXISTS source VARCHAR(50),
    ADD COLUMN IF NOT EXISTS normalized_name VARCHAR;
ALTER TABLE topic_suggestion
    ADD COLUMN IF NOT EXISTS auto_applied_tags JSONB DEFAULT '[]',
    ADD COLUMN IF NOT EXISTS auto_applied_collections JSONB DEFAULT '[]',
    ADD COLUMN IF NOT EXISTS auto_apply_completed_at TIMESTAMPTZ;
""",
                lock="short",
            ),
            Step(
                constraint(
                    "media_file",
                    "media_file_upload_batch_id_fkey",
                    "FOREIGN KEY (upload_batch_id) REFERENCES upload_batch(id) ON DELETE SET NULL",
                ),
                "add media_file_upload_batch_id_fkey",
                lock="rewrite",
            ),
            Step(
                """
CREATE INDEX IF NOT EXISTS ix_tag_normalized_name ON tag (normalized_name);
CREATE INDEX IF NOT EXISTS ix_media_file_upload_batch_id ON media_file (upload_batch_id);
""",
                lock="rewrite",
            ),
            Step(
                r"""
UPDATE tag SET normalized_name =
    trim(regexp_replace(regexp_replace(lower(trim(name)), '[-_]+', ' ', 'g'), '\s+', ' ', 'g'))
WHERE normalized_name IS NULL;
""",
                title="names of tags in their normal form",
                data=True,
            ),
        ),
    ),
    Revision(
        "v250_add_speaker_clustering_indexes",
        (
            Step(
                """
CREATE INDEX IF NOT EXISTS idx_speaker_cluster_member_speaker_id
    ON speaker_cluster_member (speaker_id);
CREATE INDEX IF NOT EXISTS idx_speaker_profile_source_cluster_id
    ON speaker_profile (source_cluster_id);
""",
                lock="rewrite",
            ),
        ),
    ),
    Revision(
        "v260_add_cluster_quality_metrics",
        (
            Step(
                """
ALTER TABLE speaker_cluster
    ADD COLUMN IF NOT EXISTS min_similarity FLOAT,
    ADD COLUMN IF NOT EXISTS separation_score FLOAT;
ALTER TABLE speaker_cluster_member ADD COLUMN IF NOT EXISTS margin FLOAT;
""",
                lock="short",
            ),
        ),
    ),
    Revision(
        "v270_add_profile_avatar",
        (
            Step(
                """
ALTER TABLE speaker_profile ADD COLUMN IF NOT EXISTS avatar_path VARCHAR(512);
""",
                lock="short",
            ),
        ),
    ),
    Revision(
        "v270_add_asr_provider_support",
        (
            Step(
                """
CREATE TABLE IF NOT EXISTS custom_vocabulary (
    id SERIAL PRIMARY KEY,
    user_id INTEGER REFERENCES "user" ON DELETE CASCADE,
    term VARCHAR(200) NOT NULL,
    domain VARCHAR(50) NOT NULL DEFAULT 'general',
    category VARCHAR(100),
    is_active BOOLEAN NOT NULL DEFAULT true,
    created_at TIMESTAMPTZ DEFAULT now(),
    updated_at TIMESTAMPTZ DEFAULT now()
);
CREATE TABLE IF NOT EXISTS user_asr_settings (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    user_id INTEGER NOT NULL REFERENCES "user" ON DELETE CASCADE,
    name VARCHAR(100) NOT NULL,
    provider VARCHAR(50) NOT NULL,
    model_name VARCHAR(100) NOT NULL,
    api_key TEXT,
    base_url VARCHAR(500),
    region VARCHAR(50),
    is_active BOOLEAN NOT NULL DEFAULT true,
    last_tested TIMESTAMPTZ,
    test_status VARCHAR(20),
    test_message TEXT,
    created_at TIMESTAMPTZ DEFAULT now(),
    updated_at TIMESTAMPTZ DEFAULT now(),
    CONSTRAINT _user_asr_config_name_unique UNIQUE (user_id, name)
);
CREATE INDEX IF NOT EXISTS ix_user_asr_settings_uuid ON user_asr_settings (uuid);
CREATE INDEX IF NOT EXISTS ix_user_asr_settings_user_id ON user_asr_settings (user_id);
CREATE INDEX IF NOT EXISTS ix_user_asr_settings_provider ON user_asr_settings (provider);
CREATE INDEX IF NOT EXISTS ix_user_asr_settings_user_prov
    ON user_asr_settings (user_id, provider);
CREATE UNIQUE INDEX IF NOT EXISTS _custom_vocab_unique
    ON custom_vocabulary (COALESCE(user_id, 0), term, domain);
CREATE INDEX IF NOT EXISTS ix_custom_vocabulary_user_id ON custom_vocabulary (user_id);
CREATE INDEX IF NOT EXISTS ix_custom_vocabulary_domain ON custom_vocabulary (domain);
CREATE INDEX IF NOT EXISTS ix_custom_vocabulary_user_active
    ON custom_vocabulary (user_id, is_active);
"""
            ),
            Step(
                """
ALTER TABLE media_file
    ADD COLUMN IF NOT EXISTS asr_provider VARCHAR,
    ADD COLUMN IF NOT EXISTS asr_model VARCHAR,
    ADD COLUMN IF NOT EXISTS diarization_provider VARCHAR;
ALTER TABLE transcript_segment ADD COLUMN IF NOT EXISTS confidence FLOAT;
""",
                lock="short",
            ),
        ),
    ),
)
