"""The CodeSearchNet Challenge (Husain et al. 2019): 99 queries, 4,006 judgements graded 0 to 3; evaluation only.

    FOLDER/annotationStore.csv   or FOLDER/resources/annotationStore.csv
                                 columns Language, Query, GitHubUrl, Relevance, Notes
    FOLDER/…                     the functions to search, by url: CodeSearchNet in any layout that codesearchnet.py
                                 understands, or the release's LANG_dedupe_definitions_v2.pkl

The judged functions come from *all* functions of the release, most of them without documentation, and those are only in
the pickles. With documented functions alone, the judgements of the others are counted as unknown and left out.

Several people judged some functions. The original takes the mean and lower-cases query and language. Judgements in BEIR
and TREC files are integers: the mean is rounded to the nearest grade, halves up, and a `Problem` counts how many means
that changed. The original leaves unjudged functions out of the ranking before it computes NDCG without a cut; here they
count (its "full ranking") and NDCG is cut. NDCG's gain is 2^grade − 1, as there. Queries without a positive judgement
are left out, as there.
"""

from __future__ import annotations

import csv
import gzip
import pickle
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from common.corpora.beir import RetrievalSet
from common.corpora.lines import Problem
from common.corpora.sources.codesearchnet import LANGUAGES, local_copy
from common.corpora.sources.collector import Collector
from common.corpora.sources.config import SetConfig
from common.corpora.sources.files import Row, Rows, chosen, folder_of, nothing_understood, variant
from common.corpora.sources.functions import Reader, add_document
from common.corpora.sources.part import Part
from common.errors import DataError

STORE = "annotationStore.csv"
LAYOUTS = (
    f"{STORE} beside LANG_dedupe_definitions_v2.pkl",
    f"{STORE} beside CodeSearchNet (LANG/final/jsonl/…, LANG/{{train,valid,test,codebase}}.jsonl, LANG.jsonl)",
)
COLUMNS = ("Language", "Query", "GitHubUrl", "Relevance")
GRADES = ("0", "1", "2", "3")


@dataclass
class Annotations:
    """language → query → url → the grades that people gave."""

    grades: dict[str, dict[str, dict[str, list[int]]]] = field(default_factory=dict)
    first_line: dict[tuple[str, str], int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def open_challenge(config: SetConfig) -> tuple[Part, ...]:
    """One part a language, with a test only. Raises `DataError` where judgements or functions are absent."""
    if config.path is None:
        raise DataError(
            "csn-challenge", None, None, "is not on the Hub", "give a folder as path: " + " or ".join(LAYOUTS)
        )
    path = folder_of(config)
    store = variant(path, STORE, f"resources/{STORE}")
    if store is None:
        nothing_understood(path, STORE, LAYOUTS)
    pools = _pools(path)
    return tuple(_part(name, store, pools[name]) for name in chosen(config, list(pools)))


def read_annotations(path: Path) -> Annotations:
    """All judgements of the file; rows that do not say what they must are `Problem`s."""
    found = Annotations()
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if missing := [column for column in COLUMNS if column not in (rows.fieldnames or ())]:
                raise DataError(path, 1, missing[0], "no such column", f"{STORE} has {', '.join(COLUMNS)}")
            for row in rows:
                language, query, url, grade = ((row[column] or "").strip() for column in COLUMNS)
                language, query = language.lower(), query.lower()
                bad: tuple[str, str] | None = None
                if language not in LANGUAGES:
                    bad = ("Language", f"one of {', '.join(LANGUAGES)} is needed, not {language!r}")
                elif not query or not url:
                    bad = ("GitHubUrl" if query else "Query", "empty")
                elif grade not in GRADES:
                    bad = ("Relevance", f"a grade from 0 to 3 is needed, not {grade!r}")
                if bad:
                    found.problems.append(Problem(path, rows.line_num, *bad))
                    continue
                found.first_line.setdefault((language, query), rows.line_num)
                found.grades.setdefault(language, {}).setdefault(query, {}).setdefault(url, []).append(int(grade))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(path, None, None, f"cannot be read: {error}") from error
    return found


def aggregated(grades: list[int]) -> int:
    """The mean, rounded to the nearest grade, halves up."""
    return (2 * sum(grades) + len(grades)) // (2 * len(grades))


def _part(language: str, store: Path, pool: Rows) -> Part:
    def test() -> tuple[RetrievalSet, tuple[Problem, ...]]:
        annotations = read_annotations(store)
        collector = Collector(f"csn-challenge-{language}-test", gain="exponential")
        collector.problems += annotations.problems
        _add_pool(collector, Reader(language, "source"), pool)
        rounded = 0
        for query, judged in annotations.grades.get(language, {}).items():
            rounded += sum(sum(grades) % len(grades) != 0 for grades in judged.values())
            place = (store, annotations.first_line[language, query])
            collector.query(place, _query_id(query), query, {url: aggregated(grades) for url, grades in judged.items()})
        if rounded:
            collector.note(store, None, "Relevance", f"{rounded} means of several grades were rounded ({language})")
        return collector.finish(store)

    return Part(language, language, train=None, dev=None, test=test)


def _add_pool(collector: Collector, reader: Reader, pool: Rows) -> None:
    """All functions; one that comes again, as those of a codebase do, is counted and not named."""
    again, place = 0, Path(reader.language)
    for row in pool():
        if isinstance(row, Problem):
            collector.problems.append(row)
        elif reader.key(row) in collector.set.documents:
            again, place = again + 1, row[0]
        else:
            add_document(collector, reader, row)
    if again:
        collector.note(place, None, "url", f"{again} functions were there before; the first ones count")


def _pools(path: Path) -> dict[str, Rows]:
    pickles = {
        name: file
        for name in LANGUAGES
        if (file := variant(path, f"{name}_dedupe_definitions_v2.pkl", f"{name}/{name}_dedupe_definitions_v2.pkl"))
    }
    if pickles:
        return {name: _unpickled(file) for name, file in pickles.items()}
    pools: dict[str, Rows] = {}
    for name, found in local_copy(path).languages.items():
        sources = [*found.splits.values(), *([found.pool] if found.pool else [])]
        pools[name] = _chained(sources)
    return pools


def _chained(sources: list[Rows]) -> Rows:
    return lambda: (row for source in sources for row in source())


class _PlainUnpickler(pickle.Unpickler):
    """Lists, mappings, numbers and text; a pickle that names any class, and so could run code, is refused."""

    def find_class(self, module: str, name: str):
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only plain data are read")


def _unpickled(path: Path) -> Rows:
    """The definitions of the release: one list of mappings, held in memory while they are read (gigabytes for Java)."""

    def read() -> Iterator[Row | Problem]:
        try:
            with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
                definitions = _PlainUnpickler(file).load()
        except (OSError, EOFError, pickle.UnpicklingError, ValueError, IndexError, KeyError, AttributeError) as error:
            raise DataError(path, None, None, f"cannot be unpickled: {error}") from error
        if not isinstance(definitions, list):
            raise DataError(path, None, None, "a list of definitions is needed")
        for number, record in enumerate(definitions, start=1):
            yield (path, number, record) if isinstance(record, dict) else Problem(path, number, None, "not a mapping")

    return read


def _query_id(query: str) -> str:
    return "q-" + re.sub(r"\W+", "-", query).strip("-")  # no blanks: TREC files are split at them
