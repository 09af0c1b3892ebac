"""What people type from the first start to a rollback, in containers on a real engine."""

from __future__ import annotations

import re
import subprocess

import pytest
from tests.containers import images
from tests.containers.stack import PREFIX, Stack, Visitor, add_word, typed, words_of
from tests.e2e.updating import EMAIL, PASSWORD, Visitors, Wheels, sign_in

SECRETS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "FLOWER_PASSWORD", "OPENTR_S3_SECRET_KEY")
MISTAKE = ("FasterWhisperRecognizer.recognize = None", "adapters/asr/faster_whisper.py")
#: Its revision takes something away that the release of before needs.
CONTRACTS = ("OLDEST_READER = OLDEST_WRITER = 450", "schema/migrations/chain.py")


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
    def test_to_one_that_the_release_of_before_cannot_work_beside(
        self, place: Stack, visitor: Visitor, wheels: Wheels
    ) -> None:
        images.make_ours(place.engine, PREFIX, "v1.1.0", wheels["second"])
        images.make_other(place.engine, PREFIX, "v1.5.0", "v1.1.0", *CONTRACTS)
        assert add_word(visitor, "early") == 201
        first = typed(place, "docker compose ps -q backend").split()
        typed(place, "./opentr.sh update --yes")
        assert place.health()["version"] == "1.1.0"
        assert "v450" in place.opentr("db", "history")
        assert words_of(visitor) == {"early"}
        assert add_word(visitor, "late") == 201
        assert not set(first) & set(typed(place, "docker compose ps -q backend").split())
        typed(place, "./opentr.sh rollback --yes")
        assert place.health()["version"] == "1.0.0"
        assert "v450" not in place.opentr("db", "history")
        assert words_of(visitor) == {"early"}

    def test_one_that_breaks_puts_release_and_data_back(
        self, place: Stack, visitor: Visitor, wheels: Wheels
    ) -> None:
        images.make_ours(place.engine, PREFIX, "v1.1.0", wheels["second"])
        images.make_other(place.engine, PREFIX, "v1.1.1", "v1.1.0", *MISTAKE)
        assert add_word(visitor, "before") == 201
        done = place.sh("./opentr.sh update --yes")
        assert done.returncode == 6, done.stdout + done.stderr
        faults = re.findall(r"^✗ ([^:]+):", done.stdout, re.MULTILINE)
        assert faults[0] == "upload and transcribe"
        assert "The release of before runs again" in done.stderr
        assert place.health()["version"] == "1.0.0"
        assert "v450" not in place.opentr("db", "history")
        assert words_of(visitor) == {"early", "before"}
        assert add_word(visitor, "after") == 201


class TestWithTwoBackends:
    """An update disturbs nobody, whether it is kept or put back."""

    def test_both_answer_behind_both_ports(self, place: Stack) -> None:
        with (place.home / ".env").open("a") as settings:
            settings.write("OPENTR_BACKEND_REPLICAS=2\n")
        typed(place, "./opentr.sh start", "./opentr.sh status")
        assert len(typed(place, "docker compose ps -q backend").split()) == 2
        typed(place, "curl -sf http://localhost:5174/api/health")

    def test_goes_to_the_named_version_and_no_request_fails(
        self, place: Stack, visitor: Visitor
    ) -> None:
        assert no_request_fails(place, "./opentr.sh update --version v1.1.0 --yes").returncode == 0
        assert place.health()["version"] == "1.1.0"
        assert "v450" in place.opentr("db", "history")
        assert typed(place, "cat VERSION") == "v1.1.0\n"
        assert {"before", "after"} <= words_of(visitor)
        assert add_word(visitor, "newer") == 201
        typed(place, "./opentr.sh start", "./opentr.sh status")
        assert len(typed(place, "docker compose ps -q backend").split()) == 2

    def test_rolls_back_release_and_data(self, place: Stack, visitor: Visitor) -> None:
        typed(place, "./opentr.sh rollback --yes")
        assert place.health()["version"] == "1.0.0"
        assert {"before", "after"} <= words_of(visitor)
        assert "newer" not in words_of(visitor)
        assert "v450" not in place.opentr("db", "history")

    def test_one_that_breaks_is_put_back_and_no_request_fails(self, place: Stack) -> None:
        done = no_request_fails(place, "./opentr.sh update --yes")
        assert done.returncode == 6, done.stdout + done.stderr
        assert "The release of before runs again" in done.stderr
        assert place.health()["version"] == "1.0.0"
        # What the migration added stays, and the release of before works on with it.
        assert "v450" in place.opentr("db", "history")

    def test_one_that_cannot_migrate_changes_nothing(self, place: Stack, wheels: Wheels) -> None:
        images.make_ours(place.engine, PREFIX, "v1.3.0", wheels["cannot migrate"])
        done = place.sh("./opentr.sh update --yes")
        assert done.returncode not in {0, 6}
        assert "Nothing was changed" in done.stdout
        assert place.health()["version"] == "1.0.0"


def no_request_fails(place: Stack, command: str) -> subprocess.CompletedProcess[str]:
    """While somebody reads and somebody writes as fast as the answers come."""
    visitors = Visitors(place.address, sign_in(place.address))
    with visitors.busy():
        done = place.sh(command)
    answers = (set(visitors.statuses), set(visitors.read_statuses))
    said = "\n".join([*visitors.troubles, done.stdout, done.stderr])
    assert answers == ({201}, {200}), said
    assert visitors.missing() == []
    return done
