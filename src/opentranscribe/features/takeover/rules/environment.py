"""What of the earlier system's ``.env`` means something here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

KEY = "ENCRYPTION_KEY"
#: Addresses and folders inside the earlier system's containers: true there, wrong here.
ELSEWHERE = frozenset({"DATABASE_URL", "MODEL_CACHE_DIR", "RATE_LIMIT_TRUSTED_PROXIES"})
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,@+=%")


@dataclass(frozen=True)
class Proposal:
    """``taken`` by our names; ``refused`` are names whose values make no sense here; ``unused``
    the names that mean nothing here."""

    taken: Mapping[str, str]
    refused: tuple[str, ...]
    unused: tuple[str, ...]

    def text(self) -> str:
        lines = [
            "# Taken over from the .env of the earlier system; .env.example explains each.",
            *(f"{name}={_quote(value)}" for name, value in self.taken.items()),
        ]
        return "\n".join(lines) + "\n"


def propose(
    earlier: Mapping[str, str | None],
    known: Mapping[str, str],
    suits: Callable[[str, str], bool],
) -> Proposal:
    """``known`` leads from each name that may stand in a ``.env`` to ours; ``suits`` says whether
    a value does for a name of ours."""
    taken: dict[str, str] = {}
    refused, unused = [], []
    for name, value in earlier.items():
        if not value or name == KEY:
            continue
        ours = known.get(name)
        if ours is None or name in ELSEWHERE:
            unused.append(name)
        elif suits(ours, value):
            taken.setdefault(ours, value)
        else:
            refused.append(name)
    return Proposal(taken, tuple(refused), tuple(unused))


def _quote(value: str) -> str:
    if set(value) <= _PLAIN:
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
