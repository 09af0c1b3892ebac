"""HTTP for models."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, status

from opentranscribe.edge.deps import AdminOnly, OptionsDep, PortsDep, SignedIn, WorkDep
from opentranscribe.features.jobs.routes import KindsDep
from opentranscribe.features.jobs.schemas import JobView
from opentranscribe.features.models.schemas import ModelOut
from opentranscribe.features.models.service import ModelService

router = APIRouter(tags=["models"])


@router.get("/models")
def list_models(caller: SignedIn, ports: PortsDep, options: OptionsDep) -> list[ModelOut]:
    return ModelService(ports.models, ports.recognizer, options.default_model).list_models()


@router.post("/models/{name}/fetch", status_code=status.HTTP_202_ACCEPTED)
def fetch_model(
    admin: AdminOnly,
    work: WorkDep,
    ports: PortsDep,
    options: OptionsDep,
    kinds: KindsDep,
    name: Annotated[str, Path(max_length=200)],
) -> JobView:
    """Fetch a model in the background."""
    service = ModelService(ports.models, ports.recognizer, options.default_model)
    return service.fetch(work, kinds, name)
