"""A statement that is written where it is needed is found by nobody else."""

import ast
from collections.abc import Iterator
from pathlib import Path

RULE = "features put their SQL into queries.py (or work/access.py)"
STATEMENTS = {"select", "insert", "update", "delete", "text"}


def applies(path: Path) -> bool:
    parts = path.parts
    return parts[0] in {"features", "edge"} and "queries" not in path.as_posix()


def find(tree: ast.Module, path: Path) -> Iterator[int]:
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in STATEMENTS & imported:
            yield node.lineno
