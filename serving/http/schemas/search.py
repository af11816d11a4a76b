"""`POST /v1/search` and `GET /v1/indexes`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from serving.http.schemas.common import AdapterTold, Answer, EmbeddingUsage, ObjectList, Request, Str

Glob = Annotated[Str, Field(min_length=1, max_length=500)]
Globs = Annotated[list[Glob], Field(max_length=32)]
Kind = Literal["function", "method", "class", "module"]


class FilterFields(Request):
    """What may be found; each empty list lets everything through."""

    language: Globs = Field(default=[], description="Languages, such as python")
    path: Globs = Field(default=[], description="Globs over paths; * also crosses folders: src/*, *.go")
    kind: Annotated[list[Kind], Field(max_length=8)] = Field(default=[], description="Kinds of unit")
    tests: bool = Field(default=False, description="Whether units of test files are found, too")


class SearchRequest(FilterFields):
    """A query to an index."""

    query: Annotated[Str, Field(min_length=1, description="Words, a question, or code")]
    index: Str | None = Field(
        default=None, description="Name of a configured index; may be left out where there is one"
    )
    model: Annotated[Str, Field(min_length=1)] | None = Field(
        default=None, description="Whose vectors are searched; left out: picked by the query"
    )
    adapter: Annotated[Str, Field(min_length=1)] | None = Field(
        default=None, description="As model without the base: NAME[@VERSION|@ALIAS], base or auto; not beside model"
    )
    top_k: Annotated[int, Field(ge=1, le=10_000)] = 10
    legs: Annotated[list[Literal["bm25", "dense"]], Field(min_length=1, max_length=2)] = Field(
        default=["bm25", "dense"], description="bm25: words; dense: vectors; both: fused"
    )


class Span(Answer):
    """Characters of a snippet that match a word of the query."""

    start: int
    end: int
    """The first one after."""


class Result(Answer):
    """A unit of code that was found."""

    path: str
    start_line: int
    """Counted from 1."""
    end_line: int
    symbol: str
    kind: str
    language: str
    score: float
    """What it is ranked by."""
    scores: dict[str, float]
    """Of each leg that found it."""
    snippet: str
    """Its lines that match best."""
    snippet_start_line: int
    highlights: list[Span]


class SearchAnswer(Answer):
    """Results, best first."""

    object: ObjectList = "list"
    index: str
    model: str
    adapter: AdapterTold | None
    """None for the bare base."""
    why: str
    """Why that one."""
    legs: list[str]
    results: list[Result]
    usage: EmbeddingUsage


class IndexObject(Answer):
    """An index that can be searched."""

    id: str
    object: Literal["index"] = "index"
    languages: list[str]
    models: list[str]
    """Whose vectors it has."""
    units: int


class IndexList(Answer):
    """All of them."""

    object: ObjectList = "list"
    data: list[IndexObject]
