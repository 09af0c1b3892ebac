"""Our backups beside pg_dump, restic and borg: the same database, the same machine, the same run
(B-5, B-4, B-11).

    python bench/backup.py [--segments 500000] [--words] [--rounds 3]

A server of its own with seeded text after Zipf's law; ``--words`` gives every segment the times of
its words too, as a transcript has them. Each way runs in turn, ``--rounds`` times; printed are the
medians. restic and borg (Debian: restic, borgbackup) take pg_dump's plain output, which they find
what is new in; what is not installed is said and left out. ``+ check`` reads everything again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from opentranscribe.adapters.objects.filesystem import FilesystemObjects
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres, wheel_binaries
from opentranscribe.features.backup.catalogue import BackupSet
from opentranscribe.features.backup.places import Places
from opentranscribe.features.backup.programs import Programs
from opentranscribe.features.backup.service import BackupService
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.work import databases

FILES, PER_FILE = 500, 1000
PEOPLE = """
INSERT INTO "user" (email, hashed_password, full_name) VALUES ('ann@example.org', 'x', 'Ann');
INSERT INTO media_file (user_id, filename, storage_path, file_size, content_type, status)
SELECT u.id, 'take ' || i, '', 1, 'audio/wav', 'completed'
FROM "user" u, generate_series(1, {files}) i WHERE u.email = 'ann@example.org';
INSERT INTO speaker (user_id, media_file_id, name)
SELECT user_id, id, 'SPEAKER_' || i FROM media_file, generate_series(0, 3) i
WHERE filename LIKE 'take %'
"""
SPEAKERS = "SELECT media_file_id, id FROM speaker WHERE name LIKE 'SPEAKER_%' ORDER BY name, 1"
SEGMENTS = (
    "COPY transcript_segment (media_file_id, speaker_id, start_time, end_time, text, words)"
    " FROM STDIN"
)
#: Of a hundredth of the segments: beside each other, and of five recordings far apart.
TOGETHER = "UPDATE transcript_segment SET text = text || ' x' WHERE id BETWEEN %s AND %s"
APART = "UPDATE transcript_segment SET text = text || ' y' WHERE media_file_id = ANY(%s)"
REPEATED = [
    "the",
    "of",
    "meeting",
    "budget",
    "we",
    "should",
    "project",
    "time",
    "people",
    "and",
    "report",
    "next",
    "week",
    "to",
    "a",
    "is",
    "that",
    "it",
    "in",
    "you",
    "question",
    "customer",
    "what",
    "they",
    "have",
    "for",
    "on",
    "with",
    "this",
    "be",
    "about",
    "think",
    "going",
    "know",
    "really",
    "plan",
]


@dataclass(frozen=True)
class Peer:
    """``place`` and ``secret`` are the variables that say where the repository is, and its key."""

    program: str
    init: tuple[str, ...]
    backup: tuple[str, ...]
    check: tuple[str, ...]
    place: str
    secret: str


PEERS = (
    Peer(
        "restic",
        ("init",),
        ("backup",),
        ("check", "--read-data"),
        "RESTIC_REPOSITORY",
        "RESTIC_PASSWORD",
    ),
    Peer(
        "borg",
        ("init", "--encryption=repokey"),
        ("create", "--compression=zstd,1", "::{now:%Y%m%d%H%M%S%f}"),
        ("check", "--verify-data"),
        "BORG_REPO",
        "BORG_PASSPHRASE",
    ),
)


@dataclass
class Table:
    """Seconds by what was done."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def time(self, name: str, act: Callable[[], object]) -> None:
        os.sync()
        started = time.monotonic()
        act()
        self.seconds.setdefault(name, []).append(time.monotonic() - started)

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def show(self, peer: str) -> None:
        print(f"\n{'':44} {'seconds':>8} {'ratio':>6} {'MB':>8} {'ratio':>6}   lowest–highest")
        for name, taken in self.seconds.items():
            size = self.sizes.get(name)
            ratio = f"{self.median(name) / self.median(peer):6.2f}"
            room = f"{size / 1e6:8.2f} {size / self.sizes[peer]:6.2f}" if size else " " * 15
            span = f"{min(taken):.2f}–{max(taken):.2f}"
            print(f"{name:44} {self.median(name):8.2f} {ratio} {room}   {span}")


@dataclass(frozen=True)
class Bench:
    folder: Path
    url: str
    table: Table

    def run(self, rounds: int) -> None:
        self._warm_up()
        try:
            for number in range(rounds):
                self._dump(f"dump-{number}")
                self._ours(number)
                for peer in PEERS:
                    self._peer(number, peer)
        finally:  # what was measured before Ctrl-C, too
            self.table.show("pg_dump -Fc -Z1")

    def _warm_up(self) -> None:
        Programs(wheel_binaries(), self.url).run("pg_dump", f"--file={self.folder / 'warm'}")
        (self.folder / "warm").unlink()

    def _dump(self, name: str) -> None:
        target = self.folder / name
        programs = Programs(wheel_binaries(), self.url)
        words = ("--format=custom", "--compress=1", f"--file={target}")
        self.table.time("pg_dump -Fc -Z1", lambda: programs.run("pg_dump", *words))
        self.table.sizes["pg_dump -Fc -Z1"] = target.stat().st_size
        target.unlink()

    def _ours(self, number: int) -> None:
        with self._service(self.folder / f"ours-{number}") as service:
            made = self._backup(service, "ours, full and verified")
            self._backup(service, "ours again, nothing changed")
            self._change_together(number)
            self._backup(service, "ours again, 1 % changed, together")
            self._change_apart(number)
            self._backup(service, "ours again, 1 % changed, five recordings")
            self.table.time("ours, everything verified again", lambda: service.verify(made.path))
            self.table.time(
                "ours, restored and proven", lambda: service.restore_into(made.path, "restored")
            )
            self._drop("restored")
            self.table.time("ours, drill", service.drill)
            self.table.time("ours, plain SQL and checked", service.create_plain)
            sealed = service.create_full
            self.table.time("ours, full, encrypted and verified", lambda: sealed(is_encrypted=True))

    def _backup(self, service: BackupService, name: str) -> BackupSet:
        made: list[BackupSet] = []
        self.table.time(name, lambda: made.append(service.create_full()))
        self.table.sizes[name] = int(made[0].record.new_bytes or 0)
        return made[0]

    def _change_together(self, number: int) -> None:
        with databases.connect(self.url) as connection:
            (last,) = connection.execute("SELECT max(id) FROM transcript_segment").fetchone() or (
                0,
            )
            first = last // 10 * (1 + number)
            connection.execute(TOGETHER, (first, first + last // 100 - 1))

    def _change_apart(self, number: int) -> None:
        with databases.connect(self.url) as connection:
            (last,) = connection.execute("SELECT max(id) FROM transcript_segment").fetchone() or (
                0,
            )
            files = max(1, last // PER_FILE)
            count = max(1, files // 100)
            chosen = [1 + (files // count * k + 37 * (1 + number)) % files for k in range(count)]
            connection.execute(APART, (chosen,))

    def _peer(self, number: int, peer: Peer) -> None:
        if shutil.which(peer.program) is None:
            print(f"{peer.program} IS NOT INSTALLED AND IS LEFT OUT")
            return
        repository = self.folder / f"{peer.program}-{number}"
        plain = self.folder / "plain.sql"

        def call(*words: str) -> None:
            given = {**os.environ, "HOME": str(self.folder), peer.secret: "x"}
            given[peer.place] = str(repository)
            command = [peer.program, *words]
            done = subprocess.run(command, env=given, check=False, capture_output=True)
            if done.returncode:
                raise SystemExit(f"{command}: {done.stderr.decode(errors='replace')}")

        def dump_and_keep() -> None:
            Programs(wheel_binaries(), self.url).run("pg_dump", f"--file={plain}")
            call(*peer.backup, str(plain))

        call(*peer.init)
        before = 0
        for name in ("first", "again, 1 % changed, together"):
            if before:
                self._change_together(number + 4)
            self.table.time(f"pg_dump + {peer.program}, {name}", dump_and_keep)
            size = _measure(repository)
            self.table.sizes[f"pg_dump + {peer.program}, {name}"] = size - before
            before = size
        self.table.time(f"{peer.program}, check", lambda: call(*peer.check))
        plain.unlink()
        shutil.rmtree(repository)

    def _drop(self, name: str) -> None:
        with databases.administer(self.url) as connection:
            databases.drop_database(connection, name)

    @contextmanager
    def _service(self, root: Path) -> Iterator[BackupService]:
        yield make_service(root, self.url)
        shutil.rmtree(root)


def make_service(root: Path, url: str) -> BackupService:
    """Over folders of its own below ``root``."""
    names = ("backups", "secrets", "scratch", "state", "objects")
    for name in names:
        (root / name).mkdir(parents=True)
    backups, secret, scratch, state, objects = (root / name for name in names)
    places = Places("1.0.0", wheel_binaries(), backups, secret, root / ".env", scratch, state)
    return BackupService(places, url, FilesystemObjects(objects))


def fill(url: str, segments: int, *, has_words: bool) -> int:
    """A new database; how many bytes it has then."""
    upgrade(url)
    return fill_tables(url, segments, has_words=has_words)


def fill_tables(url: str, segments: int, *, has_words: bool) -> int:
    """The same rows each time, of people and recordings of their own; as `fill`."""
    chance = random.Random(7)
    rare = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(3, 9))) for _ in range(5000)]
    vocabulary = REPEATED * 4 + rare
    weights = list(accumulate(1 / (number + 1) for number in range(len(vocabulary))))
    with databases.connect(url) as connection:
        connection.execute(PEOPLE.format(files=FILES).encode())
        speakers = connection.execute(SPEAKERS).fetchall()
        with connection.cursor().copy(SEGMENTS) as copy:
            for number in range(segments):
                said = chance.choices(vocabulary, cum_weights=weights, k=chance.randint(6, 18))
                begin = round(number % PER_FILE * 3.5 + chance.random(), 2)
                timed = json.dumps(_time(said, begin, chance)) if has_words else None
                who = speakers[number // PER_FILE % FILES + number % 4 * FILES]
                copy.write_row((*who, begin, begin + 3, " ".join(said), timed))
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
        found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(found[0]) if found else 0


def _time(said: list[str], begin: float, chance: random.Random) -> list[dict[str, object]]:
    step = 3 / len(said)
    return [
        {
            "word": word,
            "start": round(begin + place * step, 3),
            "end": round(begin + (place + 0.8) * step, 3),
            "score": round(0.5 + chance.random() / 2, 3),
        }
        for place, word in enumerate(said)
    ]


def _measure(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextmanager
def open_server(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder / "data", folder / "run", uuid.uuid4().hex)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=500_000)
    parser.add_argument("--words", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opentr-backup-") as name:
        folder = Path(name)
        with open_server(folder) as server:
            size = fill(server.url(), options.segments, has_words=options.words)
            print(f"{options.segments} segments, a database of {size / 1e6:.0f} MB")
            Bench(folder, server.url(), Table()).run(options.rounds)


if __name__ == "__main__":
    main()
