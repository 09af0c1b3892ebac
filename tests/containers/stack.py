"""The services of compose.yaml, and somebody who uses them through the front door."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.containers.engine import Engine
from tests.containers.images import ROOT
from tests.e2e.updating import EMAIL, PASSWORD, free_port

#: Whoever publishes images chooses the name in .env; the tests do as well.
PREFIX = "acme/opentranscribe"
OUTER = (
    *("compose.yaml", "compose.gpu.yaml", "compose.dev.yaml", "opentr.sh", ".env.example"),
    *("scripts/compose.sh", "scripts/compose_parts.sh", "scripts/compose_replace.sh"),
    *("scripts/compose_put_back.sh", "scripts/compose_update.sh"),
    *("scripts/fix-model-permissions.sh", "CHANGELOG.md", "VERSION"),
)
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {"Content-Type": "application/offset+octet-stream"}


@dataclass
class Stack:
    engine: Engine
    home: Path

    def lay_out(self, version: str, models: Path) -> None:
        """What an operator has in the folder before the first start."""
        for name in OUTER:
            (self.home / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, self.home / name)
        (self.home / "backups").mkdir()
        shutil.copytree(models, self.home / "models", symlinks=True)
        # As docs and scripts/fix-model-permissions.sh say: the user of the containers.
        ours = [self.home / "backups", self.home / "models", *(self.home / "models").rglob("*")]
        for path in ours:
            if not path.is_symlink():
                shutil.chown(path, 1000, 1000)
        self.settings = {
            "COMPOSE_PROJECT_NAME": self.home.name.replace("_", ""),
            "OPENTR_IMAGE_PREFIX": PREFIX,
            **({} if version == "latest" else {"OPENTR_VERSION": version}),
            "POSTGRES_PASSWORD": secrets.token_hex(16),
            "REDIS_PASSWORD": secrets.token_hex(16),
            "FLOWER_PASSWORD": secrets.token_hex(16),
            "OPENTR_S3_SECRET_KEY": secrets.token_hex(16),
            "FRONTEND_PORT": str(free_port()),
            "BACKEND_PORT": str(free_port()),
            "FLOWER_PORT": str(free_port()),
            "OPENSEARCH_PUBLISHED_PORT": str(free_port()),
            "OPENSEARCH_HEAP": "512m",
        }
        self.write_settings()

    def write_settings(self) -> None:
        lines = [f"{name}={value}\n" for name, value in self.settings.items()]
        (self.home / ".env").write_text("".join(lines))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.settings['FRONTEND_PORT']}"

    @property
    def api_address(self) -> str:
        return f"http://127.0.0.1:{self.settings['BACKEND_PORT']}"

    @property
    def search_address(self) -> str:
        return f"http://127.0.0.1:{self.settings['OPENSEARCH_PUBLISHED_PORT']}"

    def compose(self, *words: str, stdin: str | None = None, check: bool = True) -> str:
        """``docker compose`` in the folder; what it printed."""
        done = subprocess.run(
            ["docker", "compose", *words],
            cwd=self.home,
            env=self.engine.environment,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if check and done.returncode != 0:
            logs = self.compose("logs", "--tail=30", "--no-color", check=False)[-6000:]
            said = f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
            raise AssertionError(f"compose {words}: {said}\n{logs}")
        return done.stdout

    def sh(self, command: str, seconds: float = 600.0) -> subprocess.CompletedProcess[str]:
        """A line that somebody types in the folder, with this stack's ports and image names."""
        ports = {
            "5173": "FRONTEND_PORT",
            "5174": "BACKEND_PORT",
            "5180": "OPENSEARCH_PUBLISHED_PORT",
        }
        for port, name in ports.items():
            command = command.replace(f"localhost:{port}", f"localhost:{self.settings[name]}")
        return subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=self.home,
            env=self.engine.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def begin(self, command: str) -> subprocess.Popen[bytes]:
        """In a process group of its own, whose id is that of the process."""
        return subprocess.Popen(
            ["/bin/bash", "-c", command],
            cwd=self.home,
            env=self.engine.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def opentr(self, *words: str, stdin: str | None = None) -> str:
        return self.compose("exec", "-T", "backend", "opentr", *words, stdin=stdin)

    def health(self) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(f"{self.address}/api/health", timeout=10).json()
        return answer


class Visitor:
    """Signed in through the front door."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(base_url=address, timeout=30)
        answer = self.http.post("/api/auth/token", data={"username": EMAIL, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def upload(self, content: bytes) -> str:
        """The uuid of the file, by the resumable protocol in two pieces."""
        half = len(content) // 2
        begun = self.http.post(
            "/api/uploads",
            headers={
                **TUS,
                "Upload-Length": str(len(content)),
                "Upload-Metadata": "filename dGFsay53YXY=",
            },
        )
        assert begun.status_code == 201, begun.text
        location = begun.headers["Location"]
        for offset, piece in ((0, content[:half]), (half, content[half:])):
            headers = {**TUS, **PIECE, "Upload-Offset": str(offset)}
            sent = self.http.patch(location, content=piece, headers=headers)
            assert sent.status_code == 204, sent.text
        file_uuid: str = self.http.get(f"{location}/result").json()["file_id"]
        return file_uuid

    def wait_until_done(self, file_uuid: str, seconds: float = 300.0) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found: dict[str, Any] = self.http.get(f"/api/files/{file_uuid}").json()
            if found["status"] in {"completed", "error"}:
                return found
            time.sleep(1.0)
        raise AssertionError(f"still {found['status']} after {seconds:.0f} s")

    def finds(self, word: str, file_uuid: str, seconds: float = 30.0) -> bool:
        """Indexing follows the transcript within moments."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if file_uuid in self.http.get("/api/search", params={"q": word}).text:
                return True
            time.sleep(0.5)
        return False


def typed(place: Stack, *commands: str) -> str:
    """Each ends well; what the last one printed."""
    for command in commands:
        done = place.sh(command)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def words_of(visitor: Visitor) -> set[str]:
    return {one["term"] for one in visitor.http.get("/api/custom-vocabulary").json()}


def add_word(visitor: Visitor, word: str) -> int:
    return visitor.http.post("/api/custom-vocabulary", json={"term": word}).status_code
