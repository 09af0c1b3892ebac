"""The same promises of a folder, a bucket and a folder over SSH, each the real thing."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest
from tests.contract.s3_server import S3Server

from opentranscribe.adapters.backup_stores.folder import FolderStore
from opentranscribe.adapters.backup_stores.s3 import S3Store
from opentranscribe.adapters.backup_stores.sftp import SftpStore, SshAccess
from opentranscribe.ports.backup_stores import BackupStore, StoreAwayError, StoreRefusedError

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


class SshServer:
    """OpenSSH's protocol by asyncssh, for one key, below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "served"
        self.folder.mkdir()
        self.key_file, self.known_hosts = folder / "key", folder / "known_hosts"
        client, host = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        client.write_private_key(str(self.key_file))
        self.key_file.chmod(0o600)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        listening = asyncio.run_coroutine_threadsafe(self._listen(client, host), self._loop)
        self._acceptor = listening.result(20)
        self.port = int(self._acceptor.get_port())
        public = host.export_public_key().decode().strip()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {public}\n")

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._acceptor.close()
        await self._acceptor.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _listen(self, client: asyncssh.SSHKey, host: asyncssh.SSHKey) -> asyncssh.SSHAcceptor:
        allowed = asyncssh.import_authorized_keys(client.export_public_key().decode())
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host],
            authorized_client_keys=allowed,
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(self.folder)),
        )

    def access(self, **changes: Path) -> SshAccess:
        files = {"key_file": self.key_file, "known_hosts": self.known_hosts, **changes}
        return SshAccess("127.0.0.1", self.port, "ann", **files)


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[SshServer]:
    (tmp_path / "ssh").mkdir()
    server = SshServer(tmp_path / "ssh")
    yield server
    server.stop()


@pytest.fixture
def bucket() -> Iterator[dict[str, str]]:
    server = S3Server("kept", KEYS["AWS_ACCESS_KEY_ID"])
    yield {**KEYS, "AWS_ENDPOINT_URL": server.address}
    server.stop()


@pytest.fixture(params=["folder", "bucket", "ssh"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BackupStore]:
    made: dict[str, Callable[[], BackupStore]] = {
        "folder": lambda: FolderStore(_made(tmp_path / "elsewhere")),
        "bucket": lambda: S3Store("kept", f"a/{tmp_path.name}", request.getfixturevalue("bucket")),
        "ssh": lambda: SftpStore(request.getfixturevalue("ssh").access(), "/backups"),
    }
    opened = made[request.param]()
    yield opened
    opened.close()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(os.urandom(300_000))
    return path


class TestBackupStore:
    def test_gives_back_what_was_put(
        self, store: BackupStore, source: Path, tmp_path: Path
    ) -> None:
        assert store.sizes() == {}
        store.put("content/ab", source)
        store.get("content/ab", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == source.read_bytes()

    def test_lists_names_and_bytes(self, store: BackupStore, source: Path) -> None:
        for name in ("content/ab", "content/cd", "one/files.json"):
            store.put(name, source)
        assert store.sizes() == dict.fromkeys(
            ("content/ab", "content/cd", "one/files.json"), 300_000
        )

    def test_putting_again_is_fine(self, store: BackupStore, source: Path) -> None:
        store.put("content/ab", source)
        store.put("content/ab", source)
        assert store.sizes() == {"content/ab": 300_000}

    def test_what_is_not_there_is_said(self, store: BackupStore, tmp_path: Path) -> None:
        with pytest.raises(StoreAwayError):
            store.get("content/none", tmp_path / "back")


class TestSftpStore:
    def test_a_machine_that_is_not_known_gets_nothing(
        self, ssh: SshServer, tmp_path: Path, source: Path
    ) -> None:
        (tmp_path / "empty").touch()
        store = SftpStore(ssh.access(known_hosts=tmp_path / "empty"), "/backups")
        with pytest.raises(StoreRefusedError, match="not known"):
            store.put("content/ab", source)
        store.close()
        assert list(ssh.folder.iterdir()) == []

    def test_a_wrong_key_is_refused(self, ssh: SshServer, tmp_path: Path) -> None:
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(tmp_path / "other"))
        store = SftpStore(ssh.access(key_file=tmp_path / "other"), "/backups")
        with pytest.raises(StoreRefusedError, match="OPENTR_BACKUP_SSH_KEY"):
            store.sizes()
        store.close()

    def test_comes_back_when_the_machine_does(self, ssh: SshServer, source: Path) -> None:
        store = SftpStore(ssh.access(), "/backups")
        store.put("content/ab", source)
        store._connection.abort()
        with pytest.raises(StoreAwayError):
            store.put("content/cd", source)
        store.put("content/cd", source)
        assert set(store.sizes()) == {"content/ab", "content/cd"}
        store.close()


class TestS3Store:
    def test_a_wrong_key_is_refused(self, bucket: dict[str, str]) -> None:
        store = S3Store("kept", "a", {**bucket, "AWS_ACCESS_KEY_ID": "other"})
        with pytest.raises(StoreRefusedError, match="AWS_ACCESS_KEY_ID"):
            store.sizes()

    def test_a_service_that_is_away_is_said(self, bucket: dict[str, str]) -> None:
        away = {**bucket, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
        with pytest.raises(StoreAwayError):
            S3Store("kept", "a", away).sizes()


class TestFolderStore:
    def test_a_disk_that_is_not_mounted_is_no_empty_folder(
        self, tmp_path: Path, source: Path
    ) -> None:
        with pytest.raises(StoreAwayError, match="no folder"):
            FolderStore(tmp_path / "not-mounted").put("content/ab", source)
