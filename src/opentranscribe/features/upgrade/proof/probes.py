"""The probes: a table of what is done, each either works or says in a sentence what came instead.

They run in this order; later ones use what earlier ones brought. ``needs`` a recording, where the
installation has none yet and the speech of the proof could not be transcribed.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from opentranscribe.features.upgrade.proof.people import OwnedFile, Person
from opentranscribe.features.upgrade.proof.visitor import Answer, ProbeFailedError, Visitor

MULTIPART = "----opentranscribe-proof"
#: Transcribing one second takes one to two; a cold model or a busy machine a few more. As long as
#: the job's progress moves it is waited for.
STILL_SECONDS = 45.0
MOST_SECONDS = 180.0
#: A new transcript is found a moment after it is there.
INDEX_SECONDS = 15.0


class NotApplicableError(Exception):
    """There is nothing to try this on here; no failure."""


@dataclass
class Proof:
    """What the probes share. ``speech`` is a short WAV file, None where there is none."""

    visitor: Visitor
    person: Person
    owned: OwnedFile | None
    version: str
    speech: bytes | None
    #: The first bytes of what is stored under the owned recording.
    stored: bytes = b""
    signed_in: Visitor | None = None
    uploaded: str = ""
    said: str = ""
    events: list[str] = field(default_factory=list)

    @property
    def member(self) -> Visitor:
        if self.signed_in is None:
            raise ProbeFailedError("signing in did not work")
        return self.signed_in

    @property
    def owner(self) -> tuple[Visitor, OwnedFile]:
        """Somebody with a transcript: its owner, or where there is none yet, whoever uploaded."""
        if self.owned is not None:
            return replace(self.visitor, token=self.owned.token), self.owned
        if not self.said:
            raise NotApplicableError("there is no transcript yet")
        return self.member, OwnedFile(self.uploaded, "", self.said, self.member.token)


Act = Callable[[Proof], str]


def expect(claim: object, otherwise: str) -> None:
    if not claim:
        raise ProbeFailedError(otherwise)


def alive(proof: Proof) -> str:
    proof.visitor.get("/livez").require(200)
    return "The process lives."


def ready(proof: Proof) -> str:
    proof.visitor.get("/readyz").require(200)
    return "Requests may be sent."


def healthy(proof: Proof) -> str:
    health = proof.visitor.get("/api/health").require(200).json()
    bad = [one["name"] for one in health["dependencies"] if one["status"] == "unhealthy"]
    expect(not bad, f"unhealthy: {', '.join(bad)}")
    return f"{len(health['dependencies'])} parts answer."


def right_version(proof: Proof) -> str:
    found = proof.visitor.get("/api/version").require(200).json()["version"]
    expect(found == proof.version, f"{found} answers where {proof.version} should")
    return f"{found} answers."


def page(proof: Proof) -> str:
    shown = proof.visitor.get("/", Accept="text/html").require(200).body.decode()
    assets = re.findall(r'["\'](?:\.)?(/_app/[^"\']+\.js)["\']', shown)
    expect(assets, "the page names no script")
    proof.visitor.get(assets[0]).require(200)
    return "The page and its script are there."


def description(proof: Proof) -> str:
    described = proof.visitor.get("/api/openapi.json").require(200).json()
    return f"{len(described['paths'])} addresses are described."


def refuses_strangers(proof: Proof) -> str:
    proof.visitor.get("/api/files").require(401)
    return "Who is not signed in sees nothing."


def refuses_wrong_password(proof: Proof) -> str:
    _sign_in(proof, proof.person.email, "not this one " + uuid.uuid4().hex).require(401)
    return "A wrong password is refused."


def signs_in(proof: Proof) -> str:
    answer = _sign_in(proof, proof.person.email, proof.person.password).require(200)
    proof.signed_in = replace(proof.visitor, token=str(answer.json()["access_token"]))
    return "Somebody can sign in."


def refuses_foreign_pages(proof: Proof) -> str:
    body = b"{}"
    headers = {"Origin": "https://elsewhere.example", "Content-Type": "application/json"}
    proof.visitor.send("POST", "/api/auth/logout", body, headers).require(403)
    return "Pages of other sites change nothing."


def refuses_what_no_page_meant(proof: Proof) -> str:
    """A browser sends its cookies along whoever makes it ask; the token only our page has."""
    form = urlencode({"username": proof.person.email, "password": proof.person.password}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    opened = proof.visitor.send("POST", "/api/auth/login", form, headers).require(200)
    expect(opened.cookies, "signing in as a browser sets no cookie")
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in opened.cookies.items())}
    proof.visitor.send("GET", "/api/auth/me", headers=cookie).require(200)
    proof.visitor.send("POST", "/api/auth/logout", b"", cookie).require(403)
    return "A cookie alone changes nothing."


def settings(proof: Proof) -> str:
    proof.member.get("/api/user-settings/transcription").require(200)
    return "Settings can be read."


def workers(proof: Proof) -> str:
    found = proof.member.get("/api/system/stats").require(200).json()["workers"]
    queues = {queue for one in found for queue in one["queues"].split(",") if queue}
    kinds = {one["kind"] for one in found}
    missing = {"speech", "utility"} - queues
    expect(not missing, f"no worker for: {', '.join(sorted(missing))}")
    expect("scheduler" in kinds, "the scheduler gives no sign of life")
    wrong = {one["version"] for one in found} - {proof.version}
    expect(not wrong, f"a process of {', '.join(wrong)} is still at work")
    return f"{len(found)} processes give signs of life."


def uploads_speech(proof: Proof) -> str:
    if proof.speech is None:
        raise NotApplicableError("there is no speech at hand to try it with")
    body = _form(f"proof-{uuid.uuid4().hex[:8]}.wav", proof.speech)
    headers = {"Content-Type": f"multipart/form-data; boundary={MULTIPART}"}
    with proof.member.socket() as socket:
        answer = proof.member.send("POST", "/api/files", body, headers).require(201).json()
        proof.uploaded = str(answer["uuid"])
        moved, until = "", time.monotonic() + STILL_SECONDS
        last = time.monotonic() + MOST_SECONDS
        while time.monotonic() < min(until, last):
            proof.events += _drain(socket)
            file = proof.member.get(f"/api/files/{proof.uploaded}").require(200).json()
            if file["status"] == "completed":
                return "Speech became a transcript."
            expect(file["status"] not in {"error", "cancelled"}, f"it ended as {file['status']}")
            job = proof.member.get(f"/api/files/{proof.uploaded}/job").json()
            seen = json.dumps([job.get("progress"), job.get("status"), job.get("steps")])
            if seen != moved:
                moved, until = seen, time.monotonic() + STILL_SECONDS
    raise ProbeFailedError("transcribing does not move any more")


def live_events(proof: Proof) -> str:
    if not proof.uploaded:
        raise NotApplicableError("nothing was uploaded")
    expect(proof.events, "no live event came while a recording was worked on")
    return f"{len(proof.events)} live events came."


def lists_files(proof: Proof) -> str:
    found = proof.member.get("/api/files").require(200).json()
    if proof.uploaded:
        expect(proof.uploaded in json.dumps(found), "what was uploaded is not in the list")
    return "Recordings are listed."


def reads_uploaded(proof: Proof) -> str:
    shown = proof.member.get(f"/api/files/{_uploaded(proof)}/transcript").require(200).json()
    words = [word for one in shown["segments"] for word in str(one.get("text", "")).split()]
    expect(words, "speech became a transcript without words")
    proof.said = longest_word(words)
    return f"It has {len(words)} words."


def removes_uploaded(proof: Proof) -> str:
    path = f"/api/files/{_uploaded(proof)}"
    proof.member.send("DELETE", path).require(204)
    proof.member.get(path).require(404)
    return "It can be deleted."


def opens_transcript(proof: Proof) -> str:
    visitor, file = proof.owner
    shown = visitor.get(f"/api/files/{file.uuid}/transcript").require(200).json()
    expect(shown["segments"], "a transcript that had passages has none")
    return f"A transcript with {len(shown['segments'])} passages opens."


def names_speakers(proof: Proof) -> str:
    visitor, file = proof.owner
    shown = visitor.get(f"/api/files/{file.uuid}").require(200).json()
    expect(shown.get("uuid") == file.uuid, "another recording came")
    visitor.get("/api/speakers").require(200)
    return "Speakers can be read."


def plays_bytes(proof: Proof) -> str:
    visitor, file = proof.owner
    path = f"/api/files/{file.uuid}/content"
    part = visitor.get(path, Range="bytes=0-1023").require(206)
    expect(0 < len(part.body) <= 1024, f"{len(part.body)} bytes came for 1024")
    later = visitor.get(path, Range="bytes=512-1023").require(206)
    expect(part.body[512:] == later.body, "two ranges of the same bytes differ")
    kept = proof.stored if proof.owned is not None else (proof.speech or b"")
    expect(part.body == kept[:1024], "other bytes came than are stored")
    return "The recording plays from any place, byte by byte."


def waveform(proof: Proof) -> str:
    visitor, file = proof.owner
    answer = visitor.get(f"/api/files/{file.uuid}/waveform")
    if answer.status == 404:
        raise NotApplicableError("the newest recording has no waveform yet")
    answer.require(200)
    return "The waveform is served."


def finds_words(proof: Proof) -> str:
    visitor, file = proof.owner
    return _search(visitor, file, "keyword", "keyword_occurrences")


def finds_meaning(proof: Proof) -> str:
    visitor, file = proof.owner
    return _search(visitor, file, "hybrid", "total_occurrences")


def suggests(proof: Proof) -> str:
    visitor, _ = proof.owner
    visitor.get("/api/search/suggestions?q=th").require(200)
    return "Suggestions come."


def keeps_private(proof: Proof) -> str:
    if proof.owned is None:
        raise NotApplicableError("there is nobody else's recording")
    file = proof.owned
    proof.member.get(f"/api/files/{file.uuid}").require(404)
    return "Nobody sees another's recording."


def exports(kind: str, mark: str) -> Act:
    def export(proof: Proof) -> str:
        visitor, file = proof.owner
        answer = visitor.get(f"/api/files/{file.uuid}/export?format={kind}").require(200)
        expect(mark in answer.body.decode(), f"the {kind} file has no {mark!r}")
        return f"{len(answer.body)} bytes of {kind}."

    return export


def signs_out(proof: Proof) -> str:
    expect(proof.member.post("/api/auth/logout").status in {200, 204}, "signing out failed")
    proof.member.get("/api/files").require(401)
    return "A session that was ended lets nobody in."


def longest_word(words: Iterable[str]) -> str:
    """The one that is looked for; without the marks around it."""
    return max((word.strip(".,;:!?\"'()[]") for word in words), key=len)


def _sign_in(proof: Proof, email: str, password: str) -> Answer:
    form = urlencode({"username": email, "password": password}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return proof.visitor.send("POST", "/api/auth/token", form, headers)


def _search(visitor: Visitor, file: OwnedFile, mode: str, counted: str) -> str:
    """The recording itself must come, for its words."""
    query = f"/api/search?search_mode={mode}&file_uuid={file.uuid}&q={quote(file.word)}"
    until = time.monotonic() + INDEX_SECONDS
    while True:
        found = visitor.get(query).require(200).json()
        if any(one["file_uuid"] == file.uuid and one[counted] for one in found["results"]):
            break
        expect(time.monotonic() < until, f"a word of a transcript ({file.word}) is not found")
        time.sleep(0.2)
    return f"Found {found['total_results']} times in {found['search_time_ms']:.0f} ms."


def _uploaded(proof: Proof) -> str:
    if not proof.uploaded:
        raise NotApplicableError("nothing was uploaded")
    return proof.uploaded


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


PROBES: tuple[tuple[str, Act], ...] = (
    ("alive", alive),
    ("ready", ready),
    ("health", healthy),
    ("version", right_version),
    ("page", page),
    ("description of the API", description),
    ("strangers are refused", refuses_strangers),
    ("wrong password is refused", refuses_wrong_password),
    ("sign in", signs_in),
    ("foreign pages are refused", refuses_foreign_pages),
    ("requests of no page are refused", refuses_what_no_page_meant),
    ("settings", settings),
    ("workers and scheduler", workers),
    ("upload and transcribe", uploads_speech),
    ("live events", live_events),
    ("list of recordings", lists_files),
    ("transcript of the upload", reads_uploaded),
    ("open a transcript", opens_transcript),
    ("speakers", names_speakers),
    ("play by ranges", plays_bytes),
    ("waveform", waveform),
    ("search by words", finds_words),
    ("search by meaning", finds_meaning),
    ("suggestions", suggests),
    ("privacy", keeps_private),
    ("export txt", exports("txt", " ")),
    ("export srt", exports("srt", "-->")),
    ("export vtt", exports("vtt", "WEBVTT")),
    ("export json", exports("json", "segments")),
    ("delete", removes_uploaded),
    ("sign out", signs_out),
)
