"""Reading ``.env`` and the templates of the present and the coming release, names only."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from opentranscribe.features.upgrade.preflight.context import Context
from opentranscribe.features.upgrade.preflight.facts import EnvFile

_ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=")
_IN_TEMPLATE = re.compile(r"^#?\s?([A-Z][A-Z0-9_]*)=", re.MULTILINE)
_ALSO = re.compile(r"^# Also read as: (.+)$", re.MULTILINE)


def read_env(context: Context) -> EnvFile:
    template = _template(context.env_example)
    old_template = _template(context.home / ".env.example")
    path = context.env_file
    if not path.exists():
        return EnvFile(template=template, old_template=old_template)
    mode = stat.S_IMODE(path.stat().st_mode)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return EnvFile(mode, str(error), template=template, old_template=old_template)
    names, bad = parse(text)
    return EnvFile(mode, "", bad, names, template, old_template)


def parse(text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The names that are set, in order and as often as they are, and the numbers of lines that
    are neither an assignment nor a comment. A value in quotes may go over several lines."""
    names, bad, quote = [], [], ""
    for number, line in enumerate(text.splitlines(), 1):
        if quote:
            quote = "" if _closes(line, quote) else quote
            continue
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _ASSIGNMENT.match(line)
        if found is None:
            bad.append(number)
            continue
        names.append(found[1])
        quote = _open_quote(line[found.end() :].strip())
    return tuple(names), tuple(bad)


def _open_quote(value: str) -> str:
    """The quotation mark that a value begins with and does not end with on its line."""
    mark = value[:1]
    return mark if mark in {"'", '"'} and not _closes(value[1:], mark) else ""


def _closes(text: str, mark: str) -> bool:
    return mark in text.replace(f"\\{mark}", "")


def _template(path: Path | None) -> frozenset[str] | None:
    """Every name that a template knows, set or commented out; None when there is none."""
    if path is None or not path.is_file():
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    others = [name.strip() for line in _ALSO.findall(text) for name in line.split(",")]
    return frozenset([*_IN_TEMPLATE.findall(text), *others])
