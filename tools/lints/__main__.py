"""Rules of the house that no ready-made linter knows: ``python tools/lints``.

One file, one rule. A rule is a module with ``RULE`` (its sentence), ``applies(path)`` and
``find(tree)``, which yields line numbers. A line may be excused by ``# lint: NAME - reason``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import commits
import module_names
import paging
import public_routes
import silent_except
import sql_place

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "opentranscribe"
RULES = (commits, module_names, paging, public_routes, silent_except, sql_place)


def check(path: Path, text: str) -> Iterator[str]:
    """One line for each breach of a rule in a module; ``path`` is relative to the package."""
    tree, lines = ast.parse(text), text.splitlines()
    for rule in RULES:
        if not rule.applies(path):
            continue
        for number in rule.find(tree, path):
            line = lines[number - 1] if lines else ""
            if f"# lint: {rule.__name__} - " not in line:
                yield f"src/opentranscribe/{path}:{number} {rule.__name__}: {rule.RULE}"


def main() -> int:
    breaches = [
        breach
        for path in sorted(SOURCE.rglob("*.py"))
        for breach in check(path.relative_to(SOURCE), path.read_text(encoding="utf-8"))
    ]
    print("\n".join([*breaches, f"{len(breaches)} breaches of {len(RULES)} rules"]))
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
