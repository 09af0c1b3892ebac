"""Health and facts about the installation on the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

Status = Literal["healthy", "degraded", "unhealthy"]


class DependencyOut(BaseModel):
    """``seconds`` is how long it took to answer."""

    name: str
    status: Status
    detail: str | None = None
    seconds: float


class HealthOut(BaseModel):
    status: Status
    version: str
    dependencies: list[DependencyOut]


class LiveOut(BaseModel):
    status: Literal["alive"] = "alive"


class ReadyOut(BaseModel):
    status: Literal["ready", "not_ready"]
    detail: str | None = None


class VersionOut(BaseModel):
    name: str = "OpenTranscribe"
    version: str


class UserCounts(BaseModel):
    total: int
    active: int


class FileCounts(BaseModel):
    total: int
    total_duration: float
    total_size: int
    by_status: dict[str, int]


class ModelFact(BaseModel):
    name: str
    purpose: str
    state: str
    size_bytes: int


class ProcessFact(BaseModel):
    name: str
    kind: str
    queues: str
    version: str


class StatsOut(BaseModel):
    """``users`` is for administrators only; ``device_mode`` is cpu or cuda."""

    version: str
    device_mode: Literal["cpu", "cuda"]
    whisper_model: str
    models: list[ModelFact]
    users: UserCounts | None
    files: FileCounts
    jobs: dict[str, int]
    workers: list[ProcessFact]
    cpu_count: int
    python_version: str
    platform: str


class PartFact(BaseModel):
    name: str
    version: str
    licence: str


class AboutOut(BaseModel):
    name: str = "OpenTranscribe"
    version: str
    licence: str
    python: str
    database: str | None
    parts: list[PartFact]
