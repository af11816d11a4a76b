from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.corpora.beir import Document, RetrievalSet
from common.corpora.config import CorpusConfig
from common.corpora.mining.neardup import jaccard, shingles
from common.corpora.own_pairs import corpus_from_pairs
from common.corpora.pairs import Pair
from common.corpora.search_corpus import normalised
from common.errors import DataError

CONFIG = CorpusConfig(dev_share=0.2, test_share=0.2)


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
    corpus = corpus_from_pairs("own", pairs_of(40, key=key), CONFIG)
    train, dev, test = groups_of(corpus, key)
    assert len(train) + len(dev) + len(test) == 40, "no group is in two splits"
    assert min(len(dev), len(test)) >= 4
    assert len(corpus.train) == 3 * len(train)


def test_the_repository_counts_before_the_path():
    given_ = [replace(p, extra={**p.extra, "path": f"{i}.py"}) for i, p in enumerate(pairs_of(40))]
    corpus = corpus_from_pairs("own", given_, CONFIG)
    train, dev, test = groups_of(corpus, "repo")
    assert len(train) + len(dev) + len(test) == 40


def test_without_groups_the_same_document_stays_on_one_side():
    given_ = [p for n in range(60) for p in (pair(n), Pair(f"other words for {n}", document(n), "python"))]
    corpus = corpus_from_pairs("own", given_, CONFIG)
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
        corpus = corpus_from_pairs("own", given_, config)
    except DataError:
        return
    again = corpus_from_pairs("own", given_, config)
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
    corpus = corpus_from_pairs("own", [*pairs_of(5), *leaks, harmless], CONFIG, (dev, test))
    assert corpus.dev is dev
    assert corpus.test is test
    assert list(corpus.train) == [*pairs_of(5), harmless]
    assert corpus.report.contaminated == {"train: same query": 1, "train: near-duplicate code": 1}
    assert corpus.report.sizes == {"train": 16, "dev": 2, "test": 2}


def test_exact_duplicates_are_counted_and_left_out():
    given_ = pairs_of(40)
    corpus = corpus_from_pairs("own", [*given_, *given_[:7]], CONFIG)
    assert corpus.report.exact_duplicates == 7
    assert corpus.report.seen == 127
    assert corpus.report.fingerprint == corpus_from_pairs("own", given_, CONFIG).report.fingerprint
    assert "exact duplicates" in corpus.report.describe()


def test_the_limit_leaves_dev_and_test_alone():
    full = corpus_from_pairs("own", pairs_of(40), CONFIG)
    few = corpus_from_pairs("own", pairs_of(40), CONFIG.model_copy(update={"limit_train": 5}))
    assert (few.dev, few.test) == (full.dev, full.test)
    assert len(few.train) == 5
    assert [p for p in full.train if p in few.train] == list(few.train)
    assert few.report.over_limit == len(full.train) - 5


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_pairs_name_the_split_that_stays_empty(count):
    with pytest.raises(DataError, match=rf"own: {count} pairs leave nothing for (train|dev|test)\n.*--data\.dev"):
        corpus_from_pairs("own", [pair(n) for n in range(count)], CONFIG)


def test_pairs_that_all_leak_leave_nothing_to_train_on():
    dev, test = held_out("cellar", "attic")
    leak = Pair("where is the cellar", "def elsewhere(y): return None")
    with pytest.raises(DataError, match="nothing for train"):
        corpus_from_pairs("own", [leak], CONFIG, (dev, test))


def test_equal_paths_of_two_repositories_are_two_documents():
    given_ = [pair(n, repo=f"r{n}", path="setup.py", start_line=1) for n in range(60)]
    corpus = corpus_from_pairs("own", given_, CONFIG)
    held = len(corpus.dev.documents) + len(corpus.test.documents)
    assert held + len(corpus.train) == 60
    for part in (corpus.dev, corpus.test):
        for query, row in part.qrels.items():
            number = part.queries[query].split()[-1].rstrip("?")
            assert [part.documents[key].text for key in row] == [document(number)]
