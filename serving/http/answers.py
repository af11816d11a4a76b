"""Parts that answers of several endpoints share."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse

from common.retrieval.filters import Filters
from serving.http.backend import Chosen
from serving.http.exchange import Exchange, label
from serving.http.schemas.search import FilterFields
from serving.http.snippets import snippet

if TYPE_CHECKING:
    from common.retrieval.searcher import Hit


def new_id(prefix: str) -> str:
    """An id for an answer."""
    return f"{prefix}-{secrets.token_hex(12)}"


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())


def answer(body: Mapping[str, Any], headers: Mapping[str, str]) -> JSONResponse:
    """A body as it stands; the schemas describe it, and the tests hold it to them."""
    return JSONResponse(body, headers=dict(headers))


def of_model(chosen: Chosen) -> dict[str, Any]:
    """`model` and `adapter` of an answer."""
    return {"model": label(chosen), "adapter": dict(chosen.adapter) if chosen.adapter else None}


def filters_of(fields: FilterFields) -> Filters:
    """What a request lets a search find."""
    return Filters(
        languages=tuple(fields.language), paths=tuple(fields.path), kinds=tuple(fields.kind), tests=fields.tests
    )


def results_of(hits: Sequence[Hit], query: str, exchange: Exchange) -> list[dict[str, Any]]:
    """Hits as results with snippets."""
    found = []
    for hit in hits:
        shown = snippet(hit.source, query, exchange.settings.snippet_lines)
        found.append(
            {
                "path": hit.path,
                "start_line": hit.start_line,
                "end_line": hit.end_line,
                "symbol": hit.symbol,
                "kind": hit.kind,
                "language": hit.language,
                "score": hit.score,
                "scores": hit.scores,
                "snippet": shown.text,
                "snippet_start_line": hit.start_line + shown.line,
                "highlights": [{"start": start, "end": end} for start, end in shown.highlights],
            }
        )
    return found
