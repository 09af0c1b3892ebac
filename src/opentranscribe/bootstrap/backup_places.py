"""Where copies of backups go, by the address that somebody gave."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from opentranscribe.adapters.backup_stores.folder import FolderStore
from opentranscribe.adapters.backup_stores.s3 import S3Store
from opentranscribe.adapters.backup_stores.sftp import SftpStore, SshAccess
from opentranscribe.ports.backup_stores import BackupStore, StoreRefusedError
from opentranscribe.settings import Settings


def build_backup_store(settings: Settings, url: str) -> BackupStore:
    """For a folder, ``s3://BUCKET/PREFIX`` or ``sftp://USER@HOST[:PORT]/PATH``. Raises
    StoreRefusedError for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port or 22
    except ValueError as error:
        raise StoreRefusedError(f"{url!r} is no place for backups: {error}.") from error
    if parts.password is not None:
        raise StoreRefusedError(
            "A password in an address can be read by everybody on this machine. Nothing was sent."
            " Name a key file in .env: OPENTR_BACKUP_SSH_KEY."
        )
    if parts.scheme == "s3" and parts.hostname:
        return S3Store(parts.netloc, parts.path.strip("/"), settings.written_variables())
    if parts.scheme == "sftp" and parts.hostname:
        access = SshAccess(
            parts.hostname,
            port,
            parts.username,
            settings.backup_ssh_key,
            settings.backup_known_hosts.expanduser(),
        )
        return SftpStore(access, unquote(parts.path))
    if parts.scheme or not url:
        raise StoreRefusedError(
            f"{url!r} is no place for backups. Give a folder, s3://BUCKET/PREFIX or"
            " sftp://USER@HOST/PATH."
        )
    return FolderStore(Path(url).expanduser().absolute())
