"""The text of a plain dump: what of it reaches psql, and what makes it one we do not touch.

Commands of psql itself (``\\!``, ``\\o``, ``\\i`` …) can run programs and write files. Dumps need
none but the end of rows; anything else refuses the whole dump. Owners, grants, extensions and
whatever clears a database first mean nothing in a new one and are left out.
"""

from __future__ import annotations

import re

COMPLETE = b"-- PostgreSQL database dump complete"
END_OF_ROWS = b"\\."

_TOKEN = re.compile(
    rb"(?P<escape>[eE]')|(?P<string>')|(?P<name>\")"
    rb"|(?P<dollar>\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$)"
    rb"|(?P<comment>--)|(?P<block>/\*)|(?P<command>\\)|(?P<end>;)"
    rb"|(?P<word>[A-Za-z0-9_\x80-\xff][A-Za-z0-9_$\x80-\xff]*)"
)
_STRING_END = re.compile(rb"''|'")
_ESCAPE_END = re.compile(rb"\\.|''|'", re.DOTALL)
_NAME_END = re.compile(rb'""|"')
_BLOCK = re.compile(rb"/\*|\*/")
_GUARD = re.compile(rb"\\(un)?restrict [A-Za-z0-9]+\s*")
_CONNECT = re.compile(rb"\\connect\b")
_COPY = re.compile(
    rb"\s*COPY\b.*\bFROM\s+(?P<source>stdin|PROGRAM\b|E?')", re.IGNORECASE | re.DOTALL
)
_TABLE = re.compile(rb"\s*(CREATE\s+TABLE|COPY|INSERT)\b", re.IGNORECASE)
_KEPT_SETTINGS = rb"client_encoding|standard_conforming_strings|check_function_bodies|xmloption"
_LEFT_OUT = re.compile(
    rb"""\s*(?:
        ALTER\s+[A-Z\s]+\s[^;]*\sOWNER\s+TO\s+("[^"]+"|\w+)\s*;
      | (?:GRANT|REVOKE|DROP|RESET)\b
      | ALTER\s+DEFAULT\s+PRIVILEGES\b
      | (?:CREATE|ALTER|COMMENT\s+ON)\s+(?:EXTENSION|DATABASE|ROLE|USER|TABLESPACE)\b
      | (?:CREATE|COMMENT\s+ON)\s+SCHEMA\s+(?:IF\s+NOT\s+EXISTS\s+)?"?public"?\b
      | ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?\S+\s+(?:ALTER\s+COLUMN\s+\S+\s+)?DROP\b
      | (?:CREATE|ALTER|COMMENT\s+ON)\s+(?:PUBLICATION|SUBSCRIPTION)\b
      | SET\s+(?!(?:%s)\b)
    )"""
    % _KEPT_SETTINGS,
    re.IGNORECASE | re.VERBOSE,
)
#: What a dump made with --inserts mostly consists of: judged at a glance. Nothing in it can hide a
#: command: no backslash, no comment, no dollar quote, strings closed.
_INSERT = re.compile(
    rb"INSERT INTO [a-z0-9_.]+ (?:\([a-z0-9_, ]*\) )?VALUES "
    rb"\((?:[A-Za-z0-9_., ]++|'[^'\\]*+'|-(?=[0-9]))*+\);\r?\n"
)
#: The extension of this function is not everywhere; what it makes PostgreSQL makes by itself.
_UUID = re.compile(rb"(?:public\.)?uuid_generate_v4\(\)", re.IGNORECASE)


class RefusedLineError(ValueError):
    """``number`` counts lines from 1; ``what`` is a sentence's end."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(f"line {number} {what}")
        self.number = number


class PlainSql:
    """Fed line by line; gives what psql may get. ``is_complete`` says that the dump's own end mark
    was the last thing; ``tables`` counts statements that make or fill one."""

    def __init__(self) -> None:
        self.is_complete = False
        self.tables = 0
        self._number = 0
        self._in_rows = False
        self._statement: list[bytes] = []
        self._until: re.Pattern[bytes] | bytes | None = None
        self._depth = 0

    def feed(self, line: bytes) -> bytes:
        """``line`` with its line break. Raises RefusedLineError."""
        self._number += 1
        if self._in_rows:
            self._in_rows = line.rstrip(b"\r\n") != END_OF_ROWS
            return line
        if line.startswith(b"INSERT") and self.is_between_statements and _INSERT.fullmatch(line):
            self.is_complete = False
            self.tables += 1
            return line
        if line.startswith(b"--") and self.is_between_statements:
            self.is_complete = self.is_complete or line.startswith(COMPLETE)
            return b""
        return b"".join(self._scan(line))

    @property
    def is_between_statements(self) -> bool:
        left = b"".join(self._statement).strip()
        return not left and self._until is None and not self._in_rows and not self._depth

    def _scan(self, line: bytes) -> list[bytes]:
        ready: list[bytes] = []
        at = begin = 0
        while at < len(line):
            if self._depth:
                at = begin = self._skip_block(line, at)
            elif self._until is not None:
                at = self._skip_quoted(line, at)
            else:
                found = _TOKEN.search(line, at)
                if found is None:
                    break
                at = found.end()
                kind = str(found.lastgroup)
                if kind in {"comment", "block"}:
                    self._statement.append(line[begin : found.start()] + b"\n")
                    self._depth = 1 if kind == "block" else 0
                    at = begin = at if kind == "block" else len(line)
                elif kind == "command":
                    self._judge_command(line, found.start())
                    return ready
                elif kind == "end":
                    self._statement.append(line[begin:at])
                    begin = at
                    ready.append(self._end_statement(line[at:]))
                    if self._in_rows:
                        return ready
                else:
                    self._open(kind, found[0])
        self._statement.append(line[begin:])
        if not self._until and not line[begin:].strip():
            self._forget_blank()
        return ready

    def _open(self, kind: str, text: bytes) -> None:
        endings: dict[str, re.Pattern[bytes] | bytes] = {
            "string": _STRING_END,
            "escape": _ESCAPE_END,
            "name": _NAME_END,
            "dollar": text,
        }
        self._until = endings.get(kind)

    def _skip_quoted(self, line: bytes, at: int) -> int:
        if isinstance(self._until, bytes):
            found = line.find(self._until, at)
            if found < 0:
                return len(line)
            at, self._until = found + len(self._until), None
            return at
        assert self._until is not None
        for match in self._until.finditer(line, at):
            if match[0] in {b"'", b'"'}:
                self._until = None
                return match.end()
        return len(line)

    def _skip_block(self, line: bytes, at: int) -> int:
        for match in _BLOCK.finditer(line, at):
            self._depth += 1 if match[0] == b"/*" else -1
            if not self._depth:
                return match.end()
        return len(line)

    def _judge_command(self, line: bytes, at: int) -> None:
        between = not b"".join(self._statement).strip() and not line[:at].strip()
        if between and _GUARD.fullmatch(line[at:]):
            return
        if between and _CONNECT.match(line[at:]):
            if self.tables:
                raise RefusedLineError(self._number, "begins a second database (\\connect)")
            return
        word = line[at : at + 40].split()[0].decode(errors="replace")
        raise RefusedLineError(self._number, f"has a command of psql ({word})")

    def _end_statement(self, rest: bytes) -> bytes:
        statement = b"".join(self._statement)
        self._statement.clear()
        if not statement.strip(b"; \t\r\n"):
            return b""
        self.is_complete = False
        self.tables += 1 if _TABLE.match(statement) else 0
        copy = _COPY.match(statement)
        if copy and copy["source"].lower() != b"stdin":
            raise RefusedLineError(self._number, "reads a file or a program of the server (COPY)")
        if _LEFT_OUT.match(statement):
            return b""
        if copy:
            if rest.strip():
                raise RefusedLineError(self._number, "has more than one statement with its rows")
            self._in_rows = True
        return _UUID.sub(b"gen_random_uuid()", statement).strip() + b"\n"

    def _forget_blank(self) -> None:
        if not b"".join(self._statement).strip():
            self._statement.clear()
