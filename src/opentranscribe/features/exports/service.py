"""Reading a transcript from the database into an export document."""

from __future__ import annotations

from uuid import UUID

from opentranscribe.features.exports.rules import (
    DocumentSegment,
    DocumentWord,
    TranscriptDocument,
)
from opentranscribe.features.library.service import LibraryService
from opentranscribe.kit.errors import ConflictError
from opentranscribe.work import Work
from opentranscribe.work.access import get_file


class NoTranscriptError(ConflictError):
    code = "no_transcript"


def load_document(work: Work, file_uuid: UUID) -> TranscriptDocument:
    """Raises NoTranscriptError while there is nothing final to export."""
    file = get_file(work, file_uuid)
    transcript = LibraryService(work).read_transcript(file_uuid)
    if transcript.status != "final":
        raise NoTranscriptError(
            "There is no finished transcript to export yet. Wait until the recording is done."
        )
    names = {speaker.uuid: speaker.name for speaker in transcript.speakers}
    segments = tuple(
        DocumentSegment(
            start=segment.start,
            end=segment.end,
            text=segment.text,
            speaker=names.get(segment.speaker_uuid) if segment.speaker_uuid else None,
            words=tuple(
                DocumentWord(token, start / 1000, end / 1000, confidence / 100)
                for token, start, end, confidence in zip(
                    segment.text.split(), segment.w, segment.e, segment.c, strict=True
                )
            ),
            confidence=segment.confidence,
            is_overlap=segment.is_overlap,
            flags=tuple(segment.flags),
        )
        for segment in transcript.segments
    )
    return TranscriptDocument(
        title=file.title or file.filename,
        language=file.language,
        duration=file.duration or 0.0,
        segments=segments,
        model=file.whisper_model,
    )
