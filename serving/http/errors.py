"""Errors as OpenAI's clients read them: `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from serving.records import ServingError

_FORM = re.compile(r"^(str|[A-Z].*)$|\W")
"""What pydantic adds to a place for each form a field may have: `str`, `list[TextPart]`, `TextPart`."""
_CODES = {404: "not_found", 405: "method_not_allowed"}


def error_object(error: ServingError) -> dict[str, Any]:
    """The body of an answer, or of an event in a stream."""
    message = error.message.encode("utf-8", "backslashreplace").decode()  # it may quote half a surrogate pair
    param = error.param and error.param.encode("utf-8", "backslashreplace").decode()
    return {"error": {"message": message, "type": error.kind, "param": param, "code": error.code}}


def error_response(error: ServingError) -> Response:
    """The answer that says it."""
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error_object(error), status_code=error.status, headers=headers)


def internal_error() -> ServingError:
    """What a client hears of a mistake of ours: nothing of the exception, which may quote its prompt."""
    return ServingError(500, "the server made a mistake; its log has the place", code="internal_error")


def add_handlers(app: FastAPI) -> None:
    """Make every error of `app` look like that."""

    async def serving(request: Request, error: Any) -> Response:
        return error_response(error)

    async def validation(request: Request, error: Any) -> Response:
        return error_response(explained(error.errors()))

    async def http(request: Request, error: Any) -> Response:
        message = error.detail
        if error.status_code == 404:
            message = f"there is no {request.url.path!r} here"
        elif error.status_code == 405:
            message = f"{request.method} is not allowed here"
        answer = error_response(ServingError(error.status_code, message, code=_CODES.get(error.status_code)))
        answer.headers.update(error.headers or {})
        return answer

    app.add_exception_handler(ServingError, serving)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)


def explained(errors: Sequence[Mapping[str, Any]]) -> ServingError:
    """pydantic's errors of a body as one error (400): the first, with the place it is about."""
    error = errors[0]
    if error["type"] == "json_invalid":
        return ServingError(400, f"the body is not JSON: {error['ctx']['error']} at character {error['loc'][-1]}")
    places = [str(part) for part in error["loc"][1:] if isinstance(part, int) or not _FORM.search(part)]
    if error["type"] == "unknown_field":
        places.append(error["ctx"]["field"])
    param = ".".join(places) or None
    if error["type"] == "missing" and param is None:
        return ServingError(400, "the body is empty: send a JSON object with `Content-Type: application/json`")
    if param is None:
        return ServingError(400, "the body must be a JSON object, sent with `Content-Type: application/json`")
    message = error["msg"].removeprefix("Value error, ")
    code = "unknown_field" if error["type"] == "unknown_field" else None
    return ServingError(400, f"{param}: {message[:1].lower()}{message[1:]}", param=param, code=code)
