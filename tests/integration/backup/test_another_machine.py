"""A backup on a machine that never saw it: everything comes back, and a wrong key changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.backup.conftest import digests

from opentranscribe.adapters.objects.filesystem import FilesystemObjects
from opentranscribe.features.backup.errors import WrongRecoveryKeyError
from opentranscribe.features.backup.keys import KeyRing
from opentranscribe.features.backup.manifest import read_manifest
from opentranscribe.features.backup.service import BackupService
from opentranscribe.work import databases

OWN_ENV = "FRONTEND_PORT=6000\nDATABASE_URL=postgresql://here\n"


@pytest.fixture
def other(
    service: BackupService, other_database: Callable[[str], str], tmp_path: Path
) -> Iterator[BackupService]:
    """Another installation: its own folder, database, keys and store."""
    home = tmp_path / "other"
    for name in ("backups", "secrets", "scratch", "state", "objects"):
        (home / name).mkdir(parents=True)
    places = replace(
        service.places,
        backups_dir=home / "backups",
        secrets_dir=home / "secrets",
        env_file=home / ".env",
        scratch_dir=home / "scratch",
        state_dir=home / "state",
        models_dir=home / "models",
    )
    places.env_file.write_text(OWN_ENV)
    (places.secrets_dir / "postgres").write_text("other-password")
    KeyRing(places.secrets_dir).ensure()
    url = other_database(f"{databases.name_of(service.url)}_other")
    said: list[str] = []
    yield BackupService(places, url, FilesystemObjects(home / "objects"), said.append)
    assert not said or "m--one" in " ".join(said)


@pytest.fixture
def carried(service: BackupService, other: BackupService, tmp_path: Path) -> tuple[Path, str]:
    """A full backup carried over, and the recovery key on paper."""
    home, models = service.places.home, tmp_path / "models"
    (models / "hub" / "models--m--one").mkdir(parents=True)
    service = replace(service, places=replace(service.places, models_dir=models))
    service.places.env_file.write_text("FRONTEND_PORT=5199\nDATABASE_URL=postgresql://there\n#x\n")
    (service.places.secrets_dir / "postgres").write_text("password")
    (service.places.secrets_dir / "signing").write_text("signs")
    (home / "tls").mkdir()
    (home / "tls" / "server.pem").write_text("certificate")
    (home / "mine.override.yml").write_text("services: {}\n")
    made = service.create_full(is_encrypted=True)
    key = service.keys.peek_recovery_key()
    assert key
    service.keys.forget_recovery_key()
    target = other.places.backups_dir / made.name
    shutil.copytree(made.path, target)
    return target, key


def files_of(service: BackupService) -> dict[str, bytes]:
    folders = (service.places.home, *(service.places.home / n for n in ("secrets", "tls")))
    return {
        str(path): path.read_bytes()
        for folder in folders
        if folder.is_dir()
        for path in folder.iterdir()
        if path.is_file()
    }


class TestOnAnotherMachine:
    def test_everything_comes_back(
        self, service: BackupService, other: BackupService, carried: tuple[Path, str]
    ) -> None:
        path, key = carried
        aside = f"{databases.name_of(other.url)}_aside"
        other.restore_into(path, aside, key)
        try:
            assert digests(databases.with_name(other.url, aside)) == digests(service.url)
        finally:
            with databases.administer(other.url) as connection:
                databases.drop_database(connection, aside)
        assert other.restore_media(path, key) == 8
        for entry in read_manifest(path).media:
            read = [one.objects.local_path(entry.object).read_bytes() for one in (service, other)]
            assert read[0] == read[1]

    def test_settings_and_secrets_come_too_but_for_the_machines_own(
        self, other: BackupService, carried: tuple[Path, str]
    ) -> None:
        path, key = carried
        own_key = (other.places.secrets_dir / "backup-key").read_text()
        changed = other.restore_outer(path, "new", key)
        other.outer.settle()
        env = other.places.env_file.read_text()
        assert env.splitlines() == ["FRONTEND_PORT=5199", "#x", "DATABASE_URL='postgresql://here'"]
        secrets = other.places.secrets_dir
        assert (secrets / "signing").read_text() == "signs"
        assert (secrets / "postgres").read_text() == "other-password"
        assert (other.places.home / "tls" / "server.pem").read_text() == "certificate"
        assert (other.places.home / "mine.override.yml").exists()
        assert {".env", "secrets/signing", "secrets/backup-key", "tls/server.pem"} <= set(changed)
        assert other.keys.peek_recovery_key() is None
        copies = [one.read_text() for one in secrets.glob("backup-key.before-restore-*")]
        assert copies == [own_key]
        assert [one.read_text() for one in other.places.home.glob(".env.before-*")] == [OWN_ENV]

    def test_afterwards_backups_of_both_machines_open_without_the_recovery_key(
        self, other: BackupService, carried: tuple[Path, str]
    ) -> None:
        path, key = carried
        wrapped = other.keys.wrap(b"k" * 32)
        with pytest.raises(WrongRecoveryKeyError):
            other.open(path)
        other.restore_outer(path, "new", key)
        other.outer.settle()
        other.open(path)
        assert other.keys.unwrap(wrapped) == b"k" * 32

    @pytest.mark.parametrize("settled", [False, True])
    def test_they_go_back_when_the_restore_does(
        self, other: BackupService, carried: tuple[Path, str], *, settled: bool
    ) -> None:
        path, key = carried
        before = files_of(other)
        other.restore_outer(path, "new", key)
        assert other.outer.pending == "new"
        assert files_of(other) != before
        if settled:
            other.outer.settle()
            assert [other.outer.pending, other.outer.settled] == [None, "new"]
            other.outer.undo()
        else:
            other.outer.put_back()
        after = {name: one for name, one in files_of(other).items() if ".before-" not in name}
        assert after == before

    def test_a_wrong_recovery_key_is_refused_before_anything_changes(
        self, other: BackupService, carried: tuple[Path, str], tmp_path: Path
    ) -> None:
        path, _ = carried
        stranger = KeyRing(tmp_path / "stranger")
        stranger.ensure()
        before = files_of(other)
        with databases.administer(other.url) as connection:
            there = databases.list_databases(connection)
        for key in (None, stranger.peek_recovery_key()):
            with pytest.raises(WrongRecoveryKeyError, match="Nothing was changed"):
                other.require_restorable(path, key)
            with pytest.raises(WrongRecoveryKeyError):
                other.restore_into(path, "never", key)
            with pytest.raises(WrongRecoveryKeyError):
                other.restore_outer(path, "never", key)
        assert files_of(other) == before
        assert list(other.objects.list()) == []
        with databases.administer(other.url) as connection:
            assert databases.list_databases(connection) == there


class TestNeverStarted:
    def test_an_empty_database_is_told_from_one_with_tables(
        self, service: BackupService, other: BackupService
    ) -> None:
        assert other.is_empty()
        assert not service.is_empty()


class TestReconciling:
    def test_nobody_stays_signed_in_and_jobs_are_taken_up(self, service: BackupService) -> None:
        with databases.connect(service.url) as connection:
            connection.execute(
                "INSERT INTO user_session (user_id, kind, token_hash, expires_at)"
                " VALUES (1, 'browser', 'x', now() + interval '1 day');"
                "INSERT INTO job (kind, queue, status, lease_owner, max_attempts, priority, payload)"
                " VALUES ('k', 'q', 'running', 'gone', 3, 5, '{}')"
            )
        service.reconcile(databases.name_of(service.url))
        with databases.connect(service.url) as connection:
            assert connection.execute("SELECT count(*) FROM user_session").fetchall() == [(0,)]
            jobs = connection.execute("SELECT status, lease_owner FROM job").fetchall()
        assert jobs == [("queued", None)]
