"""Naming, adding and merging speakers."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from opentranscribe.features.editing.queries import get_speaker
from opentranscribe.features.editing.service import EditingService
from opentranscribe.features.speakers import queries
from opentranscribe.features.speakers.rules import NoSuggestionError, next_label, tidy_name
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.speakers import Speaker
from opentranscribe.schema.transcript import TranscriptEdit
from opentranscribe.work import Work
from opentranscribe.work.access import get_file

Scope = Literal["file", "everywhere"]


class SpeakerService:
    def __init__(self, work: Work) -> None:
        self.work = work
        self.editing = EditingService(work)

    def rename(
        self, speaker_uuid: UUID, wanted: str | None, scope: Scope
    ) -> tuple[Speaker, TranscriptEdit | None, int]:
        """The speaker, the edit in its own file (None: no change) and how many files changed."""
        name = tidy_name(wanted)
        speaker = get_speaker(self.work, speaker_uuid)
        others = queries.same_person(self.work, speaker) if scope == "everywhere" else []
        profile = self._person(speaker, name)
        edit = self.editing.name_speaker(speaker_uuid, name, profile)
        changed = [self.editing.name_speaker(other, name, profile) for other in others]
        return speaker, edit, sum(1 for one in [edit, *changed] if one is not None)

    def _person(self, speaker: Speaker, name: str | None) -> int | None:
        """The profile that a voice of this name is linked to."""
        return queries.profile_named(self.work, speaker.user_id, name).id if name else None

    def accept(self, speaker_uuid: UUID) -> tuple[Speaker, TranscriptEdit | None, int]:
        """The voice is who it was said to resemble. Raises NoSuggestionError."""
        return self.rename(speaker_uuid, self._suggested(speaker_uuid), "file")

    def reject(self, speaker_uuid: UUID) -> tuple[Speaker, TranscriptEdit | None, int]:
        """It is not, and is not said to be again. Raises NoSuggestionError."""
        name = self._suggested(speaker_uuid)
        speaker = get_speaker(self.work, speaker_uuid)
        profile = queries.profile_id_named(self.work, speaker.user_id, name)
        edit = self.editing.reject_suggestion(speaker_uuid, profile)
        return speaker, edit, 1

    def _suggested(self, speaker_uuid: UUID) -> str:
        name = get_speaker(self.work, speaker_uuid).suggested_name
        if name is None:
            raise NoSuggestionError("Nobody is suggested for this voice any more. Reload the page.")
        return name

    def add(self, file_uuid: UUID, wanted: str | None) -> Speaker:
        """A voice that the diarizer did not hear as one of its own."""
        file = get_file(self.work, file_uuid, lock=True)
        label = next_label(queries.labels_in_file(self.work, file.id))
        speaker = Speaker(user_id=file.user_id, media_file_id=file.id, name=label)
        self.work.session.add(speaker)
        self.work.session.flush()
        self.work.session.refresh(speaker)
        if wanted:
            self.rename(speaker.uuid, wanted, "file")
        return speaker

    def merge(self, source_uuid: UUID, target_uuid: UUID) -> tuple[Speaker, TranscriptEdit]:
        edit = self.editing.merge_speaker(source_uuid, target_uuid)
        return get_speaker(self.work, target_uuid), edit

    def file_uuid(self, speaker: Speaker) -> UUID:
        return self.work.session.get_one(MediaFile, speaker.media_file_id).uuid
