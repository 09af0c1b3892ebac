"""``opentr import`` into an empty installation: people sign in, transcripts open and play."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.factories.media import encode_video
from tests.integration.supervisor.installation import Installation, eventually, free_port
from tests.integration.takeover.earlier import (
    DIFFICULT,
    HASHES,
    KEY,
    PASSWORD,
    Earlier,
    sha256,
)
from tests.upgrade.database import connect, one

from opentranscribe.settings import Settings

ENGINES = "".join(
    f"OPENTR_{name}_ENGINE=scripted\n" for name in ("RECOGNIZER", "DIARIZER", "ENCODER")
)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("taken-over")
    ports = f"FRONTEND_PORT={free_port()}\nBACKEND_PORT={free_port()}\n"
    (home / ".env").write_text(f"{ports}OPENTR_OFFLINE=true\n{ENGINES}")
    made = Installation(home)
    yield made
    made.run("stop")
    for process in made.processes():
        process.kill()


@pytest.fixture(scope="module")
def words(earlier: Earlier) -> list[str]:
    env = earlier.folder / "earlier.env"
    env.write_text(
        f"ENCRYPTION_KEY='{KEY}'\nPOSTGRES_PASSWORD=x\nDATABASE_URL=postgresql://db/x\n"
        "HUGGINGFACE_TOKEN=hf_abc\nACCOUNT_LOCKOUT_THRESHOLD=7\nDB_POOL_SIZE=many\n",
        encoding="utf-8",
    )
    dump = earlier.dump("custom.gz")
    return ["import", str(dump), "--media", str(earlier.bucket), "--env", str(env)]


@pytest.fixture(scope="module")
def report(installation: Installation, words: list[str]) -> dict[str, Any]:
    """Of the first import, into an installation that never ran."""
    done = installation.run(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Taken over" in done.stdout
    (path,) = (installation.home / "data" / "import").glob("*/report.json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {**content, "printed": done.stdout}


@pytest.fixture(scope="module")
def api(installation: Installation, report: dict[str, Any]) -> Iterator[httpx.Client]:
    """Signed in with the password of before."""
    started = installation.run("start")
    assert started.returncode == 0, started.stdout + started.stderr
    base = f"http://127.0.0.1:{installation.status()['backend_port']}"
    with httpx.Client(base_url=base, timeout=30) as client:
        client.headers.update(sign_in(client, "sha@example.org"))
        yield client


def sign_in(client: httpx.Client, email: str) -> dict[str, str]:
    form = {"username": email, "password": PASSWORD}
    answer = client.post("/api/auth/token", data=form)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def find_file(client: httpx.Client, title: str) -> dict[str, Any]:
    items = client.get("/api/files").json()["items"]
    found: dict[str, Any] = next(one for one in items if one["title"] == title)
    return found


class TestReport:
    def test_counts_what_came(self, report: dict[str, Any]) -> None:
        assert report["rows"]["media_file"] == 5
        assert report["users"] == {"keycloak": 1, "ldap": 1, "local": 4, "pki": 1}
        assert report["media"]["copied"] == 4
        assert [one["title"] for one in report["media"]["missing"]] == ["lost"]
        assert report["unfinished_files"] == 1
        assert report["jobs"]["voiceprints.recompute"] == 3
        assert report["safety_backup"] is None

    def test_says_what_to_do_next(self, report: dict[str, Any]) -> None:
        for said in (
            "1 user signed in by LDAP, which is not set up here yet",
            "broken@example.org has no password that can be checked",
            "missing: lost (sha@example.org)",
        ):
            assert said in report["printed"]

    def test_proposes_settings_without_touching_our_own(
        self, installation: Installation, report: dict[str, Any]
    ) -> None:
        assert report["settings"]["refused"] == ["DB_POOL_SIZE"]
        assert {"DATABASE_URL", "POSTGRES_PASSWORD"} <= set(report["settings"]["unused"])
        proposed = (installation.home / ".env.imported").read_text()
        assert "OPENTR_HUB_TOKEN=hf_abc" in proposed
        assert "OPENTR_LOCKOUT_THRESHOLD=7" in proposed
        assert "ENGINE=scripted" in (installation.home / ".env").read_text()

    def test_keeps_the_key_for_us_alone(
        self, installation: Installation, report: dict[str, Any]
    ) -> None:
        path = installation.home / "data" / "secrets" / "earlier-encryption-key"
        assert path.read_text(encoding="utf-8") == f"{KEY}\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert report["secrets"][0]["wrong_key"] == 0


class TestTakenOver:
    @pytest.mark.parametrize("email", HASHES)
    def test_everybody_signs_in_with_the_password_of_before(
        self, api: httpx.Client, email: str
    ) -> None:
        assert sign_in(api, email)

    def test_a_transcript_opens_as_it_was(self, api: httpx.Client) -> None:
        file = find_file(api, "take 0")
        page = api.get(f"/api/files/{file['uuid']}/transcript").json()
        texts = [one["text"] for one in page["segments"]]
        assert texts == ["Bananas of take 0", " ".join(DIFFICULT.split()), "x" * 3000]

    def test_a_recording_plays_byte_for_byte(self, api: httpx.Client, earlier: Earlier) -> None:
        file = find_file(api, "take 0")
        original = earlier.bucket / "user_1" / "file_take_0" / "take 0.wav"
        whole = original.read_bytes()
        part = {"Range": "bytes=1000-1999"}
        answer = api.get(f"/api/files/{file['uuid']}/content", headers=part)
        assert (answer.status_code, answer.content) == (206, whole[1000:2000])
        assert api.get(f"/api/files/{file['uuid']}/content").content == whole

    def test_a_missing_recording_can_be_read_but_not_played(self, api: httpx.Client) -> None:
        file = find_file(api, "lost")
        assert api.get(f"/api/files/{file['uuid']}/transcript").json()["segments"]
        assert api.get(f"/api/files/{file['uuid']}/content").status_code == 404

    def test_what_was_not_finished_can_be_tried_again(self, api: httpx.Client) -> None:
        file = find_file(api, "half")
        assert file["status"] == "error"
        again = api.post(f"/api/files/{file['uuid']}/retry")
        assert again.status_code in {200, 201, 202}, again.text
        assert eventually(lambda: find_file(api, "half")["status"] == "completed")

    def test_it_is_found(self, api: httpx.Client) -> None:
        def hits() -> int:
            return len(api.get("/api/search", params={"q": "bananas"}).json()["results"])

        assert eventually(lambda: hits() >= 1)

    def test_voices_and_waveforms_are_made_anew(
        self, installation: Installation, api: httpx.Client
    ) -> None:
        def finished() -> bool:
            jobs = api.get("/api/tasks", params={"page_size": 100}).json()["items"]
            own = [one for one in jobs if one["kind"] == "voiceprints.recompute"]
            return bool(own) and all(one["status"] == "succeeded" for one in own)

        assert eventually(finished), api.get("/api/tasks").text
        file = find_file(api, "take 0")
        assert api.get(f"/api/files/{file['uuid']}/waveform").status_code == 200
        with connect(Settings.load(installation.home).sqlalchemy_url) as connection:
            prints = "SELECT count(DISTINCT speaker_id) FROM voiceprint WHERE model = 'scripted'"
            assert one(connection, prints) >= 3


class TestRecordingsAlone:
    def test_come_in_later_without_touching_anything_else(
        self, installation: Installation, api: httpx.Client, tmp_path: Path
    ) -> None:
        source = tmp_path / "found" / find_lost(installation)
        source.parent.mkdir(parents=True)
        encode_video(tmp_path / "video.mp4", 3.0).rename(source)
        before = find_file(api, "take 0")
        done = installation.run("import", "--media", str(tmp_path / "found"))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 recordings taken, 0 missing" in done.stdout
        file = find_file(api, "lost")
        content = api.get(f"/api/files/{file['uuid']}/content").content
        assert content == source.read_bytes()
        assert find_file(api, "take 0") == before
        picture = f"/api/files/{file['uuid']}/thumbnail"
        assert eventually(lambda: api.get(picture).status_code == 200)


def find_lost(installation: Installation) -> str:
    """The key of the recording that was not in the bucket."""
    with connect(Settings.load(installation.home).sqlalchemy_url) as connection:
        return str(one(connection, "SELECT storage_path FROM media_file WHERE title = 'lost'"))


class TestSecondImport:
    def test_asks_before_it_replaces_anything(
        self, installation: Installation, api: httpx.Client, words: list[str]
    ) -> None:
        refused = installation.run(*words)
        assert refused.returncode == 5, refused.stdout + refused.stderr
        assert "--yes" in refused.stderr
        assert find_file(api, "take 0")

    def test_replaces_with_yes_after_a_backup_and_copies_nothing_twice(
        self, installation: Installation, api: httpx.Client, words: list[str], earlier: Earlier
    ) -> None:
        done = installation.run(*words, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        newest = max((installation.home / "data" / "import").glob("*/report.json"))
        second = json.loads(newest.read_text())
        assert (second["media"]["copied"], second["media"]["present"]) == (0, 4)
        assert Path(second["safety_backup"]).exists()
        api.headers.update(sign_in(api, "sha@example.org"))
        file = find_file(api, "take 0")
        stored = installation.home / "data" / "objects" / "media" / file["uuid"]
        source = earlier.bucket / "user_1" / "file_take_0" / "take 0.wav"
        assert sha256(stored) == sha256(source)

    def test_a_wrong_key_is_found_before_anything_is_changed(
        self, installation: Installation, api: httpx.Client, words: list[str], earlier: Earlier
    ) -> None:
        wrong = earlier.folder / "wrong.env"
        wrong.write_text("ENCRYPTION_KEY=something else\n")
        refused = installation.run(*words[:-1], str(wrong))
        assert refused.returncode == 5
        assert "keys of language models: 1 of 1 tried cannot be read" in refused.stdout
        assert "ENCRYPTION_KEY" in refused.stderr
        assert find_file(api, "take 0")
