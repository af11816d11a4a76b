"""`/openapi.json`: each status that can occur, and how a key is sent."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.http.schemas.common import ErrorBody
from serving.http.schemas.models import Ready

_TOLD: dict[int, str] = {
    400: "A field is wrong, empty, unknown or not supported; `param` names it",
    401: "No API key, or an unknown one",
    403: "The key does not permit this model",
    404: "No such model, adapter, version, alias or index",
    408: "The body did not arrive in time",
    413: "The body is too long, or holds too much",
    429: "The key's rate is used up, or the queue is full; `Retry-After` says when to come again",
    500: "A mistake of the server's",
    503: "Not ready, or the files of this adapter are damaged",
    504: "Not answered within the server's time limit",
}
_WITHOUT_BODY = (401, 403, 404, 408, 413, 429, 500, 503, 504)
_RETRY = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
_ADAPTER = {
    "x-adapter": {"description": "NAME or NAME@VERSION of the adapter, percent-encoded", "schema": {"type": "string"}},
    "x-adapter-digest": {"description": "SHA-256 of its files", "schema": {"type": "string"}},
}
_EVENT = {
    "description": "A chunk of the answer as JSON, at last `[DONE]`; or `error` with an error object as the last event",
    "type": "object",
    "properties": {"event": {"enum": ["message", "error"]}, "data": {"type": "string"}},
    "required": ["data"],
}


def describe(app: FastAPI) -> None:
    """Make `app.openapi` say all that."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _made(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # how FastAPI has it done


def _made(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    parts = schema["components"]
    error = ErrorBody.model_json_schema(ref_template="#/components/schemas/{model}")
    parts["schemas"] |= error.pop("$defs") | {ErrorBody.__name__: error}
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for name in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(name, None)
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _complete(operation, path, method)
    return schema


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    statuses = _TOLD if method == "post" or "{" in path else dict.fromkeys(_WITHOUT_BODY)
    error = {"schema": {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}}
    for status in statuses:
        if str(status) not in responses:
            headers = {"headers": _RETRY} if status in (429, 503) else {}
            responses[str(status)] = {"description": _TOLD[status], "content": {"application/json": error}, **headers}
    if path == "/ready":
        ready = {"schema": {"$ref": f"#/components/schemas/{Ready.__name__}"}}
        responses["503"] = {"description": "What is missing", "content": {"application/json": ready}}
    if path.startswith("/v1/"):
        operation["security"] = [{"key": []}, {}]
    if path == "/metrics":
        operation["security"] = [{"key": []}, {}]
        responses["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    if method == "post":
        responses["200"]["headers"] = _ADAPTER
    if path.endswith("/completions"):
        responses["200"]["content"]["text/event-stream"] = {"itemSchema": _EVENT}
