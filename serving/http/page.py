"""The page at `/`: fixed files of `serving/page`, read once."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

INDEX = "index.html"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def page_router(folder: Path) -> APIRouter:
    """Routes of the page, its scripts and styles, those alone; a folder without `index.html` gives none."""
    router = APIRouter(include_in_schema=False)
    if not (folder / INDEX).is_file():
        return router
    _add(router, "/", folder / INDEX, "text/html; charset=utf-8")
    for file in sorted(folder.iterdir()):
        if file.suffix in TYPES:
            _add(router, f"/{file.name}", file, TYPES[file.suffix])
    return router


def _add(router: APIRouter, path: str, file: Path, media_type: str) -> None:
    router.add_api_route(path, _sends(file.read_bytes(), media_type), methods=["GET", "HEAD"])


def _sends(content: bytes, media_type: str):
    async def send() -> Response:
        return Response(content, media_type=media_type, headers=HEADERS)

    return send
