"""Rendering a transcript document to text formats; no I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from opentranscribe.kit.errors import UnsupportedError
from opentranscribe.kit.timecode import clock_text, srt_time, vtt_time

#: Reading speed and cue sizes that subtitle guidelines agree on.
CUE_LINE_CHARACTERS = 42
CUE_LINES = 2
CUE_SECONDS_MIN = 1.0
CUE_SECONDS_MAX = 6.0


class UnknownFormatError(UnsupportedError):
    code = "unknown_format"


@dataclass(frozen=True, slots=True)
class DocumentWord:
    """One whitespace-separated token of the segment's text; times in seconds."""

    text: str
    start: float
    end: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class DocumentSegment:
    """``speaker`` is the name to print, None when diarization did not run."""

    start: float
    end: float
    text: str
    speaker: str | None = None
    words: tuple[DocumentWord, ...] = ()
    confidence: float | None = None
    is_overlap: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TranscriptDocument:
    title: str
    language: str | None
    duration: float
    segments: tuple[DocumentSegment, ...]
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Cue:
    start: float
    end: float
    lines: tuple[str, ...]
    speaker: str | None


def render(fmt: str, document: TranscriptDocument, *, include_speakers: bool = True) -> str:
    """The document as text. ``fmt`` is txt, srt, vtt (or webvtt) or json.

    Raises UnknownFormatError.
    """
    writer = WRITERS.get(fmt.lower())
    if writer is None:
        known = ", ".join(sorted(WRITERS))
        raise UnknownFormatError(f"There is no export format {fmt!r}; choose one of {known}.")
    return writer(document, include_speakers)


def render_txt(document: TranscriptDocument, include_speakers: bool) -> str:
    """Paragraphs, one per speaker turn, each headed by time and name."""
    blocks = []
    for speaker, segments in _turns(document.segments):
        name = f" {speaker}" if include_speakers and speaker else ""
        text = " ".join(segment.text.strip() for segment in segments)
        blocks.append(f"[{clock_text(segments[0].start)}]{name}\n{text}")
    return f"{_one_line(document.title)}\n\n" + "\n\n".join(blocks) + "\n" if blocks else ""


def render_srt(document: TranscriptDocument, include_speakers: bool) -> str:
    """SubRip; a change of speaker starts its cue with the name."""
    cues = []
    previous: str | None = None
    for number, cue in enumerate(cues_of(document.segments), start=1):
        lines = list(cue.lines)
        if include_speakers and cue.speaker and cue.speaker != previous:
            lines[0] = f"{cue.speaker}: {lines[0]}"
        previous = cue.speaker
        body = "\n".join(line.replace("-->", "→") for line in lines)
        cues.append(f"{number}\n{srt_time(cue.start)} --> {srt_time(cue.end)}\n{body}\n")
    return "\n".join(cues)


def render_vtt(document: TranscriptDocument, include_speakers: bool) -> str:
    """WebVTT with voice spans (https://www.w3.org/TR/webvtt1/#webvtt-cue-voice-span)."""
    blocks = ["WEBVTT"]
    for cue in cues_of(document.segments):
        body = "\n".join(_vtt_escape(line) for line in cue.lines)
        if include_speakers and cue.speaker:
            body = f"<v {_vtt_escape(_one_line(cue.speaker))}>{body}"
        blocks.append(f"{vtt_time(cue.start)} --> {vtt_time(cue.end)}\n{body}")
    return "\n\n".join(blocks) + "\n"


def render_json(document: TranscriptDocument, include_speakers: bool) -> str:
    """Everything we know: speakers, words with times in seconds, confidence, flags."""
    names = list(dict.fromkeys(s.speaker for s in document.segments if s.speaker))
    content: dict[str, Any] = {
        "title": document.title,
        "language": document.language,
        "duration": round(document.duration, 3),
        "model": document.model,
        "speakers": names if include_speakers else [],
        "segments": [_segment_json(s, include_speakers) for s in document.segments],
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


Writer = Callable[[TranscriptDocument, bool], str]
WRITERS: dict[str, Writer] = {
    "txt": render_txt,
    "srt": render_srt,
    "vtt": render_vtt,
    "webvtt": render_vtt,
    "json": render_json,
}
CONTENT_TYPES = {
    "txt": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "webvtt": "text/vtt; charset=utf-8",
    "json": "application/json",
}


def cues_of(segments: Iterable[DocumentSegment]) -> Iterator[Cue]:
    """Segments cut to readable subtitles: two lines of 42 characters, at most six seconds.

    Cues never overlap and never go back in time, because players show such files wrongly.
    """
    floor = 0.0
    for segment in sorted(segments, key=lambda s: (s.start, s.end)):
        for words in _cue_words(segment):
            start = max(words[0].start, floor)
            end = max(words[-1].end, start + 0.04)
            lines = _wrap(" ".join(word.text for word in words))
            yield Cue(start, end, lines, segment.speaker)
            floor = end


def _cue_words(segment: DocumentSegment) -> Iterator[tuple[DocumentWord, ...]]:
    words = segment.words or _spread(segment)
    held: list[DocumentWord] = []
    for word in words:
        text = " ".join([*(w.text for w in held), word.text])
        too_long = len(_wrap(text)) > CUE_LINES
        too_slow = bool(held) and word.end - held[0].start > CUE_SECONDS_MAX
        sentence_end = bool(held) and _ends_sentence(held[-1].text)
        if held and (too_long or too_slow or (sentence_end and _lasts(held))):
            yield tuple(held)
            held = []
        held.append(word)
    if held:
        yield tuple(held)


def _lasts(words: list[DocumentWord]) -> bool:
    return words[-1].end - words[0].start >= CUE_SECONDS_MIN


def _ends_sentence(token: str) -> bool:
    return token.rstrip("\"')]»”’").endswith((".", "?", "!", "…", "。", "？", "！"))


def _spread(segment: DocumentSegment) -> tuple[DocumentWord, ...]:
    """Words without times of their own share the segment's time by their length."""
    tokens = segment.text.split()
    total = sum(len(token) for token in tokens) or 1
    seconds = max(segment.end - segment.start, 0.0)
    words, at = [], segment.start
    for token in tokens:
        end = at + seconds * len(token) / total
        words.append(DocumentWord(token, at, end))
        at = end
    return tuple(words)


def _wrap(text: str) -> tuple[str, ...]:
    lines: list[str] = []
    for token in text.split():
        if lines and len(lines[-1]) + 1 + len(token) <= CUE_LINE_CHARACTERS:
            lines[-1] += f" {token}"
        else:
            lines.extend(_pieces(token))
    return tuple(lines) or ("",)


def _pieces(token: str) -> list[str]:
    """A token longer than a line (scripts without spaces) is cut at the line's width."""
    width = CUE_LINE_CHARACTERS
    return [token[i : i + width] for i in range(0, len(token), width)]


def _turns(
    segments: Iterable[DocumentSegment],
) -> Iterator[tuple[str | None, list[DocumentSegment]]]:
    held: list[DocumentSegment] = []
    for segment in segments:
        if held and held[0].speaker != segment.speaker:
            yield held[0].speaker, held
            held = []
        held.append(segment)
    if held:
        yield held[0].speaker, held


def _segment_json(segment: DocumentSegment, include_speakers: bool) -> dict[str, Any]:
    return {
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "speaker": segment.speaker if include_speakers else None,
        "text": segment.text,
        "confidence": segment.confidence,
        "overlap": segment.is_overlap,
        "flags": list(segment.flags),
        "words": [
            {
                "word": word.text,
                "start": round(word.start, 3),
                "end": round(word.end, 3),
                "confidence": word.confidence,
            }
            for word in segment.words
        ],
    }


def _vtt_escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f\u2028\u2029]+", " ", text).strip()
