"""Rooms that grew too large: modules, functions, arguments. Prints what to look at, fails past the
hard numbers."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("src", "tests", "tools", "bench")
#: (ask why, fail)
MODULE_LINES = (300, 400)
FUNCTION_LINES = (40, 60)
ARGUMENTS = (6, 9)
SHELL_LINES = (150, 150)
#: Long because the thing described is long: frozen SQL, and tables of values.
DATA_FOLDERS = ("schema/migrations/legacy", "schema/migrations/versions", "adapters/models/catalog")

Finding = tuple[str, str, int, tuple[int, int]]


def main() -> int:
    found = [finding for path in sources() for finding in look(path)]
    hard = [finding for finding in found if finding[2] > finding[3][1]]
    for where, what, size, (soft, limit) in sorted(found, key=lambda f: f[2] - f[3][1]):
        print(
            f"{'TOO LARGE' if size > limit else 'large'}  {where}: {size} {what} ({soft}, {limit})"
        )
    print(f"{len(found)} past the first number, {len(hard)} past the second")
    return 1 if hard else 0


def sources() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))
    yield from [ROOT / "opentr.sh", *sorted((ROOT / "scripts").glob("*.sh"))]


def look(path: Path) -> Iterator[Finding]:
    where = str(path.relative_to(ROOT))
    if any(folder in where for folder in DATA_FOLDERS):
        return
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sh":
        yield from past(where, "lines", text.count("\n"), SHELL_LINES)
        return
    yield from past(where, "lines", text.count("\n"), MODULE_LINES)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{where}:{node.lineno} {node.name}"
            yield from past(name, "lines", (node.end_lineno or 0) - node.lineno + 1, FUNCTION_LINES)
            yield from past(name, "arguments", count_arguments(node, where), ARGUMENTS)


def count_arguments(node: ast.FunctionDef | ast.AsyncFunctionDef, where: str) -> int:
    """Routes, commands and tests declare what they are given, so theirs are not counted."""
    if where.startswith("tests/") or where.endswith("routes.py") or "/entrypoints/" in where:
        return 0
    arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    return sum(argument.arg not in {"self", "cls"} for argument in arguments)


def past(where: str, what: str, size: int, limits: tuple[int, int]) -> Iterator[Finding]:
    if size > limits[0]:
        yield where, what, size, limits


if __name__ == "__main__":
    sys.exit(main())
