"""The kinds of edit: how each reads its subject's state and writes one.

A state is what ``transcript_edit.before`` and ``after`` hold: JSON with exactly the columns that
the operation governs. An edit can be applied when the subject's present state is the one it
expects; that is what keeps undo from overwriting somebody else's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from opentranscribe.features.editing import queries
from opentranscribe.work import Work

State = dict[str, Any]


class Operation(Protocol):
    def read(self, work: Work, subject: UUID) -> State: ...

    def write(self, work: Work, subject: UUID, state: State) -> None: ...


class SegmentText:
    """The words of a segment, with their times."""

    def read(self, work: Work, subject: UUID) -> State:
        segment = queries.get_segment(work, subject)
        return {"text": segment.text, "words": segment.words, "flags": segment.flags}

    def write(self, work: Work, subject: UUID, state: State) -> None:
        segment = queries.get_segment(work, subject)
        segment.text = state["text"]
        segment.words = state["words"]
        segment.flags = state["flags"]


class SegmentSpeaker:
    """Who says a segment."""

    def read(self, work: Work, subject: UUID) -> State:
        segment = queries.get_segment(work, subject)
        speaker = queries.speaker_uuid(work, segment.speaker_id)
        return {"speaker_uuid": str(speaker) if speaker else None}

    def write(self, work: Work, subject: UUID, state: State) -> None:
        segment = queries.get_segment(work, subject)
        wanted = state["speaker_uuid"]
        if wanted is None:
            segment.speaker_id = None
            return
        speaker = queries.get_speaker(work, UUID(wanted))
        queries.require_same_file(segment, speaker)
        segment.speaker_id = speaker.id


class SpeakerName:
    """What a voice is called, and the person it is linked to."""

    def read(self, work: Work, subject: UUID) -> State:
        speaker = queries.get_speaker(work, subject)
        return {
            "display_name": speaker.display_name,
            "profile_id": speaker.profile_id,
            "verified": speaker.verified,
        }

    def write(self, work: Work, subject: UUID, state: State) -> None:
        speaker = queries.get_speaker(work, subject)
        speaker.display_name = state["display_name"]
        speaker.profile_id = queries.existing_profile_id(work, state["profile_id"])
        speaker.verified = state["verified"]


class SpeakerSuggestion:
    """Whom a voice is said to resemble; taken away when a person says that it is not so."""

    def read(self, work: Work, subject: UUID) -> State:
        speaker = queries.get_speaker(work, subject)
        return {
            "suggested_name": speaker.suggested_name,
            "suggestion_source": speaker.suggestion_source,
            "confidence": speaker.confidence,
            "profile_id": speaker.profile_id,
        }

    def write(self, work: Work, subject: UUID, state: State) -> None:
        speaker = queries.get_speaker(work, subject)
        speaker.suggested_name = state["suggested_name"]
        speaker.suggestion_source = state["suggestion_source"]
        speaker.confidence = state["confidence"]
        speaker.profile_id = queries.existing_profile_id(work, state["profile_id"])


class SpeakerSegments:
    """A set of segments that change hands together: the merge of one speaker into another."""

    def read(self, work: Work, subject: UUID) -> State:
        return {"speaker_uuid": str(queries.get_speaker(work, subject).uuid)}

    def write(self, work: Work, subject: UUID, state: State) -> None:
        target = queries.get_speaker(work, UUID(state["speaker_uuid"]))
        queries.move_segments(work, [UUID(s) for s in state["segments"]], target)


@dataclass(frozen=True)
class Kind:
    """``summary`` is a sentence for the history panel, with {before} and {after} states."""

    operation: Operation
    compares: tuple[str, ...]


KINDS: dict[str, Kind] = {
    "segment_text": Kind(SegmentText(), ("text",)),
    "segment_speaker": Kind(SegmentSpeaker(), ("speaker_uuid",)),
    "speaker_name": Kind(SpeakerName(), ("display_name",)),
    "speaker_suggestion": Kind(SpeakerSuggestion(), ("suggested_name",)),
    "speaker_merge": Kind(SpeakerSegments(), ()),
}
