"""The steps' results in the database and the object store."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opentranscribe.features.jobs.kinds import JobFacts, StepRun
from opentranscribe.features.transcription import queries
from opentranscribe.features.transcription.pipeline import Write
from opentranscribe.features.transcription.rules.cleanup import StoredSegment
from opentranscribe.features.transcription.rules.voices import KnownPrint, Rejection, is_rejected
from opentranscribe.features.transcription.transcript import (
    Transcript,
    Voice,
    segment_of_json,
    storable_window,
    window_segments,
    words_of_json,
)
from opentranscribe.kit import clock
from opentranscribe.ports.asr import RecognitionWindow, Segment
from opentranscribe.ports.media_tools import Decoded, MediaInfo
from opentranscribe.ports.notices import Notice
from opentranscribe.ports.objects import Objects
from opentranscribe.ports.voices import VoiceIndex, VoiceQuery
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.speakers import Voiceprint
from opentranscribe.schema.transcript import TranscriptSegment
from opentranscribe.work import SYSTEM, Work, WorkFactory
from opentranscribe.work.events import TranscriptReady


def add_notice(file: MediaFile, code: str, message: str) -> None:
    """What a reader should know, once per code."""
    others = [notice for notice in file.notices or [] if notice.get("code") != code]
    file.notices = [*others, {"code": code, "message": message}]


class FileStore:
    """Of one file and one job. ``reuse_words`` takes the words from the stored transcript."""

    def __init__(
        self,
        job: JobFacts,
        work: WorkFactory,
        objects: Objects,
        voices: VoiceIndex,
        *,
        reuse_words: bool = False,
    ) -> None:
        assert job.file_id is not None
        assert job.user_id is not None
        self._job = job
        self._file_id = job.file_id
        self._user_id = job.user_id
        self._work = work
        self._objects = objects
        self._voices = voices
        self._reuse_words = reuse_words

    def save_media_facts(self, info: MediaInfo) -> Write:
        def write(work: Work) -> None:
            file = queries.get_file_row(work.session, self._file_id)
            file.media_format = info.container[:50]
            file.codec = ((info.video_codec or info.audio_codec) or "")[:50] or None
            file.duration = info.duration_seconds
            file.frame_rate = info.frame_rate
            file.resolution_width, file.resolution_height = info.width, info.height
            file.audio_channels = info.audio_channels
            file.audio_sample_rate = info.audio_sample_rate_hz
            file.creation_date = info.created_at
            file.metadata_raw = dict(info.tags)
            self._tell(work, "file_updated")

        return write

    def save_sound(self, decoded: Decoded, peaks: Path) -> Write:
        key = f"peaks/{self._job.file_uuid}.i16"
        self._objects.put_file(key, peaks)

        def write(work: Work) -> None:
            file = queries.get_file_row(work.session, self._file_id)
            file.duration = decoded.duration_seconds
            file.peaks_path = key
            for number, warning in enumerate(decoded.warnings):
                add_notice(file, f"media_warning_{number}" if number else "media_warning", warning)
            self._tell(work, "file_updated")

        return write

    def save_thumbnail(self, picture: Path) -> Write:
        key = f"thumbnails/{self._job.file_uuid}.webp"
        self._objects.put_file(key, picture)

        def write(work: Work) -> None:
            queries.get_file_row(work.session, self._file_id).thumbnail_path = key
            self._tell(work, "file_updated")

        return write

    def windows(self) -> dict[int, list[Segment]]:
        with self._work(SYSTEM) as work:
            kept = queries.draft_windows(work.session, self._job.id)
        return {index: [segment_of_json(one) for one in ones] for index, ones in kept.items()}

    def save_window(self, run: StepRun, window: RecognitionWindow) -> None:
        values = {
            "job_id": self._job.id,
            "media_file_id": self._file_id,
            "window_index": window.index,
            "start_time": window.start,
            "end_time": window.end,
            "segments": storable_window(window),
        }

        def write(work: Work) -> None:
            queries.put_draft(work.session, values)
            self._tell(work, "transcript_draft", window_index=window.index)

        run.write(write)

    def words(self) -> list[Segment]:
        if not self._reuse_words:
            return window_segments(self.windows())
        with self._work(SYSTEM) as work:
            rows = queries.stored_segments(work.session, self._file_id)
            return [_recognised(row) for row in rows]

    def known_prints(
        self, model: str, version: str, vectors: Sequence[NDArray[np.float32]]
    ) -> Sequence[KnownPrint]:
        asked = VoiceQuery(self._user_id, model, version, tuple(vectors))
        with self._work(SYSTEM) as work:
            people = self._voices.nearest_people(work.session, asked)
            return queries.known_prints(work.session, self._user_id, model, version, people)

    def save_transcript(self, transcript: Transcript) -> Write:
        def write(work: Work) -> None:
            session = work.session
            names = queries.named_voices(session, self._file_id)
            said = queries.rejections(session, self._file_id)
            voices = _without_rejected(transcript, said)
            queries.delete_transcript(session, self._file_id)
            speakers = [self._insert_voice(work, voice, names) for voice in voices]
            rows = [self._segment_row(one, speakers) for one in transcript.segments]
            queries.insert_rows(session, TranscriptSegment, rows)
            queries.delete_drafts(session, self._file_id)
            self._complete(queries.get_file_row(session, self._file_id), transcript)
            work.emit(TranscriptReady(self._file_id))
            self._tell(work, "file_updated")

        return write

    def _insert_voice(
        self, work: Work, voice: Voice, names: dict[int, tuple[str | None, bool]]
    ) -> int:
        like = voice.resembles
        known = names.get(like.profile_id) if like and like.sure else None
        speaker_id = queries.insert_speaker(
            work.session,
            user_id=self._user_id,
            media_file_id=self._file_id,
            name=voice.label,
            profile_id=like.profile_id if like and like.sure else None,
            display_name=known[0] if known else None,
            verified=known[1] if known else False,
            suggested_name=like.name if like else None,
            suggestion_source="voice_match" if like else None,
            confidence=round(like.score, 4) if like else None,
        )
        one = voice.voiceprint
        if one is not None:
            row = {
                "speaker_id": speaker_id,
                "user_id": self._user_id,
                "media_file_id": self._file_id,
                "model": one.model,
                "version": one.version,
                "dimension": one.dimension,
                "vector": [float(value) for value in one.vector],
                "speech_seconds": one.speech_seconds,
            }
            queries.insert_rows(work.session, Voiceprint, [row])
        return speaker_id

    def _segment_row(self, one: StoredSegment, speakers: Sequence[int]) -> dict[str, Any]:
        group = None
        if one.overlap is not None:
            group = uuid.uuid5(queries.OVERLAPS, f"{self._job.file_uuid}/{one.overlap}")
        return {
            "uuid": uuid.uuid4(),
            "media_file_id": self._file_id,
            "speaker_id": None if one.speaker is None else speakers[one.speaker],
            "start_time": one.start,
            "end_time": one.end,
            "text": one.text,
            "words": [
                {"word": w.text, "start": w.start, "end": w.end, "score": w.score}
                for w in one.words
            ],
            "confidence": one.confidence,
            "is_overlap": one.overlap is not None,
            "overlap_group_id": group,
            "flags": list(one.flags),
        }

    def _complete(self, file: MediaFile, transcript: Transcript) -> None:
        file.status = "completed"
        file.completed_at = clock.now()
        file.error_category = file.last_error_message = None
        file.diarization_model = transcript.diarization_model
        if transcript.recognition is not None:
            file.language = str(transcript.recognition["language"])[:10]
            file.whisper_model = str(transcript.recognition["model"])
        if not transcript.segments:
            add_notice(
                file,
                "no_speech",
                "No speech was found in this recording. If somebody does speak in it, the sound "
                "may be too quiet.",
            )

    def _tell(self, work: Work, type_: str, **data: Any) -> None:
        work.notify(Notice(type_, {"file_id": str(self._job.file_uuid), **data}, self._user_id))


def _without_rejected(transcript: Transcript, said: Sequence[Rejection]) -> list[Voice]:
    """Nobody is suggested for a voice of which a person said before that it is not them."""
    passages = [(one.speaker, one.start, one.end) for one in transcript.segments]
    return [
        replace(voice, resembles=None)
        if voice.resembles and is_rejected(voice.resembles, voice.number, said, passages)
        else voice
        for voice in transcript.voices
    ]


def _recognised(row: TranscriptSegment) -> Segment:
    """A stored segment as if it had just been recognised; words that no longer fit are dropped."""
    words = words_of_json(row.words or ())
    fitting = len(words) == len(row.text.split())
    return Segment(
        start=row.start_time,
        end=row.end_time,
        text=row.text,
        words=words if fitting else (),
        confidence=row.confidence or 0.0,
        flags=tuple(row.flags or ()),
    )
