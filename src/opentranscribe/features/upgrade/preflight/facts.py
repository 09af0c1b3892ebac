"""What was found out about an installation, as plain values; the checks decide on these alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Generic, Literal, NoReturn, TypeAlias, TypeVar

from opentranscribe.features.upgrade.preflight.context import Context
from opentranscribe.kit.errors import UnavailableError

T = TypeVar("T")


class FactMissingError(UnavailableError):
    """``quiet``: there is nothing to look at, or another finding says why already."""

    code = "fact_missing"

    def __init__(self, reason: str, *, quiet: bool) -> None:
        super().__init__(reason)
        self.quiet = quiet


@dataclass(frozen=True)
class Known(Generic[T]):
    value: T


@dataclass(frozen=True)
class Missing:
    """Could not be found out; reading ``value`` raises FactMissingError with the reason."""

    reason: str
    quiet: bool = False

    @property
    def value(self) -> NoReturn:
        raise FactMissingError(self.reason, quiet=self.quiet)


Fact: TypeAlias = Known[T] | Missing


@dataclass(frozen=True)
class ReleaseParts:
    """``changed`` and ``missing`` are files of ``release.json``, out of ``looked_at``."""

    python: tuple[int, ...]
    looked_at: int = 0
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tools:
    """``major`` of the PostgreSQL client programs, None when there are none."""

    major: int | None
    where: str = ""


@dataclass(frozen=True)
class Server:
    """``clock_ahead_seconds`` is the server's clock minus ours; ages count transactions."""

    database: str
    role: str
    major: int
    size_bytes: int
    encoding: str
    collation_stored: str | None
    collation_actual: str | None
    most_connections: int
    used_connections: int
    read_only: bool
    standby: bool
    age: int
    clock_ahead_seconds: float
    statement_timeout_ms: int
    autovacuum: bool
    durable: bool
    damaged_pages: int


@dataclass(frozen=True)
class Rights:
    superuser: bool
    may_create_databases: bool
    may_create_schemas: bool
    may_create_tables: bool
    sees_other_sessions: bool


@dataclass(frozen=True)
class SchemaStanding:
    """What the schema is recognised as; ``revision`` is the nearest known one. ``differences``
    from it are sentences. ``target`` is where the release that is to come stands, seen from the
    database."""

    kind: Literal["empty", "exact", "drifted", "newer", "refused"]
    revision: str | None
    reason: str = ""
    differences: tuple[str, ...] = ()
    target: Literal["ahead", "same", "behind", "unknown"] = "unknown"


@dataclass(frozen=True)
class Session:
    """Somebody with a transaction open for ``seconds``; ``idle`` when it does nothing in it."""

    pid: int
    name: str
    seconds: float
    idle: bool


@dataclass(frozen=True)
class Waiting:
    pid: int
    blocked_by: tuple[int, ...]
    relation: str
    seconds: float


@dataclass(frozen=True)
class Locks:
    """``upgrade_holder`` describes who holds the lock that an upgrade takes."""

    waiting: tuple[Waiting, ...] = ()
    upgrade_holder: str | None = None
    upgrade_holder_pid: int | None = None


@dataclass(frozen=True)
class Slot:
    """``held_bytes`` of WAL cannot be removed because of it; ``ours`` when it reads this database."""

    name: str
    active: bool
    held_bytes: int
    ours: bool


@dataclass(frozen=True)
class SchemaObjects:
    """Names as SQL takes them. ``triggers`` are (table, name, is disabled)."""

    invalid_indexes: tuple[str, ...] = ()
    unavailable_extensions: tuple[str, ...] = ()
    lacking_extensions: tuple[str, ...] = ()
    triggers: tuple[tuple[str, str, bool], ...] = ()
    event_triggers: tuple[str, ...] = ()
    foreign_tables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Work:
    """Jobs and uploads; ``silent_jobs`` are said to run and nobody has renewed them."""

    running_jobs: int = 0
    silent_jobs: int = 0
    unfinished_uploads: int = 0
    alive_workers: int = 0
    known_workers: int = 0
    other_versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class MediaSample:
    looked_at: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disk:
    """One file system; ``inodes`` are those left, None where it does not count them."""

    folders: tuple[tuple[str, Path], ...]
    free_bytes: int
    inodes: int | None


@dataclass(frozen=True)
class Folder:
    """``mode`` are the permission bits; a folder that does not exist yet has ``mode`` None and
    stands for the parent it will be made in."""

    name: str
    path: Path
    mode: int | None
    uid: int
    writable: bool
    on_read_only: bool


@dataclass(frozen=True)
class Folders:
    """``open_secrets`` can be read by others, ``empty_secrets`` have nothing in them."""

    all: tuple[Folder, ...]
    uid: int
    open_secrets: tuple[str, ...] = ()
    empty_secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class EnvFile:
    """``template`` and ``old_template`` are the names a template knows, None without one."""

    mode: int | None = None
    trouble: str = ""
    bad_lines: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    template: frozenset[str] | None = None
    old_template: frozenset[str] | None = None


@dataclass(frozen=True)
class Unfinished:
    """``kind`` is update or restore; ``holders`` are processes that are at it now."""

    journals: tuple[tuple[str, Path], ...] = ()
    holders: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Port:
    name: str
    number: int
    state: Literal["free", "taken", "forbidden", "not_here"]


@dataclass(frozen=True)
class Releases:
    """``current`` is the name of the release that ``data/current`` points to; ``trouble`` says
    what is wrong with that link."""

    kept: tuple[str, ...]
    current: str | None
    trouble: str = ""


@dataclass(frozen=True)
class Models:
    """``foreign`` are files and folders that the owner of the installation cannot use."""

    foreign: tuple[str, ...] = ()
    looked_at: int = 0


@dataclass(frozen=True)
class Machine:
    memory_bytes: int | None
    open_files: int
    text_encoding: str
    temp: str
    temp_free_bytes: int
    temp_writable: bool
    newest_file_at: datetime | None


@dataclass(frozen=True)
class Services:
    """``strays`` are services that run although nothing supervises them."""

    last_failure: str = ""
    strays: tuple[int, ...] = ()
    logs_bytes: int = 0


@dataclass(frozen=True)
class Facts:
    context: Context
    release: Fact[ReleaseParts]
    tools: Fact[Tools]
    server: Fact[Server]
    rights: Fact[Rights]
    schema: Fact[SchemaStanding]
    sessions: Fact[tuple[Session, ...]]
    locks: Fact[Locks]
    prepared: Fact[tuple[str, ...]]
    slots: Fact[tuple[Slot, ...]]
    objects: Fact[SchemaObjects]
    work: Fact[Work]
    media: Fact[MediaSample]
    disks: Fact[tuple[Disk, ...]]
    folders: Fact[Folders]
    env: Fact[EnvFile]
    unfinished: Fact[Unfinished]
    kept_databases: Fact[tuple[str, ...]]
    ports: Fact[tuple[Port, ...]]
    releases: Fact[Releases]
    models: Fact[Models]
    machine: Fact[Machine]
    services: Fact[Services]
