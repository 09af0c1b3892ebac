"""People and finished recordings, as rows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opentranscribe.bootstrap import App
from opentranscribe.kit.passwords import hash_password
from opentranscribe.schema.accounts import User
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.speakers import Speaker
from opentranscribe.schema.transcript import TranscriptSegment
from opentranscribe.work import SYSTEM, Work
from opentranscribe.work.events import TranscriptReady

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Recording:
    uuid: uuid.UUID
    segments: tuple[uuid.UUID, ...]
    speakers: tuple[uuid.UUID, ...]


def add_user(app: App, email: str, role: str = "user") -> int:
    with app.work(SYSTEM) as work:
        user = User(
            email=email,
            hashed_password=hash_password(PASSWORD),
            full_name=email.partition("@")[0].title(),
            role=role,
            password_hash_version="argon2id",
        )
        work.session.add(user)
        work.session.flush()
        return user.id


def add_recording(
    app: App, owner_id: int, *spoken: tuple[int | None, str], **facts: Any
) -> Recording:
    """``spoken`` is (speaker, text); each segment lasts ten seconds, words share it evenly."""
    with app.work(SYSTEM) as work:
        file = _file(owner_id, len(spoken), **facts)
        work.session.add(file)
        work.session.flush()
        speakers = _speakers(work, file, [who for who, _ in spoken if who is not None])
        segments = [
            TranscriptSegment(
                media_file_id=file.id,
                uuid=uuid.uuid4(),
                speaker_id=speakers[who].id if who is not None else None,
                start_time=10.0 * i,
                end_time=10.0 * i + 10.0,
                text=text,
                words=_words(text, 10.0 * i),
                confidence=0.9,
            )
            for i, (who, text) in enumerate(spoken)
        ]
        work.session.add_all(segments)
        work.emit(TranscriptReady(file.id))
        return Recording(
            file.uuid,
            tuple(segment.uuid for segment in segments),
            tuple(speaker.uuid for speaker in speakers.values()),
        )


def _file(owner_id: int, segments: int, **facts: Any) -> MediaFile:
    values: dict[str, Any] = {
        "uuid": uuid.uuid4(),
        "filename": "talk.wav",
        "storage_path": f"media/{uuid.uuid4()}.wav",
        "file_size": 1000,
        "content_type": "audio/wav",
        "status": "completed",
        "language": "en",
        "duration": 10.0 * segments,
        "completed_at": datetime(2026, 3, 1, tzinfo=UTC),
    }
    return MediaFile(user_id=owner_id, **values | facts)


def _speakers(work: Work, file: MediaFile, numbers: list[int]) -> dict[int, Speaker]:
    speakers = {
        number: Speaker(
            user_id=file.user_id,
            media_file_id=file.id,
            name=f"SPEAKER_{number:02d}",
            uuid=uuid.uuid4(),
        )
        for number in sorted(set(numbers))
    }
    work.session.add_all(speakers.values())
    work.session.flush()
    return speakers


def _words(text: str, start: float) -> list[dict[str, Any]]:
    tokens = text.split()
    each = 10.0 / len(tokens)
    return [
        {"word": token, "start": start + i * each, "end": start + (i + 1) * each, "score": 0.9}
        for i, token in enumerate(tokens)
    ]
