"""What the application needs from the outside, written from the caller's side.

One module per port: a ``Protocol``, its dataclasses and its errors. No SDK type crosses a port.
``opentranscribe.bootstrap`` fills :class:`Ports` from settings; features receive only what they use.
"""

from __future__ import annotations

from dataclasses import dataclass

from opentranscribe.ports.asr import Recognizer
from opentranscribe.ports.diarization import Diarizer
from opentranscribe.ports.embedding import SentenceEncoder
from opentranscribe.ports.identity import Identity
from opentranscribe.ports.media_tools import MediaTools
from opentranscribe.ports.models import ModelStore
from opentranscribe.ports.notices import Notices
from opentranscribe.ports.objects import Objects
from opentranscribe.ports.queue import Queue
from opentranscribe.ports.search import SearchIndex
from opentranscribe.ports.voices import VoiceIndex


@dataclass(frozen=True)
class Ports:
    """One field per port. Heavy engines build lazily: constructing ``Ports`` loads no model."""

    objects: Objects
    queue: Queue
    notices: Notices
    search: SearchIndex
    voices: VoiceIndex
    media_tools: MediaTools
    models: ModelStore
    recognizer: Recognizer
    diarizer: Diarizer
    sentence_encoder: SentenceEncoder
    identity: Identity
