"""The tables of steps: what a transcription consists of, in which order, and what may fail alone.

Weights are rough shares of time on a machine that has not been measured yet.
"""

from __future__ import annotations

from dataclasses import replace

from opentranscribe.features.jobs.kinds import Step
from opentranscribe.features.transcription.pipeline import Pipeline

PROBE = Step("probe", "Looking at the file", Pipeline.probe, weight=0.1)
DECODE = Step("decode", "Reading the sound", Pipeline.decode, after=("probe",), weight=1.0)
THUMBNAIL = Step(
    "thumbnail",
    "Making a preview picture",
    Pipeline.make_thumbnail,
    after=("probe", "decode"),
    weight=0.1,
    optional=True,
    wanted=Pipeline.has_video,
)
SPEECH = Step("speech", "Finding speech", Pipeline.detect_speech, after=("decode",), weight=1.0)
TRANSCRIBE = Step("transcribe", "Transcribing", Pipeline.transcribe, after=("speech",), weight=10.0)
DIARIZE = Step(
    "diarize",
    "Telling voices apart",
    Pipeline.diarize,
    after=("decode", "speech"),
    weight=6.0,
    optional=True,
    wanted=Pipeline.is_diarization_wanted,
)
VOICEPRINTS = Step(
    "voiceprints",
    "Comparing voices",
    Pipeline.compare_voices,
    after=("diarize",),
    weight=0.1,
    optional=True,
    wanted=Pipeline.is_diarization_wanted,
)
ASSIGN = Step(
    "assign",
    "Giving words to speakers",
    Pipeline.assign,
    after=("transcribe", "voiceprints"),
    weight=0.1,
)
SAVE = Step("save", "Saving the transcript", Pipeline.save, after=("assign",), weight=0.1)

#: Speech is looked for with the whole machine before voices are told apart, so that the first text
#: comes early.
PROCESS_STEPS = (
    PROBE,
    DECODE,
    SPEECH,
    TRANSCRIBE,
    DIARIZE,
    VOICEPRINTS,
    ASSIGN,
    SAVE,
    THUMBNAIL,
)
REDIARIZE_STEPS = (
    PROBE,
    DECODE,
    replace(DIARIZE, after=("decode",)),
    VOICEPRINTS,
    replace(ASSIGN, after=("voiceprints",)),
    SAVE,
)
