"""The upgrading guide in containers: what people type, line by line, on a real engine."""

from __future__ import annotations

import re
import time

import httpx
import pytest
from tests.containers import images
from tests.containers.stack import PREFIX, Stack, Visitor
from tests.e2e.updating import EMAIL, PASSWORD, Wheels

SECRETS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "FLOWER_PASSWORD", "OPENTR_S3_SECRET_KEY")
IMAGES = ("backend", "frontend")
PSQL = "docker compose exec -T postgres psql -U postgres opentranscribe"
MISTAKE = "FasterWhisperRecognizer.transcribe = None"


@pytest.fixture(scope="module")
def place(stack_folder: Stack, wheels: Wheels) -> Stack:
    """Started by the one command, with an administrator; the images are the latest."""
    images.make_ours(stack_folder.engine, PREFIX, "v1.0.0", wheels["first"])
    for name in SECRETS:
        del stack_folder.settings[name]
    stack_folder.write_settings()
    started = stack_folder.sh("./opentr.sh start --compose")
    assert started.returncode == 0, started.stdout + started.stderr
    assert "/setup#token=" in started.stdout
    words = ("users", "create", EMAIL, "--admin", "--password-stdin")
    stack_folder.opentr(*words, stdin=PASSWORD)
    return stack_folder


@pytest.fixture(scope="module")
def visitor(place: Stack) -> Visitor:
    return Visitor(place.address)


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


class TestBefore:
    def test_the_first_start_wrote_secrets_and_gave_the_folders_away(self, place: Stack) -> None:
        settings = (place.home / ".env").read_text()
        assert "OPENTR_RUN_ON=compose" in settings
        assert all(re.search(rf"^{name}=\w{{40}}", settings, re.MULTILINE) for name in SECRETS)
        assert (place.home / "backups").stat().st_uid == 1000

    def test_a_backup_and_the_version(self, place: Stack) -> None:
        typed(place, "./opentr.sh backup")
        assert list((place.home / "backups").glob("opentranscribe_backup_*.sql"))
        assert typed(place, "cat VERSION") == "v1.0.0\n"
        ask = "curl -sf http://localhost:5174/api/health | python3 -m json.tool"
        assert '"healthy"' in typed(place, ask)


class TestUpdate:
    def test_one_that_breaks_puts_release_and_data_back(
        self, place: Stack, visitor: Visitor, wheels: Wheels
    ) -> None:
        images.make_ours(place.engine, PREFIX, "v1.1.0", wheels["second"])
        images.make_broken(place.engine, PREFIX, "v1.1.1", "v1.1.0", MISTAKE)
        assert add_word(visitor, "before") == 201
        done = place.sh("./opentr.sh update --yes")
        assert done.returncode == 6, done.stdout + done.stderr
        faults = re.findall(r"^✗ ([^:]+):", done.stdout, re.MULTILINE)
        assert faults == ["upload and transcribe"]
        assert "The release of before runs again" in done.stderr
        assert place.health()["version"] == "1.0.0"
        assert "v450" not in place.opentr("db", "history")
        assert words_of(visitor) == {"before"}
        assert add_word(visitor, "after") == 201

    def test_one_that_cannot_migrate_changes_nothing(self, place: Stack, wheels: Wheels) -> None:
        images.make_ours(place.engine, PREFIX, "v1.3.0", wheels["cannot migrate"])
        done = place.sh("./opentr.sh update --yes")
        assert done.returncode not in {0, 6}
        assert "Nothing was changed" in done.stdout
        assert place.health()["version"] == "1.0.0"

    def test_goes_to_the_named_version_and_keeps_everything(
        self, place: Stack, visitor: Visitor
    ) -> None:
        said = typed(place, "./opentr.sh update --version v1.1.0 --yes")
        assert "has proven itself" in said
        assert place.health()["version"] == "1.1.0"
        assert "v450" in place.opentr("db", "history")
        assert typed(place, "cat VERSION") == "v1.1.0\n"
        assert {"before", "after"} <= words_of(visitor)
        assert add_word(visitor, "newer") == 201

    def test_rolls_back_release_and_data(self, place: Stack, visitor: Visitor) -> None:
        typed(place, "./opentr.sh rollback --yes")
        assert place.health()["version"] == "1.0.0"
        assert words_of(visitor) == {"before", "after"}


class TestByHand:
    """The commands of the guide as they are printed, with our image names."""

    def test_pull_and_recreate(self, place: Stack) -> None:
        typed(place, "sed -i /^OPENTR_VERSION=/d .env && echo OPENTR_VERSION=v1.1.0 >> .env")
        typed(place, *(f"docker pull -q {PREFIX}-{name}:v1.1.0" for name in IMAGES))
        typed(place, "docker compose pull -q", "docker compose up -d --force-recreate --wait")
        assert place.health()["version"] == "1.1.0"

    def test_the_manual_rollback(self, place: Stack, visitor: Visitor) -> None:
        backup = max((place.home / "backups").glob("opentranscribe_backup_*.sql")).name
        ready = "docker compose exec -T postgres pg_isready -U postgres"
        typed(
            place,
            "docker compose down",
            "docker compose up -d postgres",
            f"until {ready}; do sleep 2; done",
            f"docker compose exec -T postgres psql -U postgres opentranscribe < backups/{backup}",
            "sed -i /^OPENTR_VERSION=/d .env",
        )
        for name in IMAGES:
            image = f"{PREFIX}-{name}"
            typed(place, f"docker pull -q {image}:v1.0.0")
            typed(place, f"docker tag {image}:v1.0.0 {image}:latest")
        typed(place, "docker compose up -d --wait")
        assert place.health()["version"] == "1.0.0"
        assert {"before", "after"} <= words_of(visitor)

    def test_a_restore_and_its_way_back(self, place: Stack, visitor: Visitor) -> None:
        backup = max((place.home / "backups").glob("opentranscribe_backup_*.sql")).name
        assert add_word(visitor, "later") == 201
        typed(place, f"./opentr.sh restore backups/{backup} --yes")
        assert "later" not in words_of(visitor)
        typed(place, "./opentr.sh restore --undo")
        assert "later" in words_of(visitor)

    def test_a_damaged_backup_changes_nothing(self, place: Stack, visitor: Visitor) -> None:
        backup = max((place.home / "backups").glob("opentranscribe_backup_*.sql"))
        (place.home / "half.sql").write_bytes(backup.read_bytes()[:-20_000])
        done = place.sh("./opentr.sh restore half.sql --yes")
        assert done.returncode == 2
        assert "Nothing was changed" in done.stderr
        assert "later" in words_of(visitor)


class TestAfterwards:
    @pytest.mark.parametrize(
        "command",
        [
            "./opentr.sh status",
            "docker compose ps",
            "docker compose logs backend --tail=50",
            "docker compose logs backend | grep -i 'alembic\\|migration\\|error'",
            "curl -sf http://localhost:5174/api/health | python3 -m json.tool",
            f"{PSQL} -c \"SELECT * FROM pg_locks WHERE locktype = 'advisory';\"",
            "docker compose up -d --wait --force-recreate celery-worker",
            "docker compose restart backend",
            "curl -sf http://localhost:5180/_cluster/health | python3 -m json.tool",
            "diff .env .env.example || test $? = 1",
            "./scripts/fix-model-permissions.sh 1000:1000",
            "chown -R 1000:1000 ${MODEL_CACHE_DIR:-./models}",
            "rm -rf ${MODEL_CACHE_DIR:-./models}/huggingface/hub/",
            "docker compose restart celery-worker",
            "./opentr.sh logs backend --tail 5",
            "./opentr.sh shell backend id",
        ],
    )
    def test_runs(self, place: Stack, command: str) -> None:
        typed(place, command)

    def test_a_search_finds_after_reindexing_all(self, place: Stack, visitor: Visitor) -> None:
        until = time.monotonic() + 60
        while visitor.http.get("/api/health").status_code != 200 and time.monotonic() < until:
            time.sleep(0.5)
        token = visitor.http.headers["Authorization"]
        answer = httpx.post(
            f"{place.api_address}/api/admin/reindex", headers={"Authorization": token}
        )
        assert answer.status_code == 202, answer.text

    def test_every_command_of_the_page_runs(self, place: Stack) -> None:
        typed(place, "sed -i /^OPENTR_VERSION=/d .env && echo OPENTR_VERSION=v1.1.0 >> .env")
        page = (images.ROOT / "docs" / "deployment" / "compose.md").read_text(encoding="utf-8")
        blocks = re.findall(r"^```shell\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        commands = "".join(blocks).splitlines()
        assert len(commands) > 5
        typed(place, *commands)
        assert place.health()["version"] == "1.1.0"

    def test_stop_leaves_nothing_running_and_keeps_everything(self, place: Stack) -> None:
        typed(place, "./opentr.sh stop")
        assert typed(place, "docker compose ps -q") == ""
        typed(place, "./opentr.sh start")
        assert "later" in words_of(Visitor(place.address))
