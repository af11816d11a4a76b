"""The documents of a search corpus as the files and units of an index."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from common.corpora.beir import Document
from common.corpora.mining.walk import is_test
from common.retrieval.store import File, StoredUnit
from common.retrieval.tokens import tokenise


def files_of(documents: Iterable[tuple[str, Document]]) -> Iterator[tuple[File, list[StoredUnit]]]:
    """(file, units) by path, from (id, document). Metadata that say `path`, `start_line`, `end_line`, `symbol` and
    `language` place a document; one without a path is a file of its own, named by its id."""
    by_path: dict[str, list[Document]] = {}
    for name, document in documents:
        by_path.setdefault(str(document.metadata.get("path") or name), []).append(document)
    for path, found in sorted(by_path.items()):
        units = [_unit(document) for document in found]
        digest = hashlib.sha256("".join(f"{unit.digest}{unit.start_line}" for unit in units).encode()).hexdigest()
        language = str(found[0].metadata.get("language") or "")
        yield File(path, language, digest, is_test(path)), units


def _unit(document: Document) -> StoredUnit:
    told, text = document.metadata, document.content()
    symbol, start = str(told.get("symbol") or ""), int(told.get("start_line") or 1)
    digest = hashlib.sha256(f"{told.get('language')}\0{symbol}\0{text}".encode()).hexdigest()
    end = int(told.get("end_line") or start + document.text.count("\n"))
    return StoredUnit("function", symbol, start, end, document.text, digest, text, " ".join(tokenise(text)))
