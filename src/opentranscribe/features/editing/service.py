"""Making, undoing and redoing edits."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from opentranscribe.features.editing import queries
from opentranscribe.features.editing.errors import EditConflictError, EditOutdatedError
from opentranscribe.features.editing.operations import KINDS, Kind, State
from opentranscribe.features.editing.rules import retime
from opentranscribe.kit import clock
from opentranscribe.kit.errors import InvalidError, NotFoundError
from opentranscribe.ports.notices import Notice
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.transcript import TranscriptEdit
from opentranscribe.work import Work
from opentranscribe.work.access import get_file
from opentranscribe.work.events import TranscriptChanged

MAX_SEGMENT_CHARACTERS = 20_000


class EmptyTextError(InvalidError):
    code = "empty_text"


class EditingService:
    def __init__(self, work: Work) -> None:
        self.work = work

    def correct_text(self, file_uuid: UUID, segment_uuid: UUID, text: str) -> TranscriptEdit | None:
        """None when the text is what it was. Raises EmptyTextError, SegmentNotFoundError."""
        file = get_file(self.work, file_uuid)
        segment = queries.get_segment(self.work, segment_uuid)
        if segment.media_file_id != file.id:
            raise EditConflictError("That passage belongs to another recording.")
        wanted = " ".join(text.split())
        if not wanted:
            raise EmptyTextError("A passage cannot be empty. Nothing was changed.")
        if wanted == segment.text:
            return None
        words = retime(segment.words or [], wanted, segment.start_time, segment.end_time)
        flags = [flag for flag in segment.flags or [] if flag != "uncertain"]
        after = {"text": wanted, "words": words, "flags": flags}
        return self.make("segment_text", segment.media_file_id, segment_uuid, after)

    def give_segment(self, segment_uuid: UUID, speaker_uuid: UUID | None) -> TranscriptEdit | None:
        segment = queries.get_segment(self.work, segment_uuid)
        after = {"speaker_uuid": str(speaker_uuid) if speaker_uuid else None}
        return self.make("segment_speaker", segment.media_file_id, segment_uuid, after)

    def name_speaker(
        self, speaker_uuid: UUID, name: str | None, profile_id: int | None
    ) -> TranscriptEdit | None:
        speaker = queries.get_speaker(self.work, speaker_uuid)
        after = {"display_name": name, "profile_id": profile_id, "verified": name is not None}
        return self.make("speaker_name", speaker.media_file_id, speaker_uuid, after)

    def reject_suggestion(
        self, speaker_uuid: UUID, profile_id: int | None
    ) -> TranscriptEdit | None:
        """The voice is not who it was said to resemble; None when nobody was suggested.

        A link to that person which nobody confirmed goes with it. ``heard`` keeps when the voice spoke longest, as [start, end] in seconds: by that it is
        known again when the recording is transcribed anew and its speakers are other rows.
        """
        speaker = queries.get_speaker(self.work, speaker_uuid)
        if speaker.suggested_name is None:
            return None
        after = {
            "suggested_name": None,
            "suggestion_source": None,
            "confidence": None,
            "profile_id": speaker.profile_id if speaker.display_name else None,
            "rejected_profile_id": profile_id,
            "heard": queries.longest_passages(self.work, speaker),
        }
        return self.make("speaker_suggestion", speaker.media_file_id, speaker_uuid, after)

    def merge_speaker(self, source_uuid: UUID, target_uuid: UUID) -> TranscriptEdit:
        """All that ``source`` says becomes ``target``'s; the emptied voice stays for undo."""
        source = queries.get_speaker(self.work, source_uuid)
        target = queries.get_speaker(self.work, target_uuid)
        if source.media_file_id != target.media_file_id or source.id == target.id:
            raise EditConflictError("Only two different speakers of one recording can be merged.")
        segments = [str(uuid) for uuid in queries.segments_of_speaker(self.work, source)]
        before = {"speaker_uuid": str(source_uuid), "segments": segments}
        after = {"speaker_uuid": str(target_uuid), "segments": segments}
        KINDS["speaker_merge"].operation.write(self.work, source_uuid, after)
        return self._record("speaker_merge", source.media_file_id, source_uuid, before, after)

    def make(self, kind: str, file_id: int, subject: UUID, after: State) -> TranscriptEdit | None:
        """Apply and record one operation; None when it would change nothing."""
        operation = KINDS[kind].operation
        before = operation.read(self.work, subject)
        if before == after:
            return None
        operation.write(self.work, subject, after)
        return self._record(kind, file_id, subject, before, after)

    def turn(
        self, file_uuid: UUID, edit_uuid: UUID, way: Literal["undo", "redo"]
    ) -> TranscriptEdit:
        """Go back or forth over one edit. Raises EditConflictError, EditOutdatedError,
        EditNotFoundError."""
        file = get_file(self.work, file_uuid)
        edit = queries.get_edit(self.work, file.id, edit_uuid)
        undoing = way == "undo"
        if (edit.undone_at is not None) == undoing:
            raise EditConflictError(
                f"That change is already {'undone' if undoing else 'in force'}."
            )
        here, there = (edit.after, edit.before) if undoing else (edit.before, edit.after)
        try:
            self._swap(KINDS[edit.kind], edit.subject_uuid, here, there)
        except NotFoundError as error:
            raise EditOutdatedError(
                "The recording was transcribed again after this change, so that what it changed is "
                "no longer there. Nothing was altered; correct the present transcript instead."
            ) from error
        edit.undone_at = clock.now() if undoing else None
        edit.redone_at = None if undoing else clock.now()
        edit.undone_by = self.work.actor.user_id if undoing else None
        self._changed(file)
        return edit

    def _swap(self, kind: Kind, subject: UUID, here: State, there: State) -> None:
        present = kind.operation.read(self.work, subject)
        if any(present[key] != here[key] for key in kind.compares):
            raise EditConflictError(
                "This was changed again since. Undo the later change first; nothing was overwritten."
            )
        kind.operation.write(self.work, subject, there)

    def _record(
        self, kind: str, file_id: int, subject: UUID, before: State, after: State
    ) -> TranscriptEdit:
        edit = TranscriptEdit(
            media_file_id=file_id,
            user_id=self.work.actor.user_id,
            kind=kind,
            subject_uuid=subject,
            before=before,
            after=after,
        )
        self.work.session.add(edit)
        self._changed(queries.get_file_by_id(self.work, file_id))
        self.work.session.refresh(edit)
        return edit

    def _changed(self, file: MediaFile) -> None:
        self.work.emit(TranscriptChanged(file.id))
        data: dict[str, Any] = {"file_id": str(file.uuid)}
        self.work.notify(Notice("transcript_changed", data, file.user_id))
