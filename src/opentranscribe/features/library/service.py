"""Listing, opening and renaming recordings."""

from __future__ import annotations

import uuid
from collections import defaultdict
from typing import Any

from opentranscribe.features.library import queries
from opentranscribe.features.library.queries import FileFilter
from opentranscribe.features.library.rules import columns, speaker_name
from opentranscribe.features.library.schemas import (
    FileDetail,
    FileItem,
    FilePage,
    JobSummary,
    NoticeOut,
    SegmentOut,
    SpeakerOut,
    SpeakerTag,
    StepSummary,
    TranscriptOut,
)
from opentranscribe.ports.notices import Notice
from opentranscribe.schema.jobs import Job, JobStep
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.speakers import Speaker
from opentranscribe.work import Work
from opentranscribe.work.access import get_file
from opentranscribe.work.events import TranscriptChanged


class LibraryService:
    def __init__(self, work: Work) -> None:
        self.work = work

    def list_files(self, wanted: FileFilter) -> FilePage:
        total, files = queries.page_of_files(self.work, wanted)
        return FilePage(
            items=self._items(files),
            total=total,
            page=wanted.page,
            page_size=wanted.page_size,
            total_pages=-(-total // wanted.page_size),
            has_more=wanted.page * wanted.page_size < total,
        )

    def open_file(self, file_uuid: uuid.UUID) -> FileDetail:
        file = get_file(self.work, file_uuid)
        (item,) = self._items([file])
        return FileDetail(
            **item.model_dump(),
            author=file.author,
            description=file.description,
            media_format=file.media_format,
            codec=file.codec,
            resolution_width=file.resolution_width,
            resolution_height=file.resolution_height,
            audio_channels=file.audio_channels,
            audio_sample_rate=file.audio_sample_rate,
            creation_date=file.creation_date,
            requested_whisper_model=file.requested_whisper_model,
            diarization_model=file.diarization_model,
            total_segments=queries.segment_count(self.work.session, file.id),
        )

    def rename_file(self, file_uuid: uuid.UUID, title: str) -> FileDetail:
        file = get_file(self.work, file_uuid, lock=True)
        file.title = title
        self.work.emit(TranscriptChanged(file.id))
        self.work.notify(Notice("file_updated", {"file_id": str(file.uuid)}, file.user_id))
        return self.open_file(file_uuid)

    def read_transcript(self, file_uuid: uuid.UUID) -> TranscriptOut:
        """The final transcript, or what has been decoded so far."""
        file = get_file(self.work, file_uuid)
        session = self.work.session
        speakers = queries.speakers_of(session, [file.id])[file.id]
        rows = queries.segment_rows(session, file.id)
        if rows:
            uuids = {speaker.id: speaker.uuid for speaker in speakers}
            segments = [segment_view(row, uuids.get(row.speaker_id)) for row in rows]
            talk: dict[int, float] = defaultdict(float)
            for row in rows:
                talk[row.speaker_id] += row.end_time - row.start_time
            out = self._speakers_out(speakers, talk)
            return self._transcript(file, "final", out, segments)
        drafts = queries.draft_windows(session, file.id)
        segments = [_draft_out(entry) for draft in drafts for entry in draft.segments]
        return self._transcript(file, "draft" if drafts else "none", [], segments)

    def _transcript(
        self,
        file: MediaFile,
        status: Any,
        speakers: list[SpeakerOut],
        segments: list[SegmentOut],
    ) -> TranscriptOut:
        changed = queries.last_change(self.work.session, file.id) or file.completed_at
        if changed and file.completed_at:
            changed = max(changed, file.completed_at)
        return TranscriptOut.model_construct(
            file_uuid=file.uuid,
            language=file.language,
            status=status,
            duration=file.duration,
            revision=int(changed.timestamp() * 1000) if changed else len(segments),
            speakers=speakers,
            segments=segments,
        )

    def _speakers_out(self, speakers: list[Speaker], talk: dict[int, float]) -> list[SpeakerOut]:
        linked = [speaker.profile_id for speaker in speakers if speaker.profile_id]
        profiles = queries.profile_uuids(self.work.session, linked)
        return [
            SpeakerOut(
                uuid=speaker.uuid,
                label=speaker.name,
                name=speaker_name(speaker.name, speaker.display_name),
                display_name=speaker.display_name,
                suggested_name=speaker.suggested_name,
                suggestion_source=speaker.suggestion_source,
                confidence=speaker.confidence,
                verified=speaker.verified,
                profile_uuid=profiles.get(speaker.profile_id) if speaker.profile_id else None,
                color_index=index,
                talk_seconds=round(talk.get(speaker.id, 0.0), 2),
            )
            for index, speaker in enumerate(speakers)
        ]

    def _items(self, files: Any) -> list[FileItem]:
        ids = [file.id for file in files]
        speakers = queries.speakers_of(self.work.session, ids)
        jobs = queries.latest_jobs(self.work.session, ids)
        return [_item(file, speakers[file.id], jobs.get(file.id)) for file in files]


def _item(
    file: MediaFile, speakers: list[Speaker], job: tuple[Job, list[JobStep]] | None
) -> FileItem:
    error = None
    if file.status == "error":
        message = file.last_error_message or "This recording could not be processed."
        error = NoticeOut(code=file.error_category or "unknown", message=message)
    has_thumbnail = file.thumbnail_path is not None
    return FileItem(
        uuid=file.uuid,
        filename=file.filename,
        title=file.title or file.filename,
        status=file.status,
        content_type=file.content_type,
        has_video=bool(file.resolution_width),
        duration=file.duration,
        language=file.language,
        file_size=file.file_size,
        file_hash=file.file_hash,
        upload_time=file.upload_time,
        completed_at=file.completed_at,
        thumbnail_url=f"/api/files/{file.uuid}/thumbnail" if has_thumbnail else None,
        speakers=[
            SpeakerTag(uuid=s.uuid, label=s.name, name=speaker_name(s.name, s.display_name))
            for s in speakers
        ],
        speaker_count=len(speakers),
        error=error,
        notices=[NoticeOut.model_validate(notice) for notice in file.notices or []],
        job=_job_summary(*job) if job else None,
        whisper_model=file.whisper_model,
    )


def _job_summary(job: Job, steps: list[JobStep]) -> JobSummary:
    return JobSummary(
        uuid=job.uuid,
        kind=job.kind,
        status=job.status,
        progress=job.progress,
        eta_seconds=job.eta_seconds,
        message=job.message,
        attempt=job.attempt,
        created_at=job.created_at,
        started_at=job.started_at,
        steps=[StepSummary(name=s.name, status=s.status, progress=s.progress) for s in steps],
    )


def segment_view(row: Any, speaker_uuid: uuid.UUID | None) -> SegmentOut:
    starts, ends, confidences = columns(row.text, row.words, row.start_time, row.end_time)
    return SegmentOut.model_construct(
        uuid=row.uuid,
        speaker_uuid=speaker_uuid,
        start=row.start_time,
        end=row.end_time,
        text=" ".join(row.text.split()),
        confidence=row.confidence,
        is_overlap=row.is_overlap,
        flags=row.flags or [],
        w=starts,
        e=ends,
        c=confidences,
    )


def _draft_out(entry: dict[str, Any]) -> SegmentOut:
    starts, ends, confidences = columns(
        entry["text"], entry.get("words"), entry["start"], entry["end"]
    )
    return SegmentOut.model_construct(
        uuid=None,
        speaker_uuid=None,
        start=entry["start"],
        end=entry["end"],
        text=" ".join(entry["text"].split()),
        confidence=entry.get("confidence"),
        is_overlap=False,
        flags=list(entry.get("flags") or []),
        w=starts,
        e=ends,
        c=confidences,
    )
