"""What people type when something went wrong, or without our script, on a real engine."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from tests.containers import images
from tests.containers.stack import PREFIX, Stack, Visitor, add_word, typed, words_of
from tests.e2e.updating import EMAIL, PASSWORD, Wheels

PSQL = "docker compose exec -T postgres psql -U postgres opentranscribe"
PAGE = images.ROOT / "docs" / "deployment" / "compose.md"


@pytest.fixture(scope="module")
def place(stack_folder: Stack, wheels: Wheels) -> Stack:
    """v1.0.0 runs under the name latest; v1.1.0 is at the registry under that name."""
    images.make_ours(stack_folder.engine, PREFIX, "v1.0.0", wheels["first"])
    typed(stack_folder, "./opentr.sh start --compose")
    words = ("users", "create", EMAIL, "--admin", "--password-stdin")
    stack_folder.opentr(*words, stdin=PASSWORD)
    images.make_ours(stack_folder.engine, PREFIX, "v1.1.0", wheels["second"])
    return stack_folder


@pytest.fixture(scope="module")
def visitor(place: Stack) -> Visitor:
    return Visitor(place.address)


def newest_backup(place: Stack) -> str:
    return max((place.home / "backups").glob("opentranscribe_backup_*.sql")).name


def blocks(kind: str) -> list[str]:
    """The command lines that the page has in its blocks of this kind."""
    page = PAGE.read_text(encoding="utf-8")
    found = re.findall(rf"^```{kind}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return "".join(found).splitlines()


def wait_for_version(place: Stack, version: str, seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            if place.health().get("version") == version:
                return
        except (httpx.HTTPError, ValueError):
            pass
        assert time.monotonic() < until, f"{version} does not answer"
        time.sleep(0.5)


@contextmanager
def killed_when(place: Stack, command: str, word: str) -> Iterator[None]:
    """``command``, killed as soon as ``word`` stands in the record of an update."""
    begun = place.begin(command)
    state = place.home / "data" / "compose" / "update"
    until = time.monotonic() + 200
    try:
        while not (state.exists() and word in state.read_text()):
            assert begun.poll() is None, "the update ended before it was killed"
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        if begun.poll() is None:
            os.killpg(begun.pid, signal.SIGKILL)
        begun.wait()
    yield


class TestAnUpdateThatIsKilled:
    def test_is_put_back_by_the_next_start(self, place: Stack, visitor: Visitor) -> None:
        assert add_word(visitor, "kept") == 201
        with killed_when(place, "./opentr.sh update --version v1.1.0 --yes", "copied"):
            assert add_word(visitor, "lost") == 503
        typed(place, "./opentr.sh start")
        assert place.health()["version"] == "1.0.0"
        assert words_of(visitor) == {"kept"}
        assert add_word(visitor, "afterwards") == 201
        assert not (place.home / "data" / "compose" / "update").exists()


class TestARestore:
    def test_goes_to_the_backup_and_can_be_taken_back(self, place: Stack, visitor: Visitor) -> None:
        typed(place, "./opentr.sh backup")
        assert add_word(visitor, "later") == 201
        typed(place, f"./opentr.sh restore backups/{newest_backup(place)} --yes")
        assert words_of(visitor) == {"kept", "afterwards"}
        typed(place, "./opentr.sh restore --undo")
        assert words_of(visitor) == {"kept", "afterwards", "later"}

    def test_of_a_damaged_file_changes_nothing_and_disturbs_nobody(
        self, place: Stack, visitor: Visitor
    ) -> None:
        since = 'docker inspect -f "{{.State.StartedAt}}" $(docker compose ps -q backend)'
        before = typed(place, since)
        whole = (place.home / "backups" / newest_backup(place)).read_bytes()
        (place.home / "half.sql").write_bytes(whole[:-20_000])
        done = place.sh("./opentr.sh restore half.sql --yes")
        assert done.returncode == 2
        assert "Nothing was changed" in done.stderr
        assert typed(place, since) == before
        assert "later" in words_of(visitor)


class TestSingleCommands:
    @pytest.mark.parametrize(
        "command",
        [
            "./opentr.sh status",
            "docker compose logs backend | grep -i 'alembic\\|migration\\|error'",
            f"{PSQL} -c \"SELECT * FROM pg_locks WHERE locktype = 'advisory';\"",
            "docker compose up -d --wait --force-recreate celery-worker",
            "diff .env .env.example || test $? = 1",
            "./scripts/fix-model-permissions.sh",
            "chown -R 1000:1000 ${MODEL_CACHE_DIR:-./models}",
            "docker compose restart celery-worker",
            "./opentr.sh logs backend --tail 5",
            "./opentr.sh shell backend id",
            "./opentr.sh search rebuild",
            "./opentr.sh search status",
            "docker compose restart backend",
        ],
    )
    def test_runs(self, place: Stack, command: str) -> None:
        typed(place, command)

    def test_reindexing_all_is_begun_over_the_api(self, place: Stack, visitor: Visitor) -> None:
        wait_for_version(place, "1.0.0")
        token = visitor.http.headers["Authorization"]
        ask = f"curl -s -w '%{{http_code}}' -X POST -H 'Authorization: {token}'"
        said = typed(place, f"{ask} http://localhost:5174/api/admin/reindex")
        assert said.endswith("202"), said


class TestThePage:
    def test_each_of_its_commands_runs_and_updates(self, place: Stack, visitor: Visitor) -> None:
        commands = blocks("shell")
        assert len(commands) > 5
        typed(place, *commands)
        assert place.health()["version"] == "1.1.0"
        assert "v450" in place.opentr("db", "history")
        assert "later" in words_of(visitor)

    def test_its_way_back_by_hand(self, place: Stack, visitor: Visitor) -> None:
        before = newest_backup(place)
        assert add_word(visitor, "newer") == 201
        for line in blocks("text"):
            command = line.replace("opentranscribe_backup_….sql", before)
            command = command.replace("opentranscribe/opentranscribe-", f"{PREFIX}-")
            command = command.replace("vPREVIOUS", "v1.0.0")
            typed(place, command)
            if "-backend" in command:
                typed(place, command.replace("-backend", "-frontend"))
        wait_for_version(place, "1.0.0")
        assert words_of(visitor) == {"kept", "afterwards", "later"}
        assert "v450" not in place.opentr("db", "history")

    def test_stop_leaves_nothing_running_and_keeps_everything(self, place: Stack) -> None:
        typed(place, "./opentr.sh stop")
        assert typed(place, "docker compose ps -q") == ""
        typed(place, "./opentr.sh start")
        assert "later" in words_of(Visitor(place.address))


class TestAtLast:
    def test_the_models_are_cleared(self, place: Stack) -> None:
        """After everything that transcribes: this machine need not have them a second time."""
        typed(place, "rm -rf ${MODEL_CACHE_DIR:-./models}/huggingface/hub/")
        assert not (place.home / "models" / "huggingface" / "hub").exists()
        assert place.health()["status"] != "unhealthy"
