"""`GET /v1/models`, `GET /v1/models/{id}`, `/health` and `/ready`."""

from __future__ import annotations

from typing import Any, Literal

from serving.http.schemas.common import Answer, ObjectList


class ModelObject(Answer):
    """A base or an adapter; the fields after `owned_by` are beyond OpenAI's."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "codeadapters"
    base: str
    base_digest: str
    tasks: list[str]
    """search, generation."""
    dimensions: int | None
    max_tokens: int | None
    adapter: str | None
    """Its name; None for a bare base, as the fields below."""
    version: str | None
    aliases: list[str]
    digest: str | None
    method: str | None
    language: str | None
    run_id: str | None
    """The MLflow run that trained it."""
    scores: dict[str, Any]
    """What it was evaluated with."""


class ModelList(Answer):
    """All that can be asked for."""

    object: ObjectList = "list"
    data: list[ModelObject]


class Health(Answer):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(Answer):
    """Whether requests are taken."""

    status: Literal["ready", "not_ready"]
    missing: list[str]
    """What is not there yet."""
