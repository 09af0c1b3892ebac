"""Reading the machine: ports, memory, limits, clock, and what runs or ran."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from opentranscribe.features.upgrade.preflight.context import Context
from opentranscribe.features.upgrade.preflight.facts import Machine, Port, Services

#: What the command line of every service of ours has in it.
OUR_COMMAND = b"opentranscribe.entrypoints."
LAST_WORDS = 400


def read_ports(context: Context) -> tuple[Port, ...]:
    wanted = (("page", context.frontend_port), ("API", context.backend_port))
    return tuple(Port(name, number, _try(context.bind_host, number)) for name, number in wanted)


def read_machine(context: Context) -> Machine:
    temp = Path(tempfile.gettempdir())
    return Machine(
        memory_bytes=_free_memory(),
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        text_encoding=sys.getfilesystemencoding().lower(),
        temp=str(temp),
        temp_free_bytes=shutil.disk_usage(temp).free,
        temp_writable=os.access(temp, os.W_OK | os.X_OK),
        newest_file_at=_newest(context),
    )


def read_services(context: Context) -> Services:
    failure = context.run_dir / "failure"
    words = failure.read_text(encoding="utf-8", errors="replace") if failure.is_file() else ""
    logs = [one for one in context.logs_dir.glob("*") if one.is_file()]
    return Services(
        last_failure=words.strip()[:LAST_WORDS],
        strays=() if context.is_running else tuple(_strays(context.run_dir)),
        logs_bytes=sum(one.stat().st_size for one in logs),
    )


def _try(host: str, port: int) -> Literal["free", "taken", "forbidden", "not_here"]:
    """What happens to a server that would listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EPERM}:
                return "forbidden"
            return "taken" if error.errno == errno.EADDRINUSE else "not_here"
    return "free"


def _free_memory() -> int | None:
    """Bytes that programs can still have, inside the limit of a container where there is one."""
    free = None
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
    limit, used = (Path("/sys/fs/cgroup", name) for name in ("memory.max", "memory.current"))
    if free is not None and limit.exists() and used.exists():
        most = limit.read_text(encoding="ascii").strip()
        if most.isdigit():
            free = min(free, max(int(most) - int(used.read_text(encoding="ascii")), 0))
    return free


def _newest(context: Context) -> datetime | None:
    """When the file was written that claims to be the newest of what we write all the time."""
    times = [
        one.stat().st_mtime
        for folder in (context.data_dir, context.run_dir, context.logs_dir, context.backups_dir)
        for one in (folder.iterdir() if folder.is_dir() else ())
        if one.exists()
    ]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _strays(run_dir: Path) -> Iterator[int]:
    for file in run_dir.glob("*.pid"):
        written = file.read_text(encoding="utf-8").strip()
        command = Path("/proc", written, "cmdline")
        if written.isdigit() and command.exists() and OUR_COMMAND in command.read_bytes():
            yield int(written)
