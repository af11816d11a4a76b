"""Which adapter serves a query: that of its language where something says which, else the combined one. Pure.

In turn: the filter, the file's extension, the classifier on the query. An adapter for a language is picked only where
one of these names the language; a language without an adapter is served by the combined one and, without that, by
the base. Nothing is picked silently: `reason` says what decided.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from common.corpora.mining import python
from common.corpora.mining.languages import GRAMMARS, LANGUAGES, language_of
from common.errors import UserError
from common.retrieval.query_language import classify

COMBINED = "all"
"""The key of the adapter that was trained on several languages."""
TITLES = {python.LANGUAGE: python.TITLE} | {grammar.language: grammar.title for grammar in GRAMMARS}
_SPELLINGS = {
    "js": "javascript",
    "node": "javascript",
    "ts": "typescript",
    "golang": "go",
    "py": "python",
    "rb": "ruby",
}
_SHOWN = 3  # cues in a reason: enough to see why


@dataclass(frozen=True)
class Route:
    """What was picked for a query, and why."""

    language: str | None
    """The language whose adapter was picked, None for the combined adapter and the base."""
    adapter: str | None
    """The name of the adapter among those given, None for the base itself."""
    reason: str
    """One clause for people."""


def route(query: str, adapters: Mapping[str, str], *, language: str | None = None, path: str | None = None) -> Route:
    """The adapter for a query.

    `adapters`: language → name, with `COMBINED` for the one of all languages; either may be missing. `language` is
    the filter of the search, `path` the file that the query comes from. Raises `UserError` where `language` is
    neither one of `LANGUAGES` nor a language in `adapters`.
    """
    if language is not None:
        return _serve(_known(language, adapters), f"the filter asks for {language}", adapters)
    if path is not None and (found := language_of(path)) is not None:
        return _serve(found, f"the file is {PurePath(path).name}", adapters)
    guess = classify(query)
    if guess.language is not None:
        cues = ", ".join(guess.cues[:_SHOWN])
        return _serve(guess.language, f"the query looks like {TITLES[guess.language]} ({cues})", adapters)
    return Route(None, adapters.get(COMBINED), "nothing names a language")


def _serve(language: str, reason: str, adapters: Mapping[str, str]) -> Route:
    if language in adapters:
        return Route(language, adapters[language], reason)
    instead = "the combined one serves" if COMBINED in adapters else "the base serves"
    return Route(None, adapters.get(COMBINED), f"{reason}, for which there is no adapter: {instead}")


def _known(language: str, adapters: Mapping[str, str]) -> str:
    known = sorted({*LANGUAGES, *adapters} - {COMBINED})
    if language in known:
        return language
    spellings = {name: name for name in known} | {title.lower(): name for name, title in TITLES.items()} | _SPELLINGS
    close = difflib.get_close_matches(language.lower(), spellings, n=1)
    guess = f"did you mean {spellings[close[0]]!r}? " if close else ""
    raise UserError(f"there is no language {language!r}", f"{guess}known are {', '.join(known)}")
