"""People who upload, read and search all the while, and remember every answer."""

from __future__ import annotations

import io
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

#: An answer that takes longer is none.
PATIENCE_SECONDS = 15.0
PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` is the kind of error where none came."""

    backend: str
    asked: str
    status: int | str
    retry_after: bool
    seconds: float

    @property
    def is_fair(self) -> bool:
        """What was wanted, or the word to come again. 507 is what the store itself says until it
        has found its volumes."""
        return self.status in {200, 201} or (self.status in {503, 507} and self.retry_after)


@dataclass
class Traffic:
    """``speech`` is a recording; every upload is a different one."""

    backends: list[str]
    token: str
    speech: Path
    answers: list[Answer] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    _number: int = 0

    @contextmanager
    def busy(self) -> Iterator[None]:
        stop = threading.Event()
        threads = [threading.Thread(target=self._upload, args=(stop,))]
        threads += [
            threading.Thread(target=self._read, args=(backend, stop)) for backend in self.backends
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def unfair(self, *, not_from: str = "") -> list[Answer]:
        return [one for one in self.answers if one.backend != not_from and not one.is_fair]

    def _upload(self, stop: threading.Event) -> None:
        clients = [self._client(backend) for backend in self.backends]
        while not stop.is_set():
            self._number += 1
            sound = self._sound(self._number)
            # Whoever gets no answer asks the other: the same recording is not taken twice.
            for attempt in range(100):
                client = clients[(self._number + attempt) % len(clients)]
                answer = self._ask(client, "POST", "/api/files", files={"file": ("a.wav", sound)})
                if answer is not None and answer.status_code in {200, 201}:
                    self.acknowledged.add(answer.json()["uuid"])
                    break
                if stop.wait(PAUSE_SECONDS):
                    break
            stop.wait(PAUSE_SECONDS)

    def _read(self, backend: str, stop: threading.Event) -> None:
        client = self._client(backend)
        while not stop.wait(PAUSE_SECONDS / 2):
            for path in ("/api/files", "/api/search?q=this", *self._pages_of_one()):
                self._ask(client, "GET", path)

    def _pages_of_one(self) -> list[str]:
        one = next(iter(self.acknowledged), None)
        return [f"/api/files/{one}/transcript", f"/api/files/{one}/content"] if one else []

    def _ask(
        self, client: httpx.Client, method: str, path: str, **options: object
    ) -> httpx.Response | None:
        begun = time.monotonic()
        answer: httpx.Response | None = None
        retry_after = False
        status: int | str
        try:
            answer = client.request(method, path, **options)  # type: ignore[arg-type]
            status, retry_after = answer.status_code, "Retry-After" in answer.headers
        except httpx.HTTPError as error:
            status = type(error).__name__
        taken = time.monotonic() - begun
        asked = f"{method} {path.partition('?')[0]}"
        self.answers.append(Answer(str(client.base_url), asked, status, retry_after, taken))
        return answer

    def _client(self, backend: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=backend, headers=headers, timeout=PATIENCE_SECONDS)

    def _sound(self, number: int) -> bytes:
        made = io.BytesIO()
        with wave.open(str(self.speech)) as source, wave.open(made, "wb") as sink:
            sink.setparams(source.getparams())
            sink.writeframes(source.readframes(source.getnframes()) + bytes(2 * number))
        return made.getvalue()
