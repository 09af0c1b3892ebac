"""Reading from a route who may call it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from opentranscribe.edge.deps import admin_only, public, signed_in

Access = Literal["public", "signed_in", "admin"]


class UndeclaredAccessError(Exception):
    """A route that says nothing, or two things, about who may call it."""


def list_routes(routers: Iterable[APIRouter], prefix: str) -> list[tuple[str, APIRoute]]:
    """Every route with its full path, routers within routers too. Raises UndeclaredAccessError for
    what cannot be looked into."""
    found: list[tuple[str, APIRoute]] = []
    for router in routers:
        for route in router.routes:
            nested: Any = getattr(route, "original_router", None)
            if isinstance(route, APIRoute):
                found.append((prefix + route.path, route))
            elif isinstance(nested, APIRouter):
                added: Any = getattr(route, "include_context", None)
                found += list_routes([nested], prefix + getattr(added, "prefix", ""))
            else:
                raise UndeclaredAccessError(f"{route} is no plain HTTP route")
    return found


def access_of(route: APIRoute) -> Access:
    """Raises UndeclaredAccessError."""
    calls = set(_calls(route.dependant))
    if public in calls and signed_in not in calls:
        return "public"
    if signed_in in calls and public not in calls:
        return "admin" if admin_only in calls else "signed_in"
    raise UndeclaredAccessError(
        f"{route.path} must name exactly one of SignedIn, AdminOnly, public"
    )


def _calls(dependant: Dependant) -> Iterator[object]:
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)
