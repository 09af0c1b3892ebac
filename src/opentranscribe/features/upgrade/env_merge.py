"""A user's ``.env`` meets a new template: three ways, as a version control system merges.

What the user wrote stays as it is, byte for byte. What the new release adds to its template comes to
the place it has there; a line that is still the old template's becomes the new template's; names
that changed are changed. Merging a second time changes nothing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

#: A value of the template that stands for a secret to be made.
GENERATED = "<generated>"
_LINE = re.compile(
    r"^(?:(?P<off>#)|[ \t]*)(?P<export>(?:export[ \t]+)?)(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"[ \t]*=(?P<value>.*)$",
    re.DOTALL,
)
_SECRET = re.compile(r"(SECRET|PASSWORD|PASSWD|TOKEN|KEY|URL|CREDENTIAL)", re.IGNORECASE)

#: A quoted value, over as many lines as it takes, read as python-dotenv reads it.
_QUOTED = {
    "'": re.compile(r"'(?:\\'|[^'])*'"),
    '"': re.compile(r'"(?:\\"|[^"])*"'),
}

Kind = Literal["added", "renamed", "default changed", "kept", "gone"]


@dataclass(frozen=True)
class Change:
    kind: Kind
    name: str
    sentence: str


@dataclass(frozen=True)
class Merged:
    text: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class _Entry:
    """One variable of a template: its comment and its line."""

    name: str
    comment: tuple[str, ...]
    line: str

    @property
    def is_secret(self) -> bool:
        return self.line.partition("=")[2].strip() == GENERATED


def merge_env(
    old_template: str,
    new_template: str,
    user: str,
    *,
    renames: Mapping[str, str] | None = None,
    make_secret: Callable[[str], str] = lambda name: "",
) -> Merged:
    """``renames`` maps old names to new ones; ``make_secret`` gets the name of what is needed."""
    old = {entry.name: entry for entry in _entries(old_template)}
    new = {entry.name: entry for entry in _entries(new_template)}
    # Only "\n" ends a line; a "\r" before it is part of the line and stays where it is.
    lines = user.split("\n")
    changes = [
        *_rename(lines, renames or {}),
        *_follow_defaults(lines, old, new),
        *_tell_kept(lines, old, new),
        *_add(lines, old, new, make_secret),
        *_tell_gone(lines, old, new),
    ]
    return Merged("\n".join(lines), tuple(changes))


def diff_env(before: str, after: str) -> str:
    """What changed, with the values of secrets hidden."""
    old, new = (_mask(text.split("\n")) for text in (before, after))
    return "\n".join(difflib.unified_diff(old, new, ".env", ".env (new)", n=1, lineterm=""))


def _rename(lines: list[str], renames: Mapping[str, str]) -> list[Change]:
    changes: dict[str, Change] = {}
    taken = _names(lines, active=True)
    for number, found in _settings(lines):
        old = found["name"]
        if found["off"] or old not in renames or renames[old] in taken:
            continue
        name = renames[old]
        begin, end = found.span("name")
        lines[number] = f"{lines[number][:begin]}{name}{lines[number][end:]}"
        changes[name] = Change("renamed", name, f"{old} is called {name} now.")
    return list(changes.values())


def _follow_defaults(
    lines: list[str], old: Mapping[str, _Entry], new: Mapping[str, _Entry]
) -> list[Change]:
    """Only in lines that the user never touched and that set nothing."""
    changes = []
    for number, found in _settings(lines):
        name, line = found["name"], lines[number].removesuffix("\r")
        if name not in old or name not in new or line != old[name].line:
            continue
        if found["off"] and line != new[name].line:
            lines[number] = new[name].line + lines[number][len(line) :]
            value = new[name].line.partition("=")[2]
            changes.append(Change("default changed", name, f"{name} is {value} unless set."))
    return changes


def _add(
    lines: list[str],
    old: Mapping[str, _Entry],
    new: Mapping[str, _Entry],
    make_secret: Callable[[str], str],
) -> list[Change]:
    changes = []
    before = ""
    for name, entry in new.items():
        known = _names(lines)
        is_missing = name not in known and (name not in old or entry.is_secret)
        if is_missing:
            line = f"{name}={make_secret(name)}" if entry.is_secret else entry.line
            place = _after(lines, before)
            end = "\r" if lines[0].endswith("\r") else ""
            block = [f"{one}{end}" for one in (*entry.comment, line)]
            if place > 0 and lines[place - 1].strip():
                block.insert(0, end)
            if place < len(lines) and lines[place].strip():
                block.append(end)
            if place == len(lines):
                block.append("")  # the file ends with an end of line
            lines[place:place] = block
            made = " with a value made for it" if entry.is_secret else ""
            changes.append(Change("added", name, f"{name} is new{made}."))
        if name in _names(lines):
            before = name
    return changes


def _tell_kept(
    lines: list[str], old: Mapping[str, _Entry], new: Mapping[str, _Entry]
) -> list[Change]:
    """What somebody chose stays, also where the template now proposes something else."""
    return [
        Change("kept", name, f"{name} stays as you set it; the template has another value now.")
        for name in sorted(_names(lines, active=True))
        if name in old and name in new and old[name].line != new[name].line
        if not new[name].is_secret
    ]


def _tell_gone(
    lines: list[str], old: Mapping[str, _Entry], new: Mapping[str, _Entry]
) -> list[Change]:
    return [
        Change("gone", name, f"{name} is not used any more; its line was left alone.")
        for name in sorted(_names(lines, active=True))
        if name in old and name not in new
    ]


def _settings(lines: list[str]) -> list[tuple[int, re.Match[str]]]:
    """Where variables are set, or mentioned in a comment of the template's form. What lies inside a
    value of several lines is none."""
    found = []
    inside = -1
    for number, line in enumerate(lines):
        match = _LINE.match(line) if number > inside else None
        if match:
            found.append((number, match))
            inside = _last_line(lines, number, match)
    return found


def _last_line(lines: list[str], number: int, found: re.Match[str]) -> int:
    """Where the value of that variable ends. A quote that is never closed opens nothing."""
    value = found["value"].lstrip()
    if found["off"] or value[:1] not in _QUOTED:
        return number
    quoted = _QUOTED[value[0]].match("\n".join([value, *lines[number + 1 :]]))
    return number + quoted[0].count("\n") if quoted else number


def _names(lines: list[str], *, active: bool = False) -> set[str]:
    """Variables that are set or, unless ``active``, mentioned."""
    return {one["name"] for _, one in _settings(lines) if not (active and one["off"])}


def _after(lines: list[str], name: str) -> int:
    """Behind the last line of that variable, of several lines too; the end where there is none."""
    places = _settings(lines)
    wanted = [at for at, (_, found) in enumerate(places) if found["name"] == name]
    if not wanted:
        return len(lines) - 1 if lines[-1] == "" and len(lines) > 1 else len(lines)
    return _last_line(lines, *places[wanted[-1]]) + 1


def _entries(template: str) -> list[_Entry]:
    entries: dict[str, _Entry] = {}
    comment: list[str] = []
    for line in template.replace("\r\n", "\n").split("\n"):
        found = _LINE.match(line)
        if found:
            entries.setdefault(found["name"], _Entry(found["name"], tuple(comment), line))
            comment = []
        elif line.startswith("#"):
            comment.append(line)
        else:
            comment = []
    return list(entries.values())


def _mask(lines: list[str]) -> list[str]:
    """Values of secrets hidden, those in comments and those of several lines too."""
    masked = [line.removesuffix("\r") for line in lines]
    for number, found in _settings(lines):
        if not found["value"].strip() or not _SECRET.search(found["name"]):
            continue
        masked[number] = f"{found['off'] or ''}{found['export']}{found['name']}=********"
        for inside in range(number + 1, _after(lines[: _next(lines, number)], found["name"])):
            masked[inside] = "********"
    return masked


def _next(lines: list[str], number: int) -> int:
    """The line of the next variable after that one."""
    later = [at for at, _ in _settings(lines) if at > number]
    return later[0] if later else len(lines)
