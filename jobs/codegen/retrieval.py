"""Code of an index for questions: the units that a search finds, without those that hold the reference answer.

A unit that has the answer in it would make the score a measure of the search. It is recognised as decontamination
recognises a copy, by shingles of tokens, but by the share of the answer's shingles that the unit has: a class that
holds the answer among other methods, or a documentation between its lines, changes nothing about that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.adapters.manifest import read_manifest
from common.corpora.instructions.record import Example
from common.corpora.mining.neardup import shingles
from common.errors import AdapterError, UserError
from common.progress import progress
from common.prompts import Snippet
from common.retrieval.filters import Filters
from common.retrieval.store import Store
from common.search.embedder import adapter_folder
from common.search.folders import index_folder
from common.search.querying import AUTO, Queries
from jobs.codegen.evaluate_config import RagConfig

if TYPE_CHECKING:
    import numpy as np

    from common.retrieval.searcher import Hit, Searcher

CODE = ("function", "method", "class")
"""Kinds of unit that are code; a module's is its documentation."""


@dataclass(frozen=True)
class Question:
    """What is asked, and what must not be found."""

    text: str
    answer: str
    """The reference; empty where there is none, and then nothing is left out."""
    language: str | None
    """Only units in it; None = in any."""


@dataclass(frozen=True)
class FoundUnit:
    """A unit of the index."""

    path: str
    start_line: int
    end_line: int
    symbol: str
    source: str

    def place(self) -> str:
        """PATH:FIRST-LAST, both lines included."""
        return f"{self.path}:{self.start_line}-{self.end_line}"

    def snippet(self) -> Snippet:
        """As a prompt has it."""
        return Snippet(f"{self.path}:{self.start_line}", self.symbol, self.source)


@dataclass(frozen=True)
class Found:
    """What one question found."""

    units: tuple[FoundUnit, ...] = ()
    """The nearest first."""
    with_answer: int = 0
    """Units that stood before the last of these and were left out, since they hold the answer."""
    shortened: bool = False
    """Whether the encoder read only the beginning of the question; the words were searched with all of it."""
    picked: str | None = None
    """Whose vectors were searched; None where the index has nothing in the question's language."""


@dataclass(frozen=True)
class Retrieval:
    """What all questions found in an index."""

    generation: int
    """The state of the index."""
    units: int
    """How many it has."""
    found: Mapping[str, Found]
    """By the question's name."""

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Retrieval:
        """From JSON."""
        found = {
            name: Found(**{**told, "units": tuple(FoundUnit(**unit) for unit in told["units"])})
            for name, told in stored["found"].items()
        }
        return cls(stored["generation"], stored["units"], found)

    def picked(self) -> dict[str, int]:
        """How many questions were searched for in each space."""
        return dict(Counter(one.picked for one in self.found.values() if one.picked))


def language_of_task(source: str, example: Example) -> str | None:
    """What a task is to be solved in: `language` of its line, Python for the sources that come along, else None."""
    told = example.extra.get("language")
    if isinstance(told, str) and told.strip():
        return told.strip().lower()
    return None if source == "jsonl" else "python"


def holds(source: str, answer: str, threshold: float) -> bool:
    """Whether the source has at least this share of the answer's token shingles; never where the answer is empty."""
    if not answer.strip():
        return False
    wanted = shingles(answer)
    return len(wanted & shingles(source)) >= threshold * len(wanted)


def found_in_index(questions: Mapping[str, Question], config: RagConfig, threshold: float) -> Retrieval:
    """The `k` best units of `config.index` for each question, by words and by meaning, in the question's language.

    Documentation of modules and units of test files are not among them, and of units with the same text the first is.
    `threshold`: share of an answer's shingles from which on a unit holds it. Raises `UserError` where there is no
    index, where it has no vectors of the adapter, where no adapter is for a question, and where nothing is found for
    any question.
    """
    assert config.index is not None
    folder = index_folder(config.index)
    with closing(Store.open(folder)) as store:
        generation, units = store.generation, int(store.counts()["units"])
        languages = sorted({file.language for file in store.files().values()})
        wanted, adapter = _adapter(config.adapter, store)
    found: dict[str, Found] = {}
    bar = progress(len(questions), "searching the index", "questions")
    with closing(Queries(folder, adapter)) as queries, bar, _flags_of_this_job():
        for name, question in questions.items():
            known = question.language is None or question.language in languages
            found[name] = _found(queries, question, wanted, config.k, threshold) if known else Found()
            bar.update()
    if not any(one.units for one in found.values()):
        asked = sorted({question.language or "any language" for question in questions.values()})
        copies = sum(one.with_answer for one in found.values())
        raise UserError(
            f"no question finds code in the index in {folder}: it has {units:,} units, tests included, in "
            f"{', '.join(languages) or 'no language'}, the questions ask for {', '.join(asked)}, and {copies:,} units "
            "are left out because they hold an answer",
            "index other code, or leave rag.index out",
        )
    return Retrieval(generation, units, found)


def _adapter(wanted: str | None, store: Store) -> tuple[str, Path | None]:
    """What the index calls the adapter that is wanted, and where it is, if the user says so."""
    if wanted is None or not Path(wanted).is_dir():
        return wanted or AUTO, None
    folder = adapter_folder(wanted)
    digest = read_manifest(folder).digest
    spaces = store.spaces().values()
    if digest not in {space.adapter_digest for space in spaces}:
        raise AdapterError(
            f"the index in {store.folder} has no vectors of the adapter in {folder}, it has those of "
            + "; ".join(space.name() for space in spaces),
            f"build it with --adapters {folder}, or name another one as --rag.adapter",
        )
    return digest, folder


def _found(queries: Queries, question: Question, adapter: str, k: int, threshold: float) -> Found:
    filters = Filters(languages=(question.language,) if question.language else (), kinds=CODE)
    searcher, _ = queries.searcher(question.text, adapter, filters, None)
    vector, shortened = _vector(queries, searcher, question.text)
    top = k
    while True:
        hits = searcher.search(question.text, vector, top=top, filters=filters)
        units, with_answer = _without_answer(hits, question.answer, k, threshold)
        if len(units) == k or len(hits) < top:
            return Found(units, with_answer, shortened, searcher.space.name())
        top *= 2


def _without_answer(hits: list[Hit], answer: str, k: int, threshold: float) -> tuple[tuple[FoundUnit, ...], int]:
    """The first `k` units with texts of their own that do not hold the answer, and how many that do stood before."""
    units: list[FoundUnit] = []
    seen: set[str] = set()
    with_answer = 0
    for hit in hits:
        if len(units) == k:
            break
        if holds(hit.source, answer, threshold):
            with_answer += 1
        elif hit.text not in seen:
            seen.add(hit.text)
            units.append(FoundUnit(hit.path, hit.start_line, hit.end_line, hit.symbol, hit.source))
    return tuple(units), with_answer


def _vector(queries: Queries, searcher: Searcher, question: str) -> tuple[np.ndarray, bool]:
    """(H,) of the question, or of as much of its beginning as the encoder reads; and whether that is less."""
    text = question
    while True:
        try:
            return queries.vector(searcher, text), len(text) < len(question)
        except UserError as error:
            if type(error) is not UserError or len(text) == 1:  # its subclasses say that there is no encoder
                raise
            text = text[: len(text) * 3 // 4]


@contextmanager
def _flags_of_this_job() -> Iterator[None]:
    """Errors of a search name the flags of `jobs.search_code`; here there is one for both."""
    try:
        yield
    except UserError as error:
        if "--adapter" not in error.remedy:
            raise
        raise UserError(
            error.message, "give the adapter's folder, or its name in the index, as --rag.adapter"
        ) from error
