"""Exports are read back by libraries that know nothing of us."""

from __future__ import annotations

import io
import itertools
import json

import pytest
import srt
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from opentranscribe.features.exports.rules import (
    CUE_LINE_CHARACTERS,
    DocumentSegment,
    DocumentWord,
    TranscriptDocument,
    UnknownFormatError,
    cues_of,
    render,
)


def words_of(text: str, start: float, end: float) -> tuple[DocumentWord, ...]:
    tokens = text.split()
    step = (end - start) / len(tokens)
    return tuple(
        DocumentWord(token, start + i * step, start + (i + 1) * step, 0.9)
        for i, token in enumerate(tokens)
    )


def segment(text: str, start: float, end: float, speaker: str | None = None) -> DocumentSegment:
    return DocumentSegment(start, end, text, speaker, words_of(text, start, end), 0.9)


def document(*segments: DocumentSegment) -> TranscriptDocument:
    return TranscriptDocument("Two voices", "en", segments[-1].end, segments, "base")


TALK = document(
    segment("Good morning, and thank you for coming in today.", 0.5, 3.2, "Ann"),
    segment("Not at all. <b>It</b> is 5 > 4 & true --> so they say.", 3.4, 7.9, "Bob & Co"),
)


class TestSrt:
    def test_is_read_back_by_an_independent_parser(self) -> None:
        cues = list(srt.parse(render("srt", TALK)))
        assert [cue.index for cue in cues] == list(range(1, len(cues) + 1))
        assert cues[0].start.total_seconds() == pytest.approx(0.5)
        text = " ".join(cue.content.replace("\n", " ") for cue in cues)
        assert "thank you for coming in today." in text

    def test_names_a_speaker_when_the_speaker_changes(self) -> None:
        contents = [cue.content for cue in srt.parse(render("srt", TALK))]
        assert contents[0].startswith("Ann: ")
        assert sum(content.startswith("Bob & Co: ") for content in contents) == 1

    def test_leaves_names_out_when_asked(self) -> None:
        assert "Ann:" not in render("srt", TALK, include_speakers=False)

    def test_an_arrow_in_the_text_cannot_pose_as_a_timing_line(self) -> None:
        assert render("srt", TALK).count("-->") == len(list(srt.parse(render("srt", TALK))))


class TestVtt:
    def test_is_read_back_with_voices(self) -> None:
        parsed = webvtt.from_string(render("vtt", TALK))
        assert {caption.voice for caption in parsed} == {"Ann", "Bob &amp; Co"}
        assert parsed[0].start == "00:00:00.500"

    def test_markup_in_the_words_is_text(self) -> None:
        assert "&lt;b&gt;It&lt;/b&gt;" in render("vtt", TALK)


class TestJson:
    def test_keeps_words_times_speakers_and_confidence(self) -> None:
        content = json.loads(render("json", TALK))
        assert content["speakers"] == ["Ann", "Bob & Co"]
        first = content["segments"][0]
        assert [word["word"] for word in first["words"]] == first["text"].split()
        assert first["words"][0] == {"word": "Good", "start": 0.5, "end": 0.8, "confidence": 0.9}


class TestTxt:
    def test_groups_what_one_speaker_says(self) -> None:
        text = render("txt", document(*TALK.segments, segment("Quite.", 8.0, 8.5, "Bob & Co")))
        assert text.count("Bob & Co") == 1
        assert "[0:03] Bob & Co\nNot at all." in text


class TestCues:
    @given(
        st.lists(
            st.tuples(
                st.floats(0, 3000),
                st.floats(0.01, 60),
                st.text(st.characters(blacklist_categories=("Cs", "Cc", "Z")), min_size=1),
            ),
            min_size=1,
            max_size=12,
        )
    )
    def test_never_overlap_and_lose_no_character(
        self, spoken: list[tuple[float, float, str]]
    ) -> None:
        segments = [DocumentSegment(start, start + length, text) for start, length, text in spoken]
        cues = list(cues_of(segments))
        assert all(a.end <= b.start for a, b in itertools.pairwise(cues))
        assert all(cue.end > cue.start for cue in cues)
        assert all(len(line) <= CUE_LINE_CHARACTERS for cue in cues for line in cue.lines)
        written = "".join(line for cue in cues for line in cue.lines).replace(" ", "")
        ordered = sorted(segments, key=lambda s: (s.start, s.end))
        assert written == "".join("".join(s.text.split()) for s in ordered)


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownFormatError, match="srt"):
        render("docx", TALK)


def test_every_format_survives_an_empty_transcript() -> None:
    empty = TranscriptDocument("Silence", None, 10.0, ())
    assert render("txt", empty) == ""
    assert list(srt.parse(render("srt", empty))) == []
    assert webvtt.from_buffer(io.StringIO(render("vtt", empty))).captions == []
    assert json.loads(render("json", empty))["segments"] == []
