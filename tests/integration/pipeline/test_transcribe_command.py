"""``opentr transcribe`` as somebody types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.integration.pipeline import stepwise
from tests.integration.pipeline.conftest import write_sound
from typer.testing import CliRunner, Result

from opentranscribe import bootstrap
from opentranscribe.entrypoints.cli.main import app
from opentranscribe.entrypoints.cli.transcribe import SpeakerCountError, parse_speakers
from opentranscribe.features.exports.rules import UnknownFormatError
from opentranscribe.kit.errors import InvalidError


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> stepwise.Remote:
    for name, engine in stepwise.ENGINES.items():
        monkeypatch.setenv(f"OPENTR_{name.upper()}", engine)
    monkeypatch.setenv("OPENTR_HOME", str(tmp_path))
    return stepwise.register(bootstrap, tmp_path / "remote")


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return write_sound(tmp_path / "talk.wav")


def opentr(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["transcribe", *map(str, arguments)])


class TestTranscribe:
    def test_prints_a_transcript_and_nothing_else(
        self, remote: stepwise.Remote, sound: Path
    ) -> None:
        result = opentr(sound, "--format", "vtt")
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("WEBVTT")
        assert "<v Speaker 1>w0-0 w0-1" in result.stdout
        assert "<v Speaker 2>w1-0" in result.stdout

    def test_writes_into_a_folder(
        self, remote: stepwise.Remote, sound: Path, tmp_path: Path
    ) -> None:
        other = write_sound(tmp_path / "other.wav")
        result = opentr(sound, other, "--format", "json", "--output", tmp_path / "out")
        assert (result.exit_code, result.stdout) == (0, "")
        document = json.loads((tmp_path / "out" / "talk.json").read_text())
        assert (document["language"], document["speakers"]) == ("en", ["Speaker 1", "Speaker 2"])
        assert (tmp_path / "out" / "other.json").is_file()

    def test_can_leave_voices_alone(self, remote: stepwise.Remote, sound: Path) -> None:
        result = opentr(sound, "--no-diarization")
        assert "Speaker" not in result.stdout
        assert remote.visits("diarize") == 0

    def test_goes_on_with_the_next_file_and_ends_with_the_first_failure(
        self, remote: stepwise.Remote, sound: Path
    ) -> None:
        result = opentr("nothing.wav", sound)
        assert result.exit_code == 4
        assert "There is no file nothing.wav" in result.stderr
        assert "w0-0" in result.stdout

    def test_says_what_is_wrong_with_a_file(self, remote: stepwise.Remote, sound: Path) -> None:
        remote.fail("decode", "damaged")
        result = opentr(sound)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "talk.wav: The recording is damaged" in result.stderr

    def test_gives_the_words_when_voices_cannot_be_told_apart(
        self, remote: stepwise.Remote, sound: Path
    ) -> None:
        remote.fail("diarize", "missing")
        result = opentr(sound)
        assert result.exit_code == 0
        assert "w0-0" in result.stdout
        assert "could not be told apart" in result.stderr
        assert "put model.bin in /models/base" in result.stderr

    def test_refuses_what_it_does_not_know(self, remote: stepwise.Remote, sound: Path) -> None:
        assert isinstance(opentr(sound, "--format", "pdf").exception, UnknownFormatError)
        assert isinstance(opentr(sound, "--task", "sing").exception, InvalidError)
        assert remote.visits("probe") == 0

    def test_leaves_no_scratch_behind(
        self, remote: stepwise.Remote, sound: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(scratch))
        opentr(sound)
        assert list(scratch.iterdir()) == []


class TestParseSpeakers:
    @pytest.mark.parametrize(
        ("text", "bounds"),
        [(None, (None, None)), ("3", (3, 3)), ("2-5", (2, 5)), (" 1-1 ", (1, 1))],
    )
    def test_reads_a_number_or_a_range(
        self, text: str | None, bounds: tuple[int | None, int | None]
    ) -> None:
        assert parse_speakers(text) == bounds

    @pytest.mark.parametrize("text", ["", "0", "two", "5-2", "1-", "-3", "1-99", "²", "1-2-3"])
    def test_refuses_the_rest(self, text: str) -> None:
        with pytest.raises(SpeakerCountError):
            parse_speakers(text)
