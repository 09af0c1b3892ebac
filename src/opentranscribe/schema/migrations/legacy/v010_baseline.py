"""The first revision: where every chain begins."""

from opentranscribe.schema.migrations.legacy.v010_tables import (
    FILES_AND_SPEAKERS,
    TALK_AND_COLLECTIONS,
)
from opentranscribe.schema.migrations.steps import Revision, Step

STAMP_TABLE = """
CREATE TABLE IF NOT EXISTS alembic_version (
    version_num VARCHAR(128) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY
);
ALTER TABLE alembic_version ALTER COLUMN version_num TYPE VARCHAR(128);
"""

# Nothing depends on it, and not every server carries it.
UUID_OSSP = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'uuid-ossp') THEN
        CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
    END IF;
EXCEPTION WHEN insufficient_privilege THEN NULL;
END $$;
"""

INDEXES = """
CREATE INDEX IF NOT EXISTS idx_user_uuid ON "user" (uuid);
CREATE INDEX IF NOT EXISTS idx_media_file_user_id ON media_file (user_id);
CREATE INDEX IF NOT EXISTS idx_media_file_status ON media_file (status);
CREATE INDEX IF NOT EXISTS idx_media_file_upload_time ON media_file (upload_time);
CREATE INDEX IF NOT EXISTS idx_media_file_hash ON media_file (file_hash);
CREATE INDEX IF NOT EXISTS idx_media_file_active_task_id ON media_file (active_task_id);
CREATE INDEX IF NOT EXISTS idx_media_file_task_last_update ON media_file (task_last_update);
CREATE INDEX IF NOT EXISTS idx_media_file_force_delete_eligible
    ON media_file (force_delete_eligible);
CREATE INDEX IF NOT EXISTS idx_media_file_retry_count ON media_file (retry_count);
CREATE INDEX IF NOT EXISTS idx_media_file_uuid ON media_file (uuid);
CREATE INDEX IF NOT EXISTS idx_tag_uuid ON tag (uuid);
CREATE INDEX IF NOT EXISTS idx_speaker_profile_uuid ON speaker_profile (uuid);
CREATE INDEX IF NOT EXISTS idx_speaker_profile_user_id ON speaker_profile (user_id);
CREATE INDEX IF NOT EXISTS idx_speaker_uuid ON speaker (uuid);
CREATE INDEX IF NOT EXISTS idx_speaker_user_id ON speaker (user_id);
CREATE INDEX IF NOT EXISTS idx_speaker_media_file_id ON speaker (media_file_id);
CREATE INDEX IF NOT EXISTS idx_speaker_profile_id ON speaker (profile_id);
CREATE INDEX IF NOT EXISTS idx_speaker_verified ON speaker (verified);
CREATE INDEX IF NOT EXISTS idx_speaker_collection_uuid ON speaker_collection (uuid);
CREATE INDEX IF NOT EXISTS idx_speaker_collection_user_id ON speaker_collection (user_id);
CREATE INDEX IF NOT EXISTS idx_speaker_collection_member_collection_id
    ON speaker_collection_member (collection_id);
CREATE INDEX IF NOT EXISTS idx_speaker_collection_member_profile_id
    ON speaker_collection_member (speaker_profile_id);
CREATE INDEX IF NOT EXISTS idx_transcript_segment_media_file_id
    ON transcript_segment (media_file_id);
CREATE INDEX IF NOT EXISTS idx_transcript_segment_speaker_id ON transcript_segment (speaker_id);
CREATE INDEX IF NOT EXISTS idx_comment_uuid ON comment (uuid);
CREATE INDEX IF NOT EXISTS idx_task_user_id ON task (user_id);
CREATE INDEX IF NOT EXISTS idx_task_status ON task (status);
CREATE INDEX IF NOT EXISTS idx_task_media_file_id ON task (media_file_id);
CREATE INDEX IF NOT EXISTS idx_collection_uuid ON collection (uuid);
CREATE INDEX IF NOT EXISTS idx_collection_user_id ON collection (user_id);
CREATE INDEX IF NOT EXISTS idx_collection_member_collection_id
    ON collection_member (collection_id);
CREATE INDEX IF NOT EXISTS idx_collection_member_media_file_id
    ON collection_member (media_file_id);
CREATE INDEX IF NOT EXISTS idx_speaker_match_speaker1 ON speaker_match (speaker1_id);
CREATE INDEX IF NOT EXISTS idx_speaker_match_speaker2 ON speaker_match (speaker2_id);
CREATE INDEX IF NOT EXISTS idx_speaker_match_confidence ON speaker_match (confidence);
CREATE INDEX IF NOT EXISTS idx_topic_suggestion_user_status ON topic_suggestion (user_id, status);
CREATE INDEX IF NOT EXISTS idx_topic_suggestion_media_file ON topic_suggestion (media_file_id);
CREATE INDEX IF NOT EXISTS idx_summary_prompt_user_id ON summary_prompt (user_id);
CREATE INDEX IF NOT EXISTS idx_summary_prompt_is_system_default
    ON summary_prompt (is_system_default);
CREATE INDEX IF NOT EXISTS idx_summary_prompt_content_type ON summary_prompt (content_type);
CREATE INDEX IF NOT EXISTS idx_summary_prompt_uuid ON summary_prompt (uuid);
CREATE UNIQUE INDEX IF NOT EXISTS unique_system_default_per_content_type
    ON summary_prompt (content_type) WHERE is_system_default = true;
CREATE INDEX IF NOT EXISTS idx_user_setting_user_id ON user_setting (user_id);
CREATE INDEX IF NOT EXISTS idx_user_setting_key ON user_setting (setting_key);
CREATE INDEX IF NOT EXISTS idx_user_llm_settings_user_id ON user_llm_settings (user_id);
CREATE INDEX IF NOT EXISTS idx_user_llm_settings_provider ON user_llm_settings (provider);
CREATE INDEX IF NOT EXISTS idx_user_llm_settings_active ON user_llm_settings (is_active);
CREATE INDEX IF NOT EXISTS idx_user_llm_settings_uuid ON user_llm_settings (uuid);
"""

REVISIONS: tuple[Revision, ...] = (
    Revision(
        "v010_baseline",
        (
            Step(STAMP_TABLE, "table of the current revision"),
            Step(UUID_OSSP, "extension uuid-ossp where the server has it"),
            Step(FILES_AND_SPEAKERS, "people, files, speakers, segments"),
            Step(TALK_AND_COLLECTIONS, "comments, tasks, collections, prompts, settings"),
            Step(INDEXES, "indexes of the first tables"),
        ),
    ),
)
