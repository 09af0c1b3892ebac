"""Probes: whether a recording that is brought in becomes a transcript, before one's eyes."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from opentranscribe.features.upgrade.proof.people import longest_word
from opentranscribe.features.upgrade.proof.trial import NotApplicableError, Probes, Trial, expect
from opentranscribe.features.upgrade.proof.visitor import ProbeFailedError
from opentranscribe.ports.queue import QUEUES

MULTIPART = "----opentranscribe-proof"
#: Transcribing one second takes one to two; a cold model or a busy machine a few more. As long as
#: the job's progress moves it is waited for.
STILL_SECONDS = 45.0


def workers(trial: Trial) -> str:
    found = trial.member.get("/api/system/stats").require(200).json()["workers"]
    queues = {queue for one in found for queue in one["queues"].split(",") if queue}
    kinds = {one["kind"] for one in found}
    missing = set(QUEUES) - queues
    expect(not missing, f"no worker for: {', '.join(sorted(missing))}")
    expect("scheduler" in kinds, "the scheduler gives no sign of life")
    wrong = {one["version"] for one in found} - {trial.version}
    expect(not wrong, f"a process of {', '.join(wrong)} is still at work")
    return f"{len(found)} processes give signs of life."


def uploads_speech(trial: Trial) -> str:
    if trial.speech is None:
        raise NotApplicableError("there is no speech at hand to try it with")
    body = _form(f"proof-{uuid.uuid4().hex[:8]}.wav", trial.speech)
    headers = {"Content-Type": f"multipart/form-data; boundary={MULTIPART}"}
    with trial.member.socket() as socket:
        answer = trial.member.send("POST", "/api/files", body, headers).require(201).json()
        trial.uploaded = str(answer["uuid"])
        moved, until = "", time.monotonic() + STILL_SECONDS
        while time.monotonic() < min(until, trial.deadline):
            trial.events += _drain(socket)
            file = trial.member.get(f"/api/files/{trial.uploaded}").require(200).json()
            if file["status"] == "completed":
                return "Speech became a transcript."
            expect(file["status"] not in {"error", "cancelled"}, f"it ended as {file['status']}")
            job = trial.member.get(f"/api/files/{trial.uploaded}/job").json()
            seen = json.dumps([job.get("progress"), job.get("status"), job.get("steps")])
            if seen != moved:
                moved, until = seen, time.monotonic() + STILL_SECONDS
    if not trial.seconds_left:
        raise ProbeFailedError("transcribing took longer than the proof may")
    raise ProbeFailedError("transcribing does not move any more")


def live_events(trial: Trial) -> str:
    expect(trial.own_upload and trial.events, "no live event came while a recording was worked on")
    return f"{len(trial.events)} live events came."


def lists_files(trial: Trial) -> str:
    found = trial.member.get("/api/files").require(200).json()
    if trial.uploaded:
        expect(trial.uploaded in json.dumps(found), "what was uploaded is not in the list")
    return "Recordings are listed."


def reads_uploaded(trial: Trial) -> str:
    shown = trial.member.get(f"/api/files/{trial.own_upload}/transcript").require(200).json()
    words = [word for one in shown["segments"] for word in str(one.get("text", "")).split()]
    expect(words, "speech became a transcript without words")
    trial.said = longest_word(words)
    return f"It has {len(words)} words."


def removes_uploaded(trial: Trial) -> str:
    path = f"/api/files/{trial.own_upload}"
    trial.member.send("DELETE", path).require(204)
    trial.member.get(path).require(404)
    return "It can be deleted."


def _form(name: str, content: bytes) -> bytes:
    head = (
        f'--{MULTIPART}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: audio/wav\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{MULTIPART}--\r\n".encode()


def _drain(socket: Any) -> list[str]:
    """Types of the live events that came by now."""
    kinds = []
    while True:
        try:
            kinds.append(str(json.loads(socket.recv(timeout=0.1)).get("type")))
        except TimeoutError:
            return [kind for kind in kinds if kind not in {"connection_established", "echo"}]


PROBES: Probes = (
    ("workers and scheduler", workers),
    ("upload and transcribe", uploads_speech),
    ("live events", live_events),
    ("list of recordings", lists_files),
    ("transcript of the upload", reads_uploaded),
)
CLOSING: Probes = (("delete", removes_uploaded),)
