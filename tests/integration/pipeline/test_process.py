"""A recording on its way through the steps, in one process."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from tests.integration.pipeline.conftest import Installation, wait_until
from tests.integration.pipeline.stepwise import WINDOWS, WORDS_PER_WINDOW

from opentranscribe.features.jobs.sweeper import sweep
from opentranscribe.features.transcription.service import TranscriptionService
from opentranscribe.schema.jobs import Job
from opentranscribe.schema.speakers import Speaker, SpeakerProfile, Voiceprint
from opentranscribe.work import SYSTEM
from opentranscribe.work.access import RecordingNotFoundError
from opentranscribe.work.actor import Actor


def words_of(installation: Installation, file_uuid: object) -> list[str]:
    segments = installation.segments(file_uuid)  # type: ignore[arg-type]
    return [word["word"] for segment in segments for word in segment.words]


EXPECTED = [
    f"w{window}-{i}" + ("." if i == WORDS_PER_WINDOW - 1 else "")
    for window in range(WINDOWS)
    for i in range(WORDS_PER_WINDOW)
]


class TestProcess:
    def test_turns_a_recording_into_a_transcript_with_speakers(
        self, installation: Installation
    ) -> None:
        file_uuid = installation.add_file()
        assert installation.file(file_uuid).status == "pending"
        installation.run_jobs()
        file = installation.file(file_uuid)
        assert (file.status, file.language, file.whisper_model) == ("completed", "en", "base")
        assert file.duration == pytest.approx(20.0)
        assert words_of(installation, file_uuid) == EXPECTED
        assert [s.start_time for s in installation.segments(file_uuid)] == [0, 5, 10, 15]
        assert len({s.speaker_id for s in installation.segments(file_uuid)}) == 2
        assert all(len(s.text.split()) == len(s.words) for s in installation.segments(file_uuid))

    def test_leaves_nothing_behind(self, installation: Installation) -> None:
        file_uuid = installation.add_file()
        installation.run_jobs()
        assert installation.drafts(file_uuid) == []
        assert list(installation.settings.scratch_dir.iterdir()) == []
        job = installation.job(file_uuid)
        assert (job.status, job.progress, job.lease_owner) == ("succeeded", 1.0, None)
        assert {name: step.status for name, step in installation.steps(job).items()} == {
            "probe": "done",
            "decode": "done",
            "speech": "done",
            "transcribe": "done",
            "diarize": "done",
            "voiceprints": "done",
            "assign": "done",
            "save": "done",
            "thumbnail": "skipped",
        }

    def test_shows_drafts_while_it_decodes(self, installation: Installation) -> None:
        file_uuid = installation.add_file()
        installation.remote.hold("window2")
        thread = threading.Thread(target=installation.run_jobs)
        thread.start()
        wait_until(lambda: len(installation.drafts(file_uuid)) == 2)
        wait_until(lambda: installation.job(file_uuid).progress > 0.3)
        assert installation.file(file_uuid).status == "processing"
        installation.remote.release("window2")
        thread.join()
        assert installation.file(file_uuid).status == "completed"

    def test_without_diarization_nobody_is_named(self, installation: Installation) -> None:
        file_uuid = installation.add_file(disable_diarization=True)
        installation.run_jobs()
        assert installation.steps(installation.job(file_uuid))["diarize"].status == "skipped"
        assert {s.speaker_id for s in installation.segments(file_uuid)} == {None}
        assert words_of(installation, file_uuid) == EXPECTED

    def test_learns_how_fast_it_is(self, installation: Installation) -> None:
        installation.add_file()
        installation.run_jobs()
        file_uuid = installation.add_file()
        installation.remote.hold("window2")
        thread = threading.Thread(target=installation.run_jobs)
        thread.start()
        wait_until(lambda: installation.job(file_uuid).eta_seconds is not None)
        installation.remote.release("window2")
        thread.join()


class TestFailures:
    def test_a_damaged_file_is_told_and_not_tried_again(self, installation: Installation) -> None:
        installation.remote.fail("decode", "damaged")
        file_uuid = installation.add_file()
        installation.run_jobs()
        file = installation.file(file_uuid)
        assert (file.status, file.error_category) == ("error", "media_damaged")
        assert "damaged" in (file.last_error_message or "")
        job = installation.job(file_uuid)
        assert (job.status, job.attempt) == ("failed", 1)

    @pytest.mark.parametrize("how", ["away", "full", "memory"])
    def test_a_passing_failure_is_tried_again_later(
        self, installation: Installation, how: str
    ) -> None:
        installation.remote.fail("speech", how)
        file_uuid = installation.add_file()
        installation.run_jobs()
        job = installation.job(file_uuid)
        assert (job.status, job.attempt) == ("queued", 1)
        assert job.not_before is not None
        installation.remote.mend("speech")
        self._let_time_pass(installation)
        assert installation.file(file_uuid).status == "completed"
        assert installation.remote.visits("decode") == 1

    def test_a_lasting_failure_ends_after_three_tries(self, installation: Installation) -> None:
        installation.remote.fail("speech", "full")
        file_uuid = installation.add_file()
        installation.run_jobs()
        for _ in range(4):
            self._let_time_pass(installation)
        job = installation.job(file_uuid)
        assert (job.status, job.error_code) == ("failed", "disk_full")
        assert installation.remote.visits("speech") == 3
        assert installation.file(file_uuid).status == "error"
        assert "make room" in (installation.file(file_uuid).last_error_message or "")

    @pytest.mark.parametrize("point", ["speech", "diarize"])
    def test_an_outage_is_waited_for_however_often_it_is_met(
        self, installation: Installation, point: str
    ) -> None:
        installation.remote.fail(point, "outage")
        file_uuid = installation.add_file()
        installation.run_jobs()
        for _ in range(5):
            self._let_time_pass(installation)
        job = installation.job(file_uuid)
        assert (job.status, job.attempt) == ("queued", 0)
        assert "does not answer" in (job.message or "")
        installation.remote.mend(point)
        self._let_time_pass(installation)
        assert installation.file(file_uuid).status == "completed"
        assert words_of(installation, file_uuid) == EXPECTED
        assert installation.file(file_uuid).notices == []

    def test_a_missing_model_says_what_to_put_where(self, installation: Installation) -> None:
        installation.remote.fail("window0", "missing")
        file_uuid = installation.add_file()
        installation.run_jobs()
        file = installation.file(file_uuid)
        assert (file.status, file.error_category) == ("error", "model_missing")
        assert "put model.bin in /models/base" in (file.last_error_message or "")

    def test_diarization_fails_alone(self, installation: Installation) -> None:
        installation.remote.fail("diarize", "missing")
        file_uuid = installation.add_file()
        installation.run_jobs()
        file = installation.file(file_uuid)
        assert file.status == "completed"
        (notice,) = file.notices
        assert notice["code"] == "diarize_failed"
        assert "put model.bin in /models/base" in notice["message"]
        assert words_of(installation, file_uuid) == EXPECTED

    def test_a_retry_begins_anew(self, installation: Installation) -> None:
        installation.remote.fail("decode", "damaged")
        file_uuid = installation.add_file()
        installation.run_jobs()
        installation.remote.mend("decode")
        with installation.app.work(SYSTEM) as work:
            TranscriptionService(work, installation.app.kinds, "base").retry(file_uuid)
        installation.run_jobs()
        assert installation.file(file_uuid).status == "completed"

    def _let_time_pass(self, installation: Installation) -> None:
        with installation.app.work(SYSTEM) as work:
            work.session.execute(
                update(Job).where(Job.status == "queued").values(not_before=func.now())
            )
        sweep(installation.app.work, grace_seconds=0.0)
        installation.run_jobs()


class TestCancel:
    def test_a_waiting_job_is_cancelled_at_once(self, installation: Installation) -> None:
        file_uuid = installation.add_file()
        self._cancel(installation, file_uuid)
        assert installation.file(file_uuid).status == "cancelled"
        installation.run_jobs()
        assert installation.file(file_uuid).status == "cancelled"
        assert installation.remote.visits("probe") == 0

    @pytest.mark.parametrize("point", ["decode", "speech", "window0", "window2", "diarize"])
    def test_a_running_step_stops(self, installation: Installation, point: str) -> None:
        file_uuid = installation.add_file()
        installation.remote.hold(point)
        thread = threading.Thread(target=installation.run_jobs)
        thread.start()
        wait_until(lambda: installation.remote.waiting_at(point))
        self._cancel(installation, file_uuid)
        thread.join(60)
        assert not thread.is_alive()
        assert installation.file(file_uuid).status == "cancelled"
        assert installation.job(file_uuid).status == "cancelled"
        assert installation.drafts(file_uuid) == []
        assert installation.segments(file_uuid) == []
        assert list(installation.settings.scratch_dir.iterdir()) == []

    def _cancel(self, installation: Installation, file_uuid: object) -> None:
        with installation.app.work(SYSTEM) as work:
            service = TranscriptionService(work, installation.app.kinds, "base")
            service.cancel(file_uuid)  # type: ignore[arg-type]


class TestReprocess:
    def test_replaces_the_transcript_and_keeps_names_that_people_gave(
        self, installation: Installation
    ) -> None:
        file_uuid = installation.add_file()
        installation.run_jobs()
        first = {segment.uuid for segment in installation.segments(file_uuid)}
        self._name_first_speaker(installation)
        self._reprocess(installation, file_uuid, {})
        assert first == {segment.uuid for segment in installation.segments(file_uuid)}
        installation.run_jobs()
        assert first.isdisjoint(segment.uuid for segment in installation.segments(file_uuid))
        assert words_of(installation, file_uuid) == EXPECTED
        with installation.app.work(SYSTEM) as work:
            speakers = work.session.scalars(select(Speaker).order_by(Speaker.name)).all()
            prints = work.session.scalars(select(Voiceprint)).all()
        assert [s.display_name for s in speakers] == ["Ann", None]
        assert len(prints) == 2

    def test_can_tell_the_voices_apart_anew_and_keep_the_words(
        self, installation: Installation
    ) -> None:
        file_uuid = installation.add_file(disable_diarization=True)
        installation.run_jobs()
        decoded = installation.remote.visits("window0")
        self._reprocess(installation, file_uuid, {"stages": ["rediarize"]})
        installation.run_jobs()
        assert installation.remote.visits("window0") == decoded
        assert words_of(installation, file_uuid) == EXPECTED
        assert len({s.speaker_id for s in installation.segments(file_uuid)}) == 2

    def test_that_fails_keeps_what_was_there(self, installation: Installation) -> None:
        file_uuid = installation.add_file()
        installation.run_jobs()
        installation.remote.fail("decode", "damaged")
        self._reprocess(installation, file_uuid, {})
        installation.run_jobs()
        file = installation.file(file_uuid)
        assert file.status == "completed"
        assert "is kept" in file.notices[-1]["message"]
        assert words_of(installation, file_uuid) == EXPECTED

    def test_recognises_a_named_voice_in_the_next_recording(
        self, installation: Installation
    ) -> None:
        installation.add_file()
        installation.run_jobs()
        self._name_first_speaker(installation)
        installation.add_file()
        installation.run_jobs()
        with installation.app.work(SYSTEM) as work:
            later = work.session.scalars(
                select(Speaker).order_by(Speaker.media_file_id.desc(), Speaker.name).limit(2)
            ).all()
        assert [s.suggested_name for s in later] == ["Ann", None]
        assert later[0].suggestion_source == "voice_match"
        assert later[0].profile_id is not None
        assert later[0].verified is False
        assert later[0].display_name is None

    def test_is_refused_to_others(self, installation: Installation) -> None:
        file_uuid = installation.add_file()
        installation.run_jobs()
        stranger = Actor(user_id=999)
        with (
            pytest.raises(RecordingNotFoundError),
            installation.app.work(stranger) as work,
        ):
            TranscriptionService(work, installation.app.kinds, "base").reprocess(file_uuid, {})

    def _reprocess(
        self, installation: Installation, file_uuid: object, options: dict[str, object]
    ) -> None:
        with installation.app.work(SYSTEM) as work:
            service = TranscriptionService(work, installation.app.kinds, "base")
            service.reprocess(file_uuid, options)  # type: ignore[arg-type]

    def _name_first_speaker(self, installation: Installation) -> None:
        with installation.app.work(SYSTEM) as work:
            speaker = work.session.scalars(select(Speaker).order_by(Speaker.id).limit(1)).one()
            profile = SpeakerProfile(user_id=speaker.user_id, name="Ann")
            work.session.add(profile)
            work.session.flush()
            speaker.display_name = "Ann"
            speaker.profile_id = profile.id


class TestScratch:
    def test_sound_that_vanished_is_decoded_again(self, installation: Installation) -> None:
        file_uuid = installation.add_file()
        installation.remote.fail("speech", "away")
        installation.run_jobs()
        sound = next(Path(installation.settings.scratch_dir).rglob("audio.s16"))
        sound.unlink()
        installation.remote.mend("speech")
        TestFailures()._let_time_pass(installation)
        assert installation.file(file_uuid).status == "completed"
        assert installation.remote.visits("decode") == 2
