"""The way of a takeover, in the order in which the command calls it.

``read`` → ``try_key`` → ``carry_media`` → ``settle`` → (jobs are made by the caller, aside too) →
``put_in_place``. Until the last one the live installation is not touched, and ``discard`` removes
whatever was made.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from opentranscribe.features.takeover.dumps import load_dump
from opentranscribe.features.takeover.errors import DumpUnsuitableError, TakeoverRunningError
from opentranscribe.features.takeover.media import MediaCarrier, Watch
from opentranscribe.features.takeover.media_sources import MediaSource
from opentranscribe.features.takeover.programs import Programs
from opentranscribe.features.takeover.queries import contents as queries
from opentranscribe.features.takeover.report import TakeoverReport
from opentranscribe.features.takeover.scratch import (
    Scratch,
    drop_scratch,
    make_scratch,
    put_in_place,
    take_back,
)
from opentranscribe.features.takeover.sealed import try_key
from opentranscribe.kit import clock
from opentranscribe.kit.legacy_passwords import is_legacy_hash
from opentranscribe.ports.objects import Objects
from opentranscribe.schema.migrations.errors import RevisionFailedError, SchemaUnsuitableError
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.work.databases import Connection, connect, name_of

COUNTED = ("user", "media_file", "transcript_segment", "speaker", "speaker_profile", "comment")
OUR_HASH = "$argon2"

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Places:
    """``state_dir`` keeps reports and what a second try can use; ``scratch_dir`` lies on the disk
    of the recordings."""

    bin_dir: Path
    state_dir: Path
    scratch_dir: Path


@dataclass(frozen=True)
class LiveContents:
    users: int
    files: int


@dataclass
class Takeover:
    places: Places
    url: str
    dump: Path
    tell: Tell
    scratch: Scratch | None = None
    report: TakeoverReport = field(init=False)
    _carried: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        now = clock.now()
        self.report = TakeoverReport(
            f"{now:%Y%m%d_%H%M%S}", str(self.dump), now.isoformat(timespec="seconds")
        )

    @property
    def aside(self) -> str:
        """URL of the database that is being made ready."""
        assert self.scratch is not None, "read comes first"
        return self.scratch.url

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One import at a time. Raises TakeoverRunningError."""
        self.places.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.places.state_dir / "lock").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise TakeoverRunningError("Another import is at work. Wait for it.") from error
            yield

    def read(self) -> None:
        """The dump, brought to the newest schema, aside. Raises DumpUnsuitableError,
        DumpDamagedError, DatabaseAwayError."""
        self.scratch = make_scratch(self.url)
        self.tell(f"Reading {self.dump.name} …")
        load_dump(
            self.dump,
            self.scratch.guest_url,
            Programs(self.places.bin_dir),
            self.places.scratch_dir,
        )
        with connect(self.scratch.guest_url) as connection:
            self._require_harmless(queries.list_programs(connection))
            if not queries.has_core(connection):
                raise DumpUnsuitableError(
                    f"{self.dump.name} is a whole dump, but not of this product: it lacks the"
                    " tables user and media_file. Nothing was changed."
                )
        self._upgrade(self.scratch.guest_url)
        take_back(self.scratch)
        with connect(self.aside) as connection:
            self._describe(connection)

    def _require_harmless(self, programs: list[str]) -> None:
        if programs:
            raise DumpUnsuitableError(
                f"{self.dump.name} brings programs along that would run in the database:"
                f" {', '.join(programs[:5])}. The earlier system has none. Drop them there and"
                " make the dump anew. Nothing was changed."
            )

    def _upgrade(self, url: str) -> None:
        """By the guest too: what a column's default or check calls may do no more than the guest."""
        try:
            done = upgrade(url, thorough=True)
        except (SchemaUnsuitableError, RevisionFailedError) as error:
            raise DumpUnsuitableError(
                f"{self.dump.name} cannot be brought to this release. {error.message}"
            ) from error
        report = self.report
        report.recognised, report.revision = done.recognised, done.after or ""
        report.applied = list(done.applied)
        report.operations = list(done.operations)
        report.changes = [str(change) for change in done.changes]
        report.proofs = [str(proof) for proof in done.proofs]
        lost = [proof for proof in done.proofs if not proof.holds]
        if lost:
            raise DumpUnsuitableError(
                f"Rows of {self.dump.name} would not be what they were: {lost[0]}. Nothing was"
                " changed."
            )

    def _describe(self, connection: Connection) -> None:
        report = self.report
        report.rows = {table: queries.count_rows(connection, table) for table in COUNTED}
        report.users = queries.count_by_sign_in(connection)
        for user in queries.list_users(connection):
            report.second_factors += user.has_second_factor
            if user.way != "local":
                report.cannot_sign_in.append({"email": user.email, "reason": user.way})
            elif not (is_legacy_hash(user.stored) or user.stored.startswith(OUR_HASH)):
                report.cannot_sign_in.append({"email": user.email, "reason": "password"})
            else:
                report.administrators += user.is_admin

    def try_key(self, key: str | None) -> bool:
        """Whether the earlier system's key opens its secrets; the report says which it does not."""
        with connect(self.aside) as connection:
            self.report.secrets = try_key(connection, key)
        return all(one.is_readable for one in self.report.secrets)

    def carry_media(self, source: MediaSource | None, objects: Objects, watch: Watch) -> None:
        """Raises StoreAwayError, StorageFullError."""
        journal = self.places.state_dir / "media.jsonl"
        carrier = MediaCarrier(source, objects, self.places.scratch_dir, journal)
        with connect(self.aside) as connection:
            files = queries.list_files(connection)
            self.report.media, settled = carrier.carry(files, watch)
            self._carried = [one.id for one in settled]
            queries.settle_files(connection, settled)
            carried = set(self._carried)
            queries.forget_thumbnails(
                connection, [file.id for file in files if file.id not in carried]
            )

    def settle(self) -> list[int]:
        """Statuses of what nobody works on any more; ids of the recordings that lack voiceprints
        or a waveform."""
        with connect(self.aside) as connection:
            self.report.unfinished_files = queries.settle_statuses(connection)
            return queries.list_voiceless(connection, self._carried)

    def look_at_live(self) -> LiveContents:
        with connect(self.url) as connection:
            if not queries.has_core(connection):
                return LiveContents(0, 0)
            return LiveContents(
                queries.count_rows(connection, "user"), queries.count_rows(connection, "media_file")
            )

    def put_in_place(self) -> Path:
        """The report's path. Raises DatabaseInUseError; then the live database is as before."""
        assert self.scratch is not None, "read comes first"
        put_in_place(self.scratch, name_of(self.url))
        self.scratch = None
        self.report.finished_at = clock.now().isoformat(timespec="seconds")
        folder = self.places.state_dir / self.report.id
        folder.mkdir(mode=0o700, exist_ok=True)
        self.report.save(folder / "report.json")
        return folder / "report.json"

    def discard(self) -> None:
        """Idempotent; after ``put_in_place`` there is nothing left to discard."""
        if self.scratch is not None:
            drop_scratch(self.scratch)
            self.scratch = None
