"""Retrieval sets in BEIR's folder layout (Thakur et al. 2021), which MTEB, CoIR and sentence-transformers read too.

    FOLDER/corpus.jsonl      {"_id", "title", "text", "metadata"} a line
    FOLDER/queries.jsonl     {"_id", "text"} a line
    FOLDER/qrels/SPLIT.tsv   query-id, corpus-id, score; tab-separated, graded, header optional when reading

Each file may be `.gz`. The text a document is encoded with is its title, a newline and its text where it has a title,
its text alone otherwise: `Document.content`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from common.corpora.lines import Problem, json_line, json_objects, refuse_empty, text_lines, why_not_text
from common.errors import DataError
from common.runs import write_text

HEADER = ("query-id", "corpus-id", "score")
Qrels = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Document:
    """One entry of the corpus."""

    text: str
    title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def content(self) -> str:
        """The text to encode: title, newline, text."""
        return f"{self.title}\n{self.text}" if self.title else self.text


@dataclass(frozen=True)
class RetrievalSet:
    """Queries, the pool they search, and who is relevant to whom; every query has a positive judgement.

    `qrels[query_id][document_id]` is the grade: 0 and below mean judged and not relevant. Documents whose metadata
    name the same `problem` are solutions of one problem (code2code).
    """

    name: str
    queries: dict[str, str]
    documents: dict[str, Document]
    qrels: Qrels
    gain: Literal["linear", "exponential"] = "linear"
    """What a grade is worth in NDCG: itself, or 2^grade − 1 (CodeSearchNet Challenge)."""


def read_beir(folder: Path | str, split: str = "test") -> tuple[RetrievalSet, tuple[Problem, ...]]:
    """Read a BEIR folder; the set is named after the folder.

    Bad lines are skipped and reported, and so are judgements about unknown queries or documents. Queries without a
    positive judgement in this split are left out; one `Problem` counts them. Raises `DataError` where a file is
    missing or nothing usable remains.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(folder, None, None, "no such folder", "a BEIR folder holds corpus.jsonl, queries.jsonl, qrels/")
    problems: list[Problem] = []
    documents: dict[str, Document] = {}
    corpus_file = _variant(folder / "corpus.jsonl")
    for line, record in _records(corpus_file, documents, problems):
        if bad := _why_no_document(record):
            problems.append(Problem(corpus_file, line, *bad))
        else:
            document = Document(record["text"], record.get("title") or "", record.get("metadata") or {})
            documents[record["_id"]] = document
    if not documents:
        refuse_empty(corpus_file, "document", problems)

    queries: dict[str, str] = {}
    lines_of: dict[str, int] = {}
    queries_file = _variant(folder / "queries.jsonl")
    for line, record in _records(queries_file, queries, problems):
        if reason := why_not_text(record, "text"):
            problems.append(Problem(queries_file, line, "text", reason))
        else:
            queries[record["_id"]], lines_of[record["_id"]] = record["text"], line
    if not queries:
        refuse_empty(queries_file, "query", problems)

    qrels_file = _variant(folder / "qrels" / f"{split}.tsv")
    qrels = _read_qrels(qrels_file, queries, documents, problems)
    positive = {query for query, grades in qrels.items() if max(grades.values()) > 0}
    if not positive:
        refuse_empty(qrels_file, "positive judgement", problems)
    if unjudged := [query for query in queries if query not in positive]:
        others = f" and {len(unjudged) - 1} more" if len(unjudged) > 1 else ""
        reason = f"query {unjudged[0]!r}{others} left out: no positive judgement in {qrels_file.name}"
        problems.append(Problem(queries_file, lines_of[unjudged[0]], "_id", reason))
    kept = {query: text for query, text in queries.items() if query in positive}
    found = RetrievalSet(folder.resolve().name, kept, documents, {query: qrels[query] for query in kept})
    return found, tuple(problems)


def write_beir(folder: Path | str, retrieval: RetrievalSet, split: str = "test") -> None:
    """Write the three files, each atomically, the judgements last.

    Raises `DataError`, before anything is written, for a set that `read_beir` would not give back as it is.
    """
    folder = Path(folder)
    corpus_file, queries_file, qrels_file = folder / "corpus.jsonl", folder / "queries.jsonl", _qrels(folder, split)
    if retrieval.gain != "linear":
        raise DataError(folder, None, None, f"{retrieval.name}: BEIR's files cannot say that grades gain exponentially")
    corpus, queries, qrels = [], [], ["\t".join(HEADER) + "\n"]
    for number, (key, document) in enumerate(retrieval.documents.items(), start=1):
        record = {"_id": key, "title": document.title, "text": document.text, "metadata": dict(document.metadata)}
        if bad := _why_no_id(record) or _why_no_document(record):
            raise DataError(corpus_file, number, *bad)
        corpus.append(json_line(corpus_file, number, record))
    for number, (key, text) in enumerate(retrieval.queries.items(), start=1):
        record = {"_id": key, "text": text}
        if bad := _why_no_id(record):
            raise DataError(queries_file, number, *bad)
        if why := why_not_text(record, "text"):
            raise DataError(queries_file, number, "text", why)
        if max(retrieval.qrels.get(key, {}).values(), default=0) <= 0:
            raise DataError(queries_file, number, "_id", f"query {key!r} has no positive judgement")
        queries.append(json_line(queries_file, number, record))
    for query, grades in retrieval.qrels.items():
        for document_id, score in grades.items():
            if query not in retrieval.queries or document_id not in retrieval.documents:
                raise DataError(qrels_file, len(qrels) + 1, None, f"unknown id in ({query!r}, {document_id!r})")
            qrels.append(f"{query}\t{document_id}\t{score}\n")
    write_text(corpus_file, "".join(corpus))
    write_text(queries_file, "".join(queries))
    write_text(qrels_file, "".join(qrels))


def _records(path: Path, known: Mapping[str, Any], problems: list[Problem]):
    """The objects of a file that have an id of their own; the others are added to `problems`."""
    for item in json_objects(path):
        if isinstance(item, Problem):
            problems.append(item)
            continue
        line, record = item
        if reason := _why_no_id(record):
            problems.append(Problem(path, line, *reason))
        elif record["_id"] in known:
            problems.append(Problem(path, line, "_id", f"{record['_id']!r} was there before; the first one counts"))
        else:
            yield line, record


def _read_qrels(path: Path, queries: Mapping[str, str], documents: Mapping[str, Document], problems: list[Problem]):
    qrels: Qrels = {}
    for position, item in enumerate(text_lines(path)):
        if isinstance(item, Problem):
            problems.append(item)
            continue
        line, text = item
        cells = tuple(cell.strip() for cell in text.split("\t"))
        if position == 0 and cells[0].lower().replace("_", "-") in (HEADER[0], "qid"):
            continue
        if len(cells) != 3:
            problems.append(Problem(path, line, None, f"3 tab-separated columns are needed, not {len(cells)}"))
            continue
        query, document, score = cells
        bad: tuple[str, str] | None = None
        if query not in queries:
            bad = (HEADER[0], f"unknown query {query!r}")
        elif document not in documents:
            bad = (HEADER[1], f"unknown document {document!r}")
        elif not re.fullmatch(r"[+-]?[0-9]{1,9}", score):
            bad = (HEADER[2], f"an integer is needed, not {score!r}")
        elif document in qrels.get(query, {}):
            bad = (HEADER[1], f"{query!r} and {document!r} were judged before; the first judgement counts")
        if bad:
            problems.append(Problem(path, line, *bad))
        else:
            qrels.setdefault(query, {})[document] = int(score)
    return qrels


def _why_no_id(record: Mapping[str, Any]) -> tuple[str, str] | None:
    if reason := why_not_text(record, "_id"):
        return "_id", reason
    key = record["_id"]
    # The qrels are split at tabs and their cells stripped: such an id could never be judged.
    if key != key.strip() or re.search(r"[\t\r\n]", key):
        return "_id", f"{key!r} holds a tab, a line break or outer blanks"
    return None


def _why_no_document(record: Mapping[str, Any]) -> tuple[str, str] | None:
    if reason := why_not_text(record, "text", may_be_empty=True):
        return "text", reason
    if record.get("title") is not None and (reason := why_not_text(record, "title", may_be_empty=True)):
        return "title", reason
    if not (record["text"] + (record.get("title") or "")).strip():
        return "text", "empty, and no title either"
    if not isinstance(record.get("metadata") or {}, dict):
        return "metadata", "an object is needed"
    return None


def _qrels(folder: Path, split: str) -> Path:
    return folder / "qrels" / f"{split}.tsv"


def _variant(path: Path) -> Path:
    """The file itself, or its `.gz` sibling."""
    packed = path.with_name(path.name + ".gz")
    if path.exists() or not packed.exists():
        return path
    return packed
