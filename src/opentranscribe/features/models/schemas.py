"""Models on the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class ModelOut(BaseModel):
    """``folder`` is where files may be put by hand; ``languages`` is known of recognisers only."""

    name: str
    purpose: str
    state: Literal["ready", "missing", "damaged"]
    size_bytes: int
    languages: Literal["all", "en"] | None
    translates: bool
    licence: str
    folder: str
    sources: list[str]
    is_default: bool
