"""Voiceprints, waveforms and previews of recordings that came without, made from the recordings."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from opentranscribe.features.jobs.kinds import Kind, Kinds, StepRun, single_step_kind
from opentranscribe.features.jobs.service import JobService
from opentranscribe.features.takeover.queries import voices
from opentranscribe.features.takeover.queries.voices import Subject
from opentranscribe.features.transcription.pipeline import (
    THUMBNAIL_LATEST_SECONDS,
    THUMBNAIL_PART,
)
from opentranscribe.ports import Ports
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.progress import Progress
from opentranscribe.ports.queue import GPU
from opentranscribe.work import SYSTEM, Work, WorkFactory

NAME = "voiceprints.recompute"
#: Behind everything that somebody waits for.
PRIORITY = 9
DECODING_SHARE = 0.4


def recompute_kind(ports: Ports, scratch_dir: Path) -> Kind:
    return single_step_kind(
        NAME,
        GPU,
        "Learning the voices",
        partial(recompute, ports=ports, scratch_dir=scratch_dir),
        priority=PRIORITY,
    )


def recompute(run: StepRun, ports: Ports, scratch_dir: Path) -> None:
    """Of one recording. Done again after a crash, it finds what is there and does the rest."""
    if run.job.file_id is None:
        return
    with run.work(SYSTEM) as work:
        subject = voices.read_subject(work.session, run.job.file_id)
    if subject is None:
        return
    folder = scratch_dir / f"voices-{run.job.uuid}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _learn(run, ports, subject, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def create_jobs(work: WorkFactory, kinds: Kinds, file_ids: Sequence[int]) -> int:
    """One for each recording that has none waiting or at work; how many were made."""
    kind = kinds.find(NAME)
    assert isinstance(kind, Kind), "bootstrap registers voiceprints.recompute"
    with work(SYSTEM) as unit:
        owners = voices.owners_without_job(unit.session, NAME, file_ids)
        for file_id, user_id in owners:
            JobService(unit, kinds).create(kind, user_id=user_id, file_id=file_id)
    return len(owners)


def _learn(run: StepRun, ports: Ports, subject: Subject, folder: Path) -> None:
    sound, peaks = folder / "audio.s16", folder / "peaks.i16"
    source = ports.objects.local_path(subject.storage_key)
    decoded = ports.media_tools.decode(
        source, sound, peaks, _part(run.progress, 0.0, DECODING_SHARE)
    )
    keys = {}
    if not subject.has_peaks:
        keys["peaks_path"] = f"peaks/{subject.file_uuid}.i16"
        ports.objects.put_file(keys["peaks_path"], peaks)
    if not subject.has_thumbnail and ports.media_tools.probe(source).has_video:
        keys["thumbnail_path"] = f"thumbnails/{subject.file_uuid}.webp"
        picture = folder / "thumbnail.webp"
        at_seconds = min(decoded.duration_seconds * THUMBNAIL_PART, THUMBNAIL_LATEST_SECONDS)
        ports.media_tools.thumbnail(source, picture, at_seconds)
        ports.objects.put_file(keys["thumbnail_path"], picture)
    prints = ports.diarizer.embed_speakers(
        Pcm(sound),
        [speaker.spans for speaker in subject.speakers],
        _part(run.progress, DECODING_SHARE, 1.0 - DECODING_SHARE),
    )

    def write(work: Work) -> None:
        voices.set_keys(work.session, subject.file_id, **keys)
        for speaker, one in zip(subject.speakers, prints, strict=True):
            if one is not None:
                voices.put_print(work.session, subject, speaker, one)

    run.write(write)


def _part(progress: Progress, begin: float, share: float) -> Progress:
    return lambda fraction: progress(begin + share * fraction)
