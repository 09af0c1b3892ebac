"""What has happened, in the past tense. Features emit; bootstrap wires who listens.

Listeners run inside the emitting transaction, so that what they write or enqueue commits or
vanishes with the event.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """``file_id`` is the private id of the media file that the event is about."""

    file_id: int


@dataclass(frozen=True, slots=True)
class FileAdded(Event):
    """The bytes are stored and the row exists; nothing has looked inside yet.

    ``options`` are the uploader's wishes: model, language, task, min_speakers, max_speakers,
    num_speakers, disable_diarization.
    """

    options: dict[str, object]


@dataclass(frozen=True, slots=True)
class TranscriptReady(Event):
    """A new transcript is complete and stored."""


@dataclass(frozen=True, slots=True)
class TranscriptChanged(Event):
    """Somebody changed words, speakers or the title; what is derived must follow."""


@dataclass(frozen=True, slots=True)
class FileDeleted(Event):
    """The row is about to go; ``keys`` are the objects that go after the commit."""

    keys: tuple[str, ...]
