"""Which file is in which language, and who parses it."""

from __future__ import annotations

from pathlib import PurePath

from common.corpora.mining import python
from common.corpora.mining.functions import ParsedFile
from common.errors import UserError

EXTENSIONS = {".py": "python"}
_PARSERS = {"python": python.parse_file}


def language_of(path: str) -> str | None:
    """The language of a file by its name, None where it is none of ours."""
    return EXTENSIONS.get(PurePath(path).suffix)


def parse_file(source: bytes, path: str, language: str) -> ParsedFile:
    """The functions of one file. Raises `UserError` for an unknown language or a missing grammar, `DataError` for
    bytes that are no text."""
    if language not in _PARSERS:
        raise UserError(f"no parser for language {language!r}", f"known are {', '.join(sorted(_PARSERS))}")
    return _PARSERS[language](source, path)
