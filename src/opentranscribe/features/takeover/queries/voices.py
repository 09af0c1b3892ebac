"""Whose speech is where in a recording, and the prints that were made of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from opentranscribe.ports.diarization import Voiceprint as Print
from opentranscribe.schema.jobs import Job
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.speakers import Speaker, Voiceprint
from opentranscribe.schema.transcript import TranscriptSegment

#: So much of a voice says all that there is to know of it.
ENOUGH_SECONDS = 180.0

Span = tuple[float, float]


@dataclass(frozen=True)
class KnownSpeaker:
    """``spans`` of seconds in order of time, the longest that nobody else speaks in."""

    id: int
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Subject:
    file_id: int
    file_uuid: UUID
    user_id: int
    storage_key: str
    has_peaks: bool
    has_thumbnail: bool
    speakers: tuple[KnownSpeaker, ...]


def read_subject(session: Session, file_id: int) -> Subject | None:
    """The speakers that have no print yet; None when the recording is gone."""
    file = session.get(MediaFile, file_id)
    if file is None:
        return None
    printed = select(Voiceprint.id).where(Voiceprint.speaker_id == Speaker.id)
    rows = session.execute(
        select(
            Speaker.id,
            TranscriptSegment.start_time,
            TranscriptSegment.end_time,
            TranscriptSegment.is_overlap,
        )
        .join(TranscriptSegment, TranscriptSegment.speaker_id == Speaker.id)
        .where(Speaker.media_file_id == file_id, ~printed.exists())
        .order_by(Speaker.id, TranscriptSegment.start_time)
    )
    alone: dict[int, list[Span]] = defaultdict(list)
    together: dict[int, list[Span]] = defaultdict(list)
    for speaker, start, end, is_overlap in rows:
        if end > start >= 0.0:
            (together if is_overlap else alone)[speaker].append((start, end))
    speakers = tuple(
        KnownSpeaker(one, choose_spans(alone[one] or together[one]))
        for one in sorted(alone.keys() | together.keys())
    )
    return Subject(
        file.id,
        file.uuid,
        file.user_id,
        file.storage_path,
        bool(file.peaks_path),
        bool(file.thumbnail_path),
        speakers,
    )


def choose_spans(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The longest, until there is enough, in order of time."""
    chosen, seconds = [], 0.0
    for start, end in sorted(spans, key=lambda span: span[0] - span[1]):
        if seconds >= ENOUGH_SECONDS:
            break
        taken = min(end - start, ENOUGH_SECONDS - seconds)
        chosen.append((start, start + taken))
        seconds += taken
    return tuple(sorted(chosen))


def put_print(session: Session, subject: Subject, speaker: KnownSpeaker, one: Print) -> None:
    """Unless there is one; a speaker whom somebody removed meanwhile needs none."""
    if session.get(Speaker, speaker.id, with_for_update={"key_share": True}) is None:
        return
    session.execute(
        insert(Voiceprint)
        .values(
            speaker_id=speaker.id,
            user_id=subject.user_id,
            media_file_id=subject.file_id,
            model=one.model,
            version=one.version,
            dimension=one.dimension,
            vector=[float(value) for value in one.vector],
            speech_seconds=one.speech_seconds,
        )
        .on_conflict_do_nothing(index_elements=["speaker_id", "model", "version"])
    )


def set_keys(session: Session, file_id: int, **keys: str) -> None:
    """``peaks_path``, ``thumbnail_path``."""
    if keys:
        session.execute(update(MediaFile).where(MediaFile.id == file_id).values(**keys))


def owners_without_job(
    session: Session, kind: str, file_ids: Sequence[int]
) -> list[tuple[int, int]]:
    """(recording, owner) in the order of ``file_ids``, without those that a job waits for."""
    unfinished = select(Job.id).where(
        Job.media_file_id == MediaFile.id,
        Job.kind == kind,
        Job.status.in_(("queued", "running")),
    )
    rows = session.execute(
        select(MediaFile.id, MediaFile.user_id).where(
            MediaFile.id.in_(list(file_ids)), ~unfinished.exists()
        )
    ).tuples()
    owners = dict(rows.all())
    return [(one, owners[one]) for one in file_ids if one in owners]
