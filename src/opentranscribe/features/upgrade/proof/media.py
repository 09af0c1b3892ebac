"""Probes: a recording with its transcript is read, played and taken away as a file."""

from __future__ import annotations

from opentranscribe.features.upgrade.proof.trial import (
    Act,
    NotApplicableError,
    Probes,
    Trial,
    expect,
)


def opens_transcript(trial: Trial) -> str:
    visitor, file = trial.owner
    shown = visitor.get(f"/api/files/{file.uuid}/transcript").require(200).json()
    expect(shown["segments"], "a transcript that had passages has none")
    return f"A transcript with {len(shown['segments'])} passages opens."


def names_speakers(trial: Trial) -> str:
    visitor, file = trial.owner
    shown = visitor.get(f"/api/files/{file.uuid}").require(200).json()
    expect(shown.get("uuid") == file.uuid, "another recording came")
    visitor.get("/api/speakers").require(200)
    return "Speakers can be read."


def plays_bytes(trial: Trial) -> str:
    visitor, file = trial.owner
    path = f"/api/files/{file.uuid}/content"
    part = visitor.get(path, Range="bytes=0-1023").require(206)
    expect(0 < len(part.body) <= 1024, f"{len(part.body)} bytes came for 1024")
    later = visitor.get(path, Range="bytes=512-1023").require(206)
    expect(part.body[512:] == later.body, "two ranges of the same bytes differ")
    kept = trial.stored if trial.owned is not None else (trial.speech or b"")
    expect(part.body == kept[:1024], "other bytes came than are stored")
    return "The recording plays from any place, byte by byte."


def waveform(trial: Trial) -> str:
    visitor, file = trial.owner
    answer = visitor.get(f"/api/files/{file.uuid}/waveform")
    if answer.status == 404:
        raise NotApplicableError("the newest recording has no waveform yet")
    answer.require(200)
    return "The waveform is served."


def exports(kind: str, mark: str) -> Act:
    def export(trial: Trial) -> str:
        visitor, file = trial.owner
        answer = visitor.get(f"/api/files/{file.uuid}/export?format={kind}").require(200)
        expect(mark in answer.body.decode(), f"the {kind} file has no {mark!r}")
        return f"{len(answer.body)} bytes of {kind}."

    return export


READING: Probes = (
    ("open a transcript", opens_transcript),
    ("speakers", names_speakers),
    ("play by ranges", plays_bytes),
    ("waveform", waveform),
)
EXPORTS: Probes = (
    ("export txt", exports("txt", " ")),
    ("export srt", exports("srt", "-->")),
    ("export vtt", exports("vtt", "WEBVTT")),
    ("export json", exports("json", "segments")),
)
