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
    r"^(?P<off>#?)(?P<export>(?:export\s+)?)(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)$"
)
_SECRET = re.compile(r"(SECRET|PASSWORD|PASSWD|TOKEN|KEY|URL|CREDENTIAL)", re.IGNORECASE)

Kind = Literal["added", "renamed", "default changed", "gone"]


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
    newline = "\r\n" if "\r\n" in user else "\n"
    ends_open = bool(user) and not user.endswith(("\n", "\r"))
    lines = user.splitlines()
    changes = [
        *_rename(lines, renames or {}),
        *_follow_defaults(lines, old, new),
        *_add(lines, old, new, make_secret),
        *_tell_gone(lines, old, new),
    ]
    if not any(change.kind != "gone" for change in changes):
        return Merged(user, tuple(changes))
    text = newline.join(lines) + (
        "" if ends_open and lines[-1:] == user.splitlines()[-1:] else newline
    )
    return Merged(text, tuple(changes))


def diff_env(before: str, after: str) -> str:
    """What changed, with the values of secrets hidden."""
    old, new = ([_masked(line) for line in text.splitlines()] for text in (before, after))
    return "\n".join(difflib.unified_diff(old, new, ".env", ".env (new)", n=1, lineterm=""))


def _rename(lines: list[str], renames: Mapping[str, str]) -> list[Change]:
    changes = []
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        if found is None or found["off"] or found["name"] not in renames:
            continue
        old, name = found["name"], renames[found["name"]]
        if name in _names(lines, active=True):
            continue
        lines[number] = line.replace(f"{old}=", f"{name}=", 1)
        changes.append(Change("renamed", name, f"{old} is called {name} now."))
    return changes


def _follow_defaults(
    lines: list[str], old: Mapping[str, _Entry], new: Mapping[str, _Entry]
) -> list[Change]:
    """Only in lines that the user never touched and that set nothing."""
    changes = []
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        name = found["name"] if found and found["off"] else ""
        if name in old and name in new and line == old[name].line != new[name].line:
            lines[number] = new[name].line
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
            block = [*entry.comment, line]
            if place > 0 and lines[place - 1].strip():
                block.insert(0, "")
            if place < len(lines) and lines[place].strip():
                block.append("")
            lines[place:place] = block
            made = " with a value made for it" if entry.is_secret else ""
            changes.append(Change("added", name, f"{name} is new{made}."))
        if name in _names(lines):
            before = name
    return changes


def _tell_gone(
    lines: list[str], old: Mapping[str, _Entry], new: Mapping[str, _Entry]
) -> list[Change]:
    return [
        Change("gone", name, f"{name} is not used any more; its line was left alone.")
        for name in sorted(_names(lines, active=True))
        if name in old and name not in new
    ]


def _names(lines: list[str], *, active: bool = False) -> set[str]:
    """Variables that are set or, unless ``active``, mentioned in a comment of the template's form."""
    found = (_LINE.match(line) for line in lines)
    return {one["name"] for one in found if one and not (active and one["off"])}


def _after(lines: list[str], name: str) -> int:
    """Behind the last line of that variable; the end where there is none."""
    places = [n for n, line in enumerate(lines) if (m := _LINE.match(line)) and m["name"] == name]
    return places[-1] + 1 if places else len(lines)


def _entries(template: str) -> list[_Entry]:
    entries: dict[str, _Entry] = {}
    comment: list[str] = []
    for line in template.splitlines():
        found = _LINE.match(line)
        if found:
            entries.setdefault(found["name"], _Entry(found["name"], tuple(comment), line))
            comment = []
        elif line.startswith("#"):
            comment.append(line)
        else:
            comment = []
    return list(entries.values())


def _masked(line: str) -> str:
    found = _LINE.match(line)
    if found and not found["off"] and found["value"] and _SECRET.search(found["name"]):
        return f"{found['export']}{found['name']}=********"
    return line
