import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.corpora.beir import Document, RetrievalSet
from common.corpora.config import CorpusConfig
from common.corpora.mining.neardup import jaccard, shingles
from common.corpora.own_pairs import Given, PairsReport, corpus_from_pairs, sample
from common.corpora.pairs import Pair
from common.corpora.search_corpus import normalised
from common.errors import DataError

CONFIG = CorpusConfig(dev_share=0.2, test_share=0.2)


@dataclass(frozen=True)
class Corpus:
    """What came out, the training pairs in memory."""

    train: list[Pair]
    dev: RetrievalSet
    test: RetrievalSet
    report: PairsReport


def corpus_of(given_, config=CONFIG, dev=None, test=None):
    with tempfile.TemporaryDirectory() as folder:
        part = Given("", lambda: iter(given_), dev, test)
        corpus = corpus_from_pairs("own", [part], config, Path(folder) / "train.jsonl")
        return Corpus(corpus.train.read(range(len(corpus.train))), corpus.dev, corpus.tests[""], corpus.report)


def document(number):
    return f"def f{number}(a{number}):\n    return call{number}(a{number}, {number})"


def pair(number, **extra):
    return Pair(f"what is number {number}?", document(number), "python", extra)


def pairs_of(groups, each=3, key="repo"):
    return [pair(group * 1000 + n, **{key: f"group-{group}"}) for group in range(groups) for n in range(each)]


def groups_of(corpus, key):
    held = [{d.metadata[key] for d in part.documents.values()} for part in (corpus.dev, corpus.test)]
    return {p.extra[key] for p in corpus.train}, *held


@pytest.mark.parametrize("key", ["repo", "repository", "module", "path"])
def test_whole_groups_are_held_out(key):
    corpus = corpus_of(pairs_of(40, key=key), CONFIG)
    train, dev, test = groups_of(corpus, key)
    assert len(train) + len(dev) + len(test) == 40, "no group is in two splits"
    assert min(len(dev), len(test)) >= 4
    assert len(corpus.train) == 3 * len(train)


def test_the_repository_counts_before_the_path():
    given_ = [replace(p, extra={**p.extra, "path": f"{i}.py"}) for i, p in enumerate(pairs_of(40))]
    corpus = corpus_of(given_, CONFIG)
    train, dev, test = groups_of(corpus, "repo")
    assert len(train) + len(dev) + len(test) == 40


def test_without_groups_the_same_document_stays_on_one_side():
    given_ = [p for n in range(60) for p in (pair(n), Pair(f"other words for {n}", document(n), "python"))]
    corpus = corpus_of(given_, CONFIG)
    texts = [{p.document for p in corpus.train}]
    texts += [{d.text for d in part.documents.values()} for part in (corpus.dev, corpus.test)]
    assert sum(map(len, texts)) == len(set.union(*texts)) == 60
    assert all(texts)


@st.composite
def somebodys_pairs(draw):
    """Pairs with repeated questions, repeated and nearly repeated documents, with and without a repository."""
    number = st.integers(0, 60)
    words = st.sampled_from(["what is number {}?", "What IS number {}", "which one is {}?"])
    ends = st.sampled_from(["", " ", "\n    # the end"])
    extra = st.just({}) | st.integers(0, 25).map(lambda n: {"repo": f"r{n}"})
    one = st.tuples(words, number, number, ends, extra)
    chosen = draw(st.lists(one, max_size=90)) + [
        ("so what is {}?", n, n, "", {}) for n in range(draw(st.integers(0, 60)))
    ]
    return [
        Pair(query.format(asked), document(there) + end, "python", extra) for query, asked, there, end, extra in chosen
    ]


@settings(max_examples=60)
@given(somebodys_pairs(), st.integers(0, 5))
def test_nothing_leaks_whatever_is_given(given_, seed):
    config = CONFIG.model_copy(update={"seed": seed})
    try:
        corpus = corpus_of(given_, config)
    except DataError:
        return
    again = corpus_of(given_, config)
    assert again == corpus
    train = [(p.query, p.document) for p in corpus.train]
    dev, test = ([
        (part.queries[query], part.documents[key].content()) for query, row in part.qrels.items() for key in row
    ] for part in (corpus.dev, corpus.test))  # fmt: skip
    for learnt, held in ((train, dev + test), (dev, test)):
        assert not {normalised(q) for q, _ in learnt} & {normalised(q) for q, _ in held}
        for _, one in learnt:
            assert all(jaccard(shingles(one), shingles(other)) < config.near_duplicate_threshold for _, other in held)
    report = corpus.report
    assert report.sizes == {"train": len(train), "dev": len(corpus.dev.documents), "test": len(corpus.test.documents)}
    assert report.exact_duplicates == len(given_) - len({(p.query, p.document) for p in given_})


def held_out(*names):
    return tuple(
        RetrievalSet(
            name,
            {f"{name}-q": f"Where is the {name}?"},
            {f"{name}-d": Document(f"def find_{name}(x): return look({name}, x) + 1"), f"{name}-e": Document("pass")},
            {f"{name}-q": {f"{name}-d": 1, f"{name}-e": 0}},
        )
        for name in names
    )


def test_dev_and_test_of_the_user_stay_and_leave_the_training_pairs():
    dev, test = held_out("cellar", "attic")
    leaks = [
        Pair("where is the CELLAR", "def elsewhere(y): return None", "python"),
        Pair("another question", test.documents["attic-d"].text.replace("+ 1", "+  1"), "python"),
    ]
    harmless = Pair("pass on", "pass", "python")  # equal to a document that answers no query
    corpus = corpus_of([*pairs_of(5), *leaks, harmless], CONFIG, dev, test)
    assert corpus.dev is dev
    assert corpus.test is test
    assert list(corpus.train) == [*pairs_of(5), harmless]
    assert corpus.report.contaminated == {"train: same query": 1, "train: near-duplicate code": 1}
    assert corpus.report.sizes == {"train": 16, "dev": 2, "test": 2}


def test_exact_duplicates_are_counted_and_left_out():
    given_ = pairs_of(40)
    corpus = corpus_of([*given_, *given_[:7]], CONFIG)
    assert corpus.report.exact_duplicates == 7
    assert corpus.report.seen == 127
    assert corpus.report.fingerprint == corpus_of(given_, CONFIG).report.fingerprint
    assert "exact duplicates" in corpus.report.describe()


def test_the_limit_leaves_dev_and_test_alone():
    full = corpus_of(pairs_of(40), CONFIG)
    few = corpus_of(pairs_of(40), CONFIG.model_copy(update={"limit_train": 5}))
    assert (few.dev, few.test) == (full.dev, full.test)
    assert len(few.train) == 5
    assert [p for p in full.train if p in few.train] == list(few.train)
    assert few.report.over_limit == len(full.train) - 5


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_pairs_name_the_split_that_stays_empty(count):
    with pytest.raises(DataError, match=rf"own: {count} pairs leave nothing for (train|dev|test)\n.*--data\.dev"):
        corpus_of([pair(n) for n in range(count)], CONFIG)


def test_pairs_that_all_leak_leave_nothing_to_train_on():
    dev, test = held_out("cellar", "attic")
    leak = Pair("where is the cellar", "def elsewhere(y): return None")
    with pytest.raises(DataError, match="nothing for train"):
        corpus_of([leak], CONFIG, dev, test)


def test_equal_paths_of_two_repositories_are_two_documents():
    given_ = [pair(n, repo=f"r{n}", path="setup.py", start_line=1) for n in range(60)]
    corpus = corpus_of(given_, CONFIG)
    held = len(corpus.dev.documents) + len(corpus.test.documents)
    assert held + len(corpus.train) == 60
    for part in (corpus.dev, corpus.test):
        for query, row in part.qrels.items():
            number = part.queries[query].split()[-1].rstrip("?")
            assert [part.documents[key].text for key in row] == [document(number)]


def test_a_million_groups_are_not_held_out_whole():
    config = CONFIG.model_copy(update={"limit_dev": 5, "limit_test": 8})
    corpus = corpus_of([pair(n) for n in range(400)], config)
    assert 1 <= len(corpus.dev.documents) <= 6
    assert 1 <= len(corpus.test.documents) <= 9


def test_several_parts_have_one_dev_set_and_a_test_set_each(tmp_path):
    parts = [Given(name, lambda start=start: (pair(n, repo=f"r{n}") for n in range(start, start + 60)))
             for name, start in (("go", 0), ("ruby", 1000))]  # fmt: skip
    corpus = corpus_from_pairs("own", parts, CONFIG, tmp_path / "train.jsonl")
    assert set(corpus.tests) == {"go", "ruby"}
    assert {key.split("/")[0] for key in corpus.dev.documents} == {"go", "ruby"}
    assert sum(corpus.report.sizes.values()) == 120
    assert set(corpus.report.sizes) == {"train", "dev", "test go", "test ruby"}


def test_without_cleaning_everything_stays(tmp_path):
    dev, test = held_out("cellar", "attic")
    given_ = [*pairs_of(3), *pairs_of(3), Pair("where is the CELLAR", "x = 1")]
    paper = CONFIG.model_copy(update={"deduplicate": False, "decontaminate": False})
    assert corpus_of(given_, paper, dev, test).train == given_


def test_pairs_are_streamed(tmp_path):
    """No more than a few batches of pairs are alive at a time."""
    alive = most = 0

    class Counted(str):
        def __new__(cls, text):
            nonlocal alive, most
            alive += 1
            most = max(most, alive)
            return super().__new__(cls, text)

        def __del__(self):
            nonlocal alive
            alive -= 1

    def read():
        return (Pair(Counted(f"what is number {n}?"), document(n)) for n in range(12_000))

    config = CONFIG.model_copy(update={"limit_dev": 20, "limit_test": 20})
    corpus = corpus_from_pairs("own", [Given("", read)], config, tmp_path / "train.jsonl")
    assert len(corpus.train) > 11_000
    assert most < 4_000


def test_a_sampled_set_keeps_queries_with_all_they_judge():
    queries = {f"q{n}": f"which {n}" for n in range(50)}
    documents = {f"d{n}": Document(f"text {n}") for n in range(100)}
    full = RetrievalSet("full", queries, documents, {f"q{n}": {f"d{n}": 1, f"d{n + 50}": 0} for n in range(50)})
    part = sample(full, 30, 0)
    assert len(part.documents) == 30
    assert 5 <= len(part.queries) <= 8
    assert all(key in part.documents for judged in part.qrels.values() for key in judged)
    assert sample(full, 30, 0) == part != sample(full, 30, 1)
    assert sample(full, 100, 0) is full
