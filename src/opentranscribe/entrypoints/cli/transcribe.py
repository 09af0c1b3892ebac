"""``opentr transcribe``: files in, transcripts out, without a server or a database."""

from __future__ import annotations

import logging
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

from opentranscribe.bootstrap import build_engines
from opentranscribe.entrypoints.cli.main import EXIT_CODES
from opentranscribe.features.exports.rules import (
    WRITERS,
    DocumentSegment,
    DocumentWord,
    TranscriptDocument,
    UnknownFormatError,
    render,
)
from opentranscribe.features.jobs.local import LocalRun
from opentranscribe.features.library.rules import speaker_name
from opentranscribe.features.transcription.jobs import STEP_NOTICES
from opentranscribe.features.transcription.memory import MemoryStore
from opentranscribe.features.transcription.pipeline import Engines, Pipeline
from opentranscribe.features.transcription.steps import PROCESS_STEPS, THUMBNAIL
from opentranscribe.features.transcription.transcript import Transcript
from opentranscribe.features.transcription.wishes import Wishes
from opentranscribe.kit.errors import AppError, InvalidError, NotFoundError
from opentranscribe.kit.timecode import clock_text
from opentranscribe.ports.progress import Cancelled
from opentranscribe.settings import Settings

INTERRUPTED = 130
STEPS = tuple(step for step in PROCESS_STEPS if step is not THUMBNAIL)
EXTENSIONS = {"webvtt": "vtt"}
console = Console(stderr=True, highlight=False, soft_wrap=True)


class UnreadableFileError(NotFoundError):
    code = "file_not_found"


class SpeakerCountError(InvalidError):
    code = "speaker_count"


@dataclass(frozen=True)
class Run:
    """What is the same for all files of one call."""

    engines: Engines
    wishes: Wishes
    fmt: str
    folder: Path | None


def register(app: typer.Typer) -> None:
    app.command(help="Transcribe files here and now: no server, no database.")(transcribe)


def transcribe(
    files: Annotated[list[Path], typer.Argument(help="Recordings, sound or video.")],
    model: Annotated[str | None, typer.Option(help="Name or folder of the model.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Two-letter code; found out when left out.")
    ] = None,
    task: Annotated[
        str, typer.Option(help="transcribe, or translate (to English).")
    ] = "transcribe",
    speakers: Annotated[
        str | None, typer.Option(metavar="N|MIN-MAX", help="How many people speak.")
    ] = None,
    fmt: Annotated[str, typer.Option("--format", help="txt, srt, vtt or json.")] = "txt",
    output: Annotated[
        Path | None, typer.Option(help="Folder for the transcripts; else standard output.")
    ] = None,
    no_diarization: Annotated[
        bool, typer.Option("--no-diarization", help="Do not tell voices apart.")
    ] = False,
) -> None:
    """Progress goes to standard error, transcripts to standard output or into a folder."""
    logging.basicConfig(level="ERROR")
    fmt = fmt.lower()
    if fmt not in WRITERS:
        known = ", ".join(sorted(WRITERS))
        raise UnknownFormatError(f"There is no export format {fmt!r}; choose one of {known}.")
    settings = Settings.load()
    wishes = _wishes(settings, model, language, task, speakers)
    if no_diarization:
        wishes = wishes.changed_by({"disable_diarization": True})
    run = Run(build_engines(settings), wishes, fmt, output)
    codes = [_transcribe_one(run, file) for file in files]
    failed = [code for code in codes if code]
    if failed:
        raise typer.Exit(failed[0])


def _wishes(
    settings: Settings, model: str | None, language: str | None, task: str, speakers: str | None
) -> Wishes:
    if task not in ("transcribe", "translate"):
        raise InvalidError("--task is transcribe or translate.")
    least, most = parse_speakers(speakers)
    return Wishes(model=settings.whisper_model).changed_by(
        {
            "model": model,
            "language": language,
            "task": task,
            "min_speakers": least,
            "max_speakers": most,
        }
    )


def parse_speakers(text: str | None) -> tuple[int | None, int | None]:
    """``"3"`` is (3, 3), ``"2-5"`` is (2, 5), None is open. Raises SpeakerCountError."""
    if text is None:
        return None, None
    least, dash, most = text.strip().partition("-")
    bounds = (least, most if dash else least)
    if not all(bound.isascii() and bound.isdigit() and 1 <= int(bound) <= 50 for bound in bounds):
        raise SpeakerCountError("--speakers is a number from 1 to 50, or a range such as 2-5.")
    first, last = int(bounds[0]), int(bounds[1])
    if first > last:
        raise SpeakerCountError("--speakers wants the smaller number first, such as 2-5.")
    return first, last


def _transcribe_one(run: Run, file: Path) -> int:
    """The exit code for this file; what went wrong is said on standard error."""
    try:
        if not file.is_file():
            raise UnreadableFileError(f"There is no file {file}.")
        with tempfile.TemporaryDirectory(prefix="opentr-") as scratch:
            store = MemoryStore()
            pipeline = Pipeline(
                run.engines,
                store,
                source=file.resolve(),
                scratch=Path(scratch),
                wishes=run.wishes,
            )
            local = LocalRun(STEPS, pipeline, size=Pipeline.duration_seconds)
            watch(local, file.name)
        assert store.transcript is not None
        for warning in store.warnings:
            console.print(f"[yellow]![/] {file.name}: {warning}")
        for step, failure in local.failures.items():
            said = f"{STEP_NOTICES[step]} {failure.message}"
            console.print(f"[yellow]![/] {file.name}: {said}")
        _deliver(run, file, render(run.fmt, document_of(file, store.transcript)))
    except AppError as error:
        console.print(f"[bold red]✗[/] {file.name}: {error.message}")
        return EXIT_CODES.get(error.kind, 1)
    except Cancelled:
        console.print(f"[yellow]{file.name}: stopped.[/]")
        raise typer.Exit(INTERRUPTED) from None
    return 0


def _deliver(run: Run, file: Path, text: str) -> None:
    if run.folder is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    run.folder.mkdir(parents=True, exist_ok=True)
    target = run.folder / f"{file.stem}.{EXTENSIONS.get(run.fmt, run.fmt)}"
    target.write_text(text, encoding="utf-8")
    console.print(f"[green]✓[/] {target}")


def watch(local: LocalRun, title: str) -> None:
    """Run in a thread and show how far it is; raises what the run raised."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            local.run()
        except BaseException as error:  # noqa: BLE001 - handed to the main thread as it is
            errors.append(error)

    thread = threading.Thread(target=work, name="transcribe")
    with _stopping_on_interrupt(local), _bar() as bar:
        row = bar.add_task(title, total=1.0, what="", eta="")
        thread.start()
        while thread.is_alive():
            thread.join(0.2)
            seen = local.tracker.snapshot()
            labels = {step.name: step.label for step in STEPS}
            what = " and ".join(labels[name].lower() for name in seen.running)
            left = "" if seen.eta_seconds is None else f"{clock_text(seen.eta_seconds)} left"
            bar.update(row, completed=seen.progress, what=what, eta=left)
    if errors:
        raise errors[0]


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[eta]}"),
        TextColumn("[dim]{task.fields[what]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextmanager
def _stopping_on_interrupt(local: LocalRun) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, lambda *_: local.cancel())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def document_of(file: Path, transcript: Transcript) -> TranscriptDocument:
    recognition = transcript.recognition or {}
    names = {voice.number: speaker_name(voice.label, None) for voice in transcript.voices}
    return TranscriptDocument(
        title=file.stem,
        language=recognition.get("language"),
        duration=transcript.duration_seconds,
        model=recognition.get("model"),
        segments=tuple(
            DocumentSegment(
                start=one.start,
                end=one.end,
                text=one.text,
                speaker=None if one.speaker is None else names[one.speaker],
                words=tuple(DocumentWord(w.text, w.start, w.end, w.score) for w in one.words),
                confidence=one.confidence,
                is_overlap=one.overlap is not None,
                flags=one.flags,
            )
            for one in transcript.segments
        ),
    )
