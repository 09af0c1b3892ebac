"""An error that is caught and not used is a question nobody can answer later."""

import ast
from collections.abc import Iterator
from pathlib import Path

RULE = "a broad except must do something: log it, record it, or raise"


def applies(path: Path) -> bool:
    return True


def find(tree: ast.Module, path: Path) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and _does_nothing(node):
            yield node.lineno


def _is_broad(node: ast.ExceptHandler) -> bool:
    broad = {"Exception", "BaseException"}
    return node.type is None or (isinstance(node.type, ast.Name) and node.type.id in broad)


def _does_nothing(node: ast.ExceptHandler) -> bool:
    idle = (ast.Pass, ast.Continue, ast.Break)
    return all(
        isinstance(one, idle) or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        for one in node.body
    )
