"""Who commits decides what belongs together, so there is one such place."""

import ast
from collections.abc import Iterator
from pathlib import Path

RULE = "only work/unit.py, the migrations and adapters with a connection of their own commit"
ALLOWED = ("work/unit.py", "schema/migrations/", "adapters/queue/")


def applies(path: Path) -> bool:
    return not path.as_posix().startswith(ALLOWED)


def find(tree: ast.Module, path: Path) -> Iterator[int]:
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr == "commit":
            yield node.lineno
