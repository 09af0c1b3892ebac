"""What the child gives up before it opens anybody's file. Linux; elsewhere only the limits.

Kept free of other imports of this program: the child must start fast. Sources: prctl(2),
namespaces(7), landlock(7), setrlimit(2).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
from pathlib import Path

MEMORY_BYTES = 2 * 1024**3
OPEN_FILES = 64
NICENESS = 5
FIRST_CPU_SECONDS = 30
CPU_SECONDS_PER_MEGABYTE = 2
#: Decoding has never been measured below this many seconds of sound per second of CPU.
SLOWEST_REAL_TIME_FACTOR = 40

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_VERSION_FLAG = 1
LANDLOCK_RULE_PATH_BENEATH = 1
#: Bits of the file-system rights by the ABI that brought them: 13 in ABI 1, then REFER, TRUNCATE,
#: (network in 4), IOCTL_DEV in 5.
FS_RIGHTS_BY_ABI = ((1, 0x1FFF), (2, 0x3FFF), (3, 0x7FFF), (5, 0xFFFF))
FS_READ = 0x4 | 0x8
FS_WRITE_IN_FOLDER = FS_READ | 0x2 | 0x20 | 0x100 | 0x4000
NET_RIGHTS = 0x3
O_PATH = getattr(os, "O_PATH", 0)


def die_with_parent(parent_pid: int) -> None:
    """A child whose parent was killed must not go on decoding."""
    if sys.platform == "linux":
        _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def limit_resources(source_bytes: int, largest_output_bytes: int) -> None:
    """Processor time grows with the file; memory, files, priority and core dumps are fixed."""
    megabytes = source_bytes // 1_000_000
    seconds = FIRST_CPU_SECONDS + CPU_SECONDS_PER_MEGABYTE * megabytes
    _limit(resource.RLIMIT_CPU, seconds, hard=seconds + 48 * 3600 // SLOWEST_REAL_TIME_FACTOR)
    _limit(resource.RLIMIT_FSIZE, largest_output_bytes)
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    os.nice(NICENESS)


def allow_more_cpu(decoded_seconds: float) -> None:
    """Earned by output: a second of processor for every 40 seconds of sound that came out."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = FIRST_CPU_SECONDS + round(decoded_seconds / SLOWEST_REAL_TIME_FACTOR)
    if soft < wanted <= hard:
        resource.setrlimit(resource.RLIMIT_CPU, (wanted, hard))


def leave_network() -> bool:
    """An own, empty network namespace. False where the kernel does not let us have one."""
    if sys.platform != "linux":
        return False
    libc = _libc()
    return any(libc.unshare(flags) == 0 for flags in (CLONE_NEWNET, CLONE_NEWUSER | CLONE_NEWNET))


def lock_files(readable: tuple[Path, ...], writable: tuple[Path, ...]) -> bool:
    """From now on files open only below these folders; what is open stays open."""
    if sys.platform != "linux":
        return False
    libc = _libc()
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    abi = libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_VERSION_FLAG)
    if abi < 1:
        return False
    rights = max(bits for version, bits in FS_RIGHTS_BY_ABI if version <= abi)
    attributes = struct.pack("=QQ", rights, NET_RIGHTS)[: 16 if abi >= 4 else 8]
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    for folder in readable:
        _allow(libc, ruleset, folder, FS_READ)
    for folder in writable:
        _allow(libc, ruleset, folder, FS_WRITE_IN_FOLDER & rights)
    done = libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return bool(done)


def _allow(libc: ctypes.CDLL, ruleset: int, folder: Path, rights: int) -> None:
    descriptor = os.open(folder, O_PATH | os.O_CLOEXEC)
    rule = struct.pack("=Qi", rights, descriptor)
    libc.syscall(LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, rule, 0)
    os.close(descriptor)


def _limit(which: int, soft: int, hard: int | None = None) -> None:
    """Never above what this process was itself given."""
    _, ceiling = resource.getrlimit(which)
    wanted_hard = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        wanted_hard = min(wanted_hard, ceiling)
    resource.setrlimit(which, (min(soft, wanted_hard), wanted_hard))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
