"""What all requests and answers share."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, WrapValidator, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from common.config import nearest

MAX_TOKEN_ID = 2**31 - 1


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("surrogate", "holds half a surrogate pair, which is no character") from None
    return text


Str = Annotated[str, AfterValidator(_encodable)]
"""Text that UTF-8 can say; JSON's escapes can spell halves of characters."""
TokenId = Annotated[int, Field(ge=0, le=MAX_TOKEN_ID)]


def _one_message(value: Any, handler: Any) -> Any:
    if value in ("", []):
        raise PydanticCustomError("empty", "must not be empty")
    if isinstance(value, list) and any(one in ("", []) for one in value):
        at = next(number for number, one in enumerate(value) if one in ("", []))
        raise PydanticCustomError("empty", "text {at} is empty", {"at": at})
    try:
        return handler(value)
    except ValueError:
        message = "must be a string, a list of strings, a list of token ids, or a list of such lists"
        raise PydanticCustomError("input", message) from None


_Filled = Annotated[Str, Field(min_length=1)]
_Ids = Annotated[list[TokenId], Field(min_length=1, fail_fast=True)]
Texts = Annotated[
    _Filled
    | _Ids
    | Annotated[list[_Filled], Field(min_length=1, fail_fast=True)]
    | Annotated[list[_Ids], Field(min_length=1, fail_fast=True)],
    WrapValidator(_one_message),
]
"""One text or several, each as a string or as its token ids."""


def texts_of(value: str | list[Any]) -> list[str | tuple[int, ...]]:
    """Each text by itself, in order."""
    if isinstance(value, str):
        return [value]
    if isinstance(value[0], int):
        return [tuple(value)]
    return [one if isinstance(one, str) else tuple(one) for one in value]


def _json(value: Any) -> str:
    return json.dumps(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)


class Only:
    """Annotation of a field that means nothing here: null and `values` are accepted, all else is refused."""

    def __init__(self, *values: Any) -> None:
        self.values = values

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """What pydantic validates."""

        def check(value: Any) -> Any:
            if value is None or _json(value) in {_json(one) for one in self.values}:
                return value
            give = "".join(f", or give {json.dumps(one)}" for one in self.values)
            raise PydanticCustomError("not_supported", "is not supported here: leave it out{give}", {"give": give})

        return core_schema.no_info_plain_validator_function(check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        """What `/openapi.json` says."""
        accepted = [None, *self.values]
        return {"enum": accepted, "description": f"Not supported; taken as {json.dumps(accepted)[1:-1]} only."}


Ignored = Annotated[Any, WithJsonSchema({"description": "Accepted and ignored."})]


class Request(BaseModel):
    """A request's body: values of another type are refused, unknown fields as well."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _known_fields(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        for key in value:
            if key not in cls.model_fields:
                field = str(key).encode("utf-8", "backslashreplace").decode()  # pydantic cannot quote half a pair
                guess = nearest(field, tuple(cls.model_fields))
                message = "unknown field" + (", did you mean {guess}?" if guess else "")
                raise PydanticCustomError("unknown_field", message, {"field": field, "guess": guess or ""})
        return value


class Answer(BaseModel):
    """An answer's body."""

    model_config = ConfigDict(protected_namespaces=(), use_attribute_docstrings=True)


class AdapterTold(Answer):
    """The adapter that an answer was computed with."""

    name: str
    version: str | None
    digest: str
    """SHA-256 of its files."""


class EmbeddingUsage(Answer):
    """Tokens that were read."""

    prompt_tokens: int
    total_tokens: int


class Usage(EmbeddingUsage):
    """Tokens that were read and written."""

    completion_tokens: int


class ErrorObject(Answer):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    """The field of the request that it is about."""
    code: str | None


class ErrorBody(Answer):
    """An answer that is an error."""

    error: ErrorObject


ObjectList = Literal["list"]
