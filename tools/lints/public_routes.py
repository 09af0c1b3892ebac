"""Who may call a route is read in its signature, not guessed from what it does."""

import ast
from collections.abc import Iterator
from pathlib import Path

RULE = "every route declares its caller (a parameter typed by edge/deps.py) or is marked public"
VERBS = {"get", "post", "put", "patch", "delete", "head", "options", "websocket", "api_route"}
CALLERS = {"SignedIn", "AdminOnly"}


def applies(path: Path) -> bool:
    return path.name == "routes.py" or (path.parts[0] == "features" and "routes" in path.parts)


def find(tree: ast.Module, path: Path) -> Iterator[int]:
    open_routers = set(_public_routers(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        routes = [one for one in node.decorator_list if _is_route(one)]
        is_public = any(
            "public" in ast.unparse(one).lower() or _router_of(one) in open_routers
            for one in routes
        )
        if routes and not is_public and not _names_caller(node):
            yield node.lineno


def _public_routers(tree: ast.Module) -> Iterator[str]:
    """Names of routers that are public as a whole."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and "public" in ast.unparse(node.value).lower():
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _router_of(decorator: ast.expr) -> str:
    return ast.unparse(decorator).split(".")[0]


def _is_route(decorator: ast.expr) -> bool:
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in VERBS
    )


def _names_caller(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    return any(
        word in ast.unparse(argument.annotation)
        for argument in arguments
        if argument.annotation is not None
        for word in CALLERS
    )
