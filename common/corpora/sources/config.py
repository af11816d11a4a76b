"""Which named data set, and how it is read. Describes only."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from common.config import Config

SetName = Literal["codesearchnet", "csn-challenge", "cosqa", "xlcost", "codetrans", "advtest", "humaneval-x"]
TextForm = Literal["source", "tokens"]
Markers = Literal["keep", "layout"]
Level = Literal["program", "snippet"]

_BELONGS_TO = {
    "release": ("codesearchnet",),
    "text": ("codesearchnet", "cosqa", "advtest"),
    "task": ("xlcost",),
    "level": ("xlcost",),
    "markers": ("xlcost",),
}


class SetOptions(Config):
    """How a named data set is read."""

    path: Path | None = None
    """Folder (or file) with a copy in the published layout; none = from the Hub or its local cache."""
    languages: tuple[str, ...] = ()
    """Only these languages, or for code2code these directions, such as java-cpp; none = all that are there."""
    release: Literal["cleaned", "raw"] = "cleaned"
    """codesearchnet: GraphCodeBERT's cleaned split with its full candidate pools, or the raw release."""
    text: TextForm = "source"
    """codesearchnet, cosqa, advtest: source text, or tokens joined by one space."""
    task: Literal["text2code", "code2code"] | None = None
    """xlcost: what is searched with; none = code2code."""
    level: Level = "program"
    """xlcost: whole programs or snippets."""
    markers: Markers = "layout"
    """xlcost: keep the marker tokens (NEW_LINE, INDENT), or turn them into the layout that they stand for."""
    limit: int | None = Field(default=None, ge=1)
    """At most so many training pairs a part, the first ones; what is evaluated stays whole."""

    def given(self) -> set[str]:
        """The options that differ from their defaults."""
        return {name for name, field in SetOptions.model_fields.items() if getattr(self, name) != field.default}

    def of(self, name: SetName) -> SetConfig:
        """These options for the set `name`."""
        return SetConfig(name=name, **{option: getattr(self, option) for option in SetOptions.model_fields})


class SetConfig(SetOptions):
    """A named data set for code search."""

    name: SetName
    """The set."""

    @model_validator(mode="after")
    def _keys_belong(self) -> SetConfig:
        for key, sets in _BELONGS_TO.items():
            if self.name not in sets and key in self.given():
                raise ValueError(f"`{key}` says nothing about {self.name}, it is for {', '.join(sets)}")
        return self
