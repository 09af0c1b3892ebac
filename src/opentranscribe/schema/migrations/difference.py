"""What a schema has too much, too little or differently, compared with the one that is wanted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from opentranscribe.schema.migrations.fingerprint import Catalogue, meaning_of, normalise
from opentranscribe.schema.migrations.shapes import name_of, table_of


@dataclass(frozen=True)
class Difference:
    """Lines by their keys in the live schema (``extra``) or the wanted one (``missing``).

    ``changed``: columns of both, (live value, wanted value). ``renamed``: constraints and indexes
    that mean the same under another name, live key → wanted key.
    """

    missing: Catalogue
    extra: Catalogue
    changed: dict[str, tuple[str, str]]
    renamed: dict[str, str]

    @property
    def distance(self) -> int:
        """How many lines differ in what they mean; 0 is the same fingerprint."""
        return len(self.missing) + len(self.extra) + len(self.changed)

    @property
    def is_none(self) -> bool:
        """Whether even the names agree."""
        return self.distance == 0 and not self.renamed

    @property
    def missing_tables(self) -> tuple[str, ...]:
        """Of the wanted tables, those that the live schema lacks altogether."""
        lost = {table_of(key) for key in self.missing if key.startswith("column ")}
        return tuple(sorted(table for table in lost if not self._has_columns(table)))

    def _has_columns(self, table: str) -> bool:
        prefix = f"column {table}."
        return table in self.live_tables or any(key.startswith(prefix) for key in self.changed)

    live_tables: frozenset[str] = frozenset()

    def describe(self, limit: int = 12) -> list[str]:
        """One line for each difference, at most ``limit``."""
        lines = [f"lacks {_name(k)} ({v})" for k, v in self.missing.items()]
        lines += [f"has also {_name(k)} ({v})" for k, v in self.extra.items()]
        lines += [f"has {_name(k)} as {a}, not {b}" for k, (a, b) in self.changed.items()]
        if len(lines) > limit:
            lines[limit:] = [f"and {len(lines) - limit} more"]
        return lines


def compare(live: Catalogue, wanted: Catalogue) -> Difference:
    """Both hold only tables of the product (`only_ours`)."""
    live_columns, wanted_columns = _columns(live), _columns(wanted)
    changed = {
        key: (value, wanted_columns[key])
        for key, value in live_columns.items()
        if key in wanted_columns and normalise(key, value) != normalise(key, wanted_columns[key])
    }
    missing = {k: v for k, v in wanted_columns.items() if k not in live_columns}
    extra = {k: v for k, v in live_columns.items() if k not in wanted_columns}
    renamed: dict[str, str] = {}
    for lives, wants in _by_meaning(live, wanted).values():
        _match_names(lives, wants, renamed)
        extra |= {key: live[key] for key in lives}
        missing |= {key: wanted[key] for key in wants}
    tables = frozenset(table_of(key) for key in live_columns)
    return Difference(missing, extra, changed, renamed, tables)


def _columns(catalogue: Catalogue) -> Catalogue:
    return {key: value for key, value in catalogue.items() if key.startswith("column ")}


def _by_meaning(
    live: Catalogue, wanted: Catalogue
) -> dict[tuple[str, str], tuple[list[str], list[str]]]:
    groups: dict[tuple[str, str], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, catalogue in enumerate((live, wanted)):
        for key, value in catalogue.items():
            if not key.startswith("column "):
                groups[meaning_of(key, value)][side].append(key)
    return groups


def _match_names(lives: list[str], wants: list[str], renamed: dict[str, str]) -> None:
    """Takes pairs off both lists: first those of the same name, then whoever is left."""
    for key in [key for key in wants if key in lives]:
        lives.remove(key)
        wants.remove(key)
    while lives and wants:
        renamed[lives.pop()] = wants.pop()


def _name(key: str) -> str:
    kind = key.partition(" ")[0]
    return f"{kind} {table_of(key)}.{name_of(key)}"
