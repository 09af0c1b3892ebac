"""The commands that findings name, so that people can copy them."""

from __future__ import annotations

import shlex
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from opentranscribe.features.upgrade.preflight.context import Context

START = "./opentr.sh start"
RESTART = "./opentr.sh restart"
BACKUP = "./opentr.sh backup"
DRILL = "./opentr.sh backup --drill"
ROLLBACK = "./opentr.sh rollback"
RESTORE = "./opentr.sh restore BACKUP"
STATUS = "./opentr.sh status"
UPDATE = "./opentr.sh update"
FIX_MODELS = "./scripts/fix-model-permissions.sh"


def sql(context: Context, *statements: str) -> str:
    """psql with these statements on the installation's database, each a transaction of its own.

    The password of the embedded database comes from its file, any other is asked for.
    """
    parts = urlsplit(context.database_url)
    query = parse_qs(parts.query)
    host = (query.get("host") or [parts.hostname or ""])[0]
    port = (query.get("port") or [str(parts.port or "")])[0]
    program = str(context.tools_dir / "psql") if context.tools_dir else "psql"
    words = [program]
    for flag, value in (
        ("-h", unquote(host)),
        ("-p", port),
        ("-U", unquote(parts.username or "")),
        ("-d", unquote(parts.path.lstrip("/"))),
    ):
        words += [flag, value] if value else []
    for statement in statements:
        words += ["-c", statement]
    command = shlex.join(words)
    if context.embedded:
        secret = shlex.quote(str(context.secrets_dir / "postgres"))
        return f'PGPASSWORD="$(cat {secret})" {command}'
    return command


def identifier(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def change_mode(mode: str, *paths: Path) -> str:
    return shlex.join(["chmod", mode, *map(str, paths)])


def listed(names: tuple[str, ...] | list[str], most: int = 3) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def size(amount: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"
