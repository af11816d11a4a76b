"""What the HTTP layer is told: who may ask, and how much."""

from __future__ import annotations

from pydantic import Field, field_validator

from common.config import Config
from serving.http.keys import ApiKey


class HttpSettings(Config):
    """Limits of the HTTP layer, for each process of it."""

    keys: tuple[ApiKey, ...] | None = None
    """Who may ask; None = everybody, without a key."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call from a browser, such as https://tools.example.org; none by default."""
    max_body_bytes: int = Field(default=8 << 20, ge=1)
    """Longest request body; a longer one gets 413."""
    body_time_limit_s: float = Field(default=30.0, gt=0)
    """Seconds in which a body has to arrive; a slower one gets 408."""
    time_limit_s: float = Field(default=120.0, gt=0)
    """Seconds for an answer to its last token; then the work is cancelled: 504, or an error event in a stream."""
    max_in_flight: int = Field(default=64, ge=1)
    """Requests under /v1 that are answered at a time; one more gets 429."""
    max_wait_s: float = Field(default=0.75, gt=0)
    """Longest estimated wait of an embeddings, search or rerank request; one that would wait longer gets 429, so that
    what is accepted is answered soon, however many ask."""
    max_inputs: int = Field(default=2048, ge=1)
    """Most texts in one embeddings request; more get 413."""
    max_documents: int = Field(default=1000, ge=1)
    """Most documents in one rerank request; more get 413."""
    max_answers: int = Field(default=16, ge=1)
    """Most answers of one request, prompts times n; more get 413."""
    max_new_tokens: int = Field(default=2048, ge=1)
    """Longest answer that may be asked for, in tokens."""
    default_new_tokens: int = Field(default=256, ge=1)
    """Longest answer where none is asked for, in tokens; `max_new_tokens` where that is less."""
    max_top_k: int = Field(default=100, ge=1)
    """Most results of a search, and most units found for a prompt."""
    max_query_chars: int = Field(default=20_000, ge=1)
    """Longest query of a search or a ranking."""
    snippet_lines: int = Field(default=12, ge=1)
    """Most lines shown of a unit that was found."""

    @field_validator("keys")
    @classmethod
    def _distinct(cls, keys: tuple[ApiKey, ...] | None) -> tuple[ApiKey, ...] | None:
        for what in ("name", "sha256"):
            if len({getattr(key, what) for key in keys or ()}) < len(keys or ()):
                raise ValueError(f"two keys have the same {what}")
        return keys
