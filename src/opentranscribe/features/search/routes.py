"""HTTP for search."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, status

from opentranscribe.edge.deps import AdminOnly, PortsDep, SignedIn, WorkDep
from opentranscribe.features.jobs.routes import KindsDep
from opentranscribe.features.jobs.schemas import JobView
from opentranscribe.features.search.rebuilding import begin_reindex
from opentranscribe.features.search.schemas import FiltersOut, SearchMode, SearchOut
from opentranscribe.features.search.service import SearchService, Wish

router = APIRouter(tags=["search"])


@router.get("/search")
def search_transcripts(
    caller: SignedIn,
    work: WorkDep,
    ports: PortsDep,
    q: Annotated[str, Query(min_length=1, max_length=500)],
    search_mode: SearchMode = "hybrid",
    speakers: Annotated[list[str], Query(max_length=20)] = [],  # noqa: B006 - FastAPI copies it
    languages: Annotated[list[str], Query(max_length=20)] = [],  # noqa: B006 - FastAPI copies it
    date_from: datetime | None = None,
    date_to: datetime | None = None,
    file_uuid: UUID | None = None,
    page: Annotated[int, Query(ge=1, le=1000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
    facets: bool = False,
) -> SearchOut:
    """Find words, "exact phrases", ``speaker:name`` and, in hybrid mode, what was meant. With
    ``facets`` it is counted in how many recordings who says it, and in which languages."""
    wish = Wish(
        typed=q,
        mode=search_mode,
        speakers=tuple(speakers),
        languages=tuple(languages),
        date_from=date_from,
        date_to=date_to,
        file_uuid=file_uuid,
        page=page,
        page_size=page_size,
        with_facets=facets,
    )
    return SearchService(work, ports.search, ports.sentence_encoder).search(wish)


@router.get("/search/suggestions")
def suggest_queries(
    caller: SignedIn,
    work: WorkDep,
    ports: PortsDep,
    q: Annotated[str, Query(min_length=2, max_length=100)],
    limit: Annotated[int, Query(ge=1, le=20)] = 8,
) -> list[str]:
    """Titles, speakers and words that begin like this."""
    return SearchService(work, ports.search, ports.sentence_encoder).suggest(q, limit)


@router.get("/search/filters")
def list_filters(caller: SignedIn, work: WorkDep, ports: PortsDep) -> FiltersOut:
    """What the caller's recordings can be filtered by."""
    return SearchService(work, ports.search, ports.sentence_encoder).filters()


@router.post("/admin/reindex", status_code=status.HTTP_202_ACCEPTED)
def reindex_all(caller: AdminOnly, work: WorkDep, kinds: KindsDep) -> JobView:
    """Build the search index anew from the transcripts; search goes on meanwhile."""
    return begin_reindex(work, kinds)
