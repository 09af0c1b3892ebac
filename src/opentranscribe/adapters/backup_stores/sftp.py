"""A folder on another machine, over SSH. Its key must be known beforehand, and ours be a file."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from opentranscribe.ports.backup_stores import StoreAwayError, StoreRefusedError

CONNECT_SECONDS = 20
DRAFT = ".part"


@dataclass(frozen=True)
class SshAccess:
    """``key_file`` None for the keys of whoever runs this."""

    host: str
    port: int
    user: str | None
    key_file: Path | None
    known_hosts: Path


class SftpStore:
    """The library is asynchronous; a thread of its own runs it."""

    def __init__(self, access: SshAccess, folder: str) -> None:
        if not access.known_hosts.is_file():
            raise StoreRefusedError(_unknown(access))
        self._access = access
        self._folder = PurePosixPath(folder or ".")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sftp", daemon=True)
        self._thread.start()
        self._connection: Any = None
        self._client: Any = None

    def sizes(self, below: str = "") -> dict[str, int]:
        return dict(self._do(self._list(self._folder / below)))

    def put(self, name: str, source: Path) -> None:
        self._do(self._put(self._folder / name, source))

    def get(self, name: str, target: Path) -> None:
        self._do(self._get(self._folder / name, target))

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        if self._connection is not None:
            self._connection.abort()
            await self._connection.wait_closed()
            await asyncio.sleep(0)

    async def _open(self) -> Any:
        import asyncssh  # noqa: PLC0415 - loaded only where somebody keeps backups over SSH

        if self._client is None:
            access = self._access
            self._connection = await asyncssh.connect(
                access.host,
                access.port,
                username=access.user or (),
                client_keys=[str(access.key_file)] if access.key_file else (),
                known_hosts=str(access.known_hosts),
                connect_timeout=CONNECT_SECONDS,
                keepalive_interval=15,
            )
            self._client = await self._connection.start_sftp_client()
        return self._client

    async def _list(self, start: PurePosixPath) -> list[tuple[str, int]]:
        client = await self._open()
        if not await client.isdir(str(start)):
            return []
        found = []
        for entry in await client.readdir(str(start)):
            if entry.filename in (".", ".."):
                continue
            path = start / str(entry.filename)
            if entry.attrs.type == 2:
                found += await self._list(path)
            elif path.suffix != DRAFT:
                found.append((str(path.relative_to(self._folder)), int(entry.attrs.size or 0)))
        return found

    async def _put(self, target: PurePosixPath, source: Path) -> None:
        client = await self._open()
        await client.makedirs(str(target.parent), exist_ok=True)
        draft = target.with_name(f".{target.name}{DRAFT}")
        await client.put(str(source), str(draft))
        await client.posix_rename(str(draft), str(target))

    async def _get(self, name: PurePosixPath, target: Path) -> None:
        client = await self._open()
        await client.get(str(name), str(target))

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        import asyncssh  # noqa: PLC0415

        where = f"sftp://{self._access.host}:{self._access.port}/{self._folder}"
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except asyncssh.HostKeyNotVerifiable as error:
            raise StoreRefusedError(_unknown(self._access)) from error
        except asyncssh.PermissionDenied as error:
            raise StoreRefusedError(
                f"{where} does not let us in. Set OPENTR_BACKUP_SSH_KEY to the file of a key that"
                " it knows."
            ) from error
        except (asyncssh.Error, OSError, TimeoutError) as error:
            self._client = self._connection = None
            raise StoreAwayError(f"{where} cannot be used: {error}.") from error


def _unknown(access: SshAccess) -> str:
    return (
        f"{access.host} is not known, or has another key than the one in {access.known_hosts}."
        " Nothing was sent. Ask its owner for the fingerprint of its key; when it is the one that"
        f" ssh-keyscan -p {access.port} {access.host} | ssh-keygen -lf - shows, add what"
        " ssh-keyscan prints to that file."
    )
