"""From a configuration's `data` to training pairs on disk and retrieval sets."""

from __future__ import annotations

import logging
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.corpora.beir import RetrievalSet, read_beir, write_beir
from common.corpora.lines import Problem
from common.corpora.own_pairs import Given, PairsReport, corpus_from_pairs
from common.corpora.pair_store import PairStore, write_store
from common.corpora.pairs import Pair, stream_pairs
from common.corpora.search_corpus import CorpusReport
from common.corpora.sources.catalogue import open_set
from common.corpora.sources.part import Part
from common.corpora.stdlib import stdlib_corpus
from common.errors import ConfigError
from jobs.ray_session import ClusterConfig
from jobs.search.config import EvaluationData, TrainingData

log = logging.getLogger(__name__)
SHOWN = 10  # bad lines named one by one; the rest is counted
TRAIN = "train.jsonl"


@dataclass(frozen=True)
class Prepared:
    """A corpus ready to train on and to be measured with."""

    train: PairStore
    dev: RetrievalSet
    tests: Mapping[str, RetrievalSet]
    """By language; a single one has no name."""
    report: CorpusReport | PairsReport
    languages: tuple[str, ...]
    root: str = ""
    """Folder that the documents' paths are relative to, where it is known."""

    def write_sets(self, folder: Path) -> None:
        """Write the retrieval sets beside the training pairs."""
        write_beir(folder / "dev", self.dev)
        for name, test in self.tests.items():
            write_beir(folder / "test" / name, test)


def prepare(data: TrainingData, folder: Path, cluster: ClusterConfig) -> Prepared:
    """Read or mine the corpus and write its training pairs to `folder`; bad lines are named and left out.

    A repository is mined on the cluster, in a run folder of its own inside `folder`.

    Raises `DataError` where nothing is usable.
    """
    if data.source == "stdlib":
        corpus = stdlib_corpus(data.corpus)
        store = write_store(folder / TRAIN, corpus.train)
        root = sysconfig.get_paths()["stdlib"]
        return Prepared(store, corpus.dev, {"": corpus.test}, corpus.report, ("python",), root)
    name = data.train.name if data.train else data.repository or data.source
    if data.source == "repository":
        data = _mined(data, folder / "mined", cluster)
    problems = Problems()
    given = _given(data, problems)
    made = corpus_from_pairs(name, given, data.corpus, folder / TRAIN)
    problems.say()
    tests = made.tests if len(made.tests) > 1 else {"": next(iter(made.tests.values()))}
    return Prepared(made.train, made.dev, tests, made.report, tuple(sorted(made.report.languages)))


def languages_of(data: TrainingData) -> tuple[str, ...]:
    """The languages (or directions) that the data hold; raises `ConfigError` where they do not say."""
    if data.source == "stdlib":
        return ("python",)
    if data.languages:
        return data.languages
    if data.source == "repository":
        raise ConfigError("--per-language over a repository must know the languages", "give --data.languages go,java")
    if data.source != "pairs":
        return tuple(part.name for part in open_set(data.named()))  # what was noticed is said where it is read
    assert data.train is not None
    found = {item.language for item in stream_pairs(data.train) if isinstance(item, Pair)}
    if "" in found:
        raise ConfigError(
            f"--per-language, but some pairs of {data.train} name no language", "give each line a `language`"
        )
    return tuple(sorted(found))


def retrieval_sets(data: EvaluationData) -> dict[str, RetrievalSet]:
    """What to score on: a BEIR folder, or each language of a named set; what is wrong with them is said."""
    assert data.path is not None or data.source != "beir"
    if data.source == "beir":
        assert data.path is not None
        return {"": read_retrieval(data.path, data.split)}
    sets: dict[str, RetrievalSet] = {}
    for part in _parts(data):
        reader = part.dev if data.split == "dev" else part.test
        if reader is None:
            raise ConfigError(
                f"{data.source}, {part.name}, has no {data.split} split here", "give another --data.split"
            )
        sets[part.name] = _read(reader)
    return sets


def read_retrieval(path: Path, split: str = "test") -> RetrievalSet:
    """A BEIR folder; what is wrong with it is said."""
    return _read(lambda: read_beir(path, split))


@dataclass
class Problems:
    """What is wrong with files that are read more than once: each problem is kept once."""

    first: list[Problem] = field(default_factory=list)
    count: int = 0

    def good(self, read: Callable[[], Iterator[Pair | Problem]]) -> Callable[[], Iterator[Pair]]:
        """`read` without its problems, which the first complete reading notes."""
        noted = False

        def pairs() -> Iterator[Pair]:
            nonlocal noted
            for item in read():
                if isinstance(item, Pair):
                    yield item
                elif not noted:
                    self.count += 1
                    self.first += [item] * (len(self.first) < SHOWN)
            noted = True

        return pairs

    def say(self) -> None:
        """Name the first ones and count the others."""
        _say(self.first, self.count)


def _mined(data: TrainingData, folder: Path, cluster: ClusterConfig) -> TrainingData:
    """The repository's pairs, with the splits that mining has made."""
    from jobs.mining.config import MinePairsConfig
    from jobs.mining.pipeline import mine_pairs

    assert data.repository is not None
    result = mine_pairs(
        MinePairsConfig(
            source=data.repository, languages=data.languages, corpus=data.corpus, cluster=cluster, run_dir=folder
        )
    )
    held_out = {"dev": folder / "dev", "test": folder / "test"} if result["held_out"] else {}
    return TrainingData(source="pairs", corpus=data.corpus, train=folder / "train.jsonl", **held_out)


def _given(data: TrainingData, problems: Problems) -> list[Given]:
    if data.source == "pairs":
        assert data.train is not None
        path, wanted = data.train, set(data.languages)

        def read() -> Iterator[Pair | Problem]:
            every = stream_pairs(path)
            return (p for p in every if not wanted or isinstance(p, Problem) or p.language in wanted)

        if data.dev and data.test:
            return [Given("", problems.good(read), read_retrieval(data.dev), read_retrieval(data.test))]
        if len(wanted) > 1:  # each language holds out its own groups, as it does where it is trained alone
            return [_of_language(path, one, problems, tell=not at) for at, one in enumerate(data.languages)]
        return [Given("", problems.good(read))]
    parts = _parts(data)
    if untrained := [part.name for part in parts if part.train is None]:
        raise ConfigError(
            f"{data.source} has no training pairs for {', '.join(untrained)}", "it is for evaluation only"
        )
    return [_part(part, problems) for part in parts]


def _of_language(path: Path, language: str, problems: Problems, *, tell: bool) -> Given:
    """One language of a file; its bad lines are told of once, by the language that is to `tell`."""

    def read() -> Iterator[Pair | Problem]:
        return (p for p in stream_pairs(path) if (tell if isinstance(p, Problem) else p.language == language))

    return Given(language, problems.good(read))


def _parts(data: TrainingData | EvaluationData) -> tuple[Part, ...]:
    """The parts of a published set; what was noticed on opening it is said once."""
    parts = open_set(data.named())
    notes = list(dict.fromkeys(note for part in parts for note in part.notes))
    _say(notes[:SHOWN], len(notes))
    return parts


def _part(part: Part, problems: Problems) -> Given:
    assert part.train is not None
    dev, test = (_read(reader) if reader else None for reader in (part.dev, part.test))
    return Given(part.name, problems.good(part.train), dev, test)


def _read(reader: Callable[[], tuple[RetrievalSet, Sequence[Problem]]]) -> RetrievalSet:
    retrieval, problems = reader()
    _say(problems[:SHOWN], len(problems))
    return retrieval


def _say(first: Sequence[Problem], count: int) -> None:
    for problem in first:
        log.warning("left out: %s", problem)
    if count > len(first):
        log.warning("… and %d more lines left out", count - len(first))
