"""BM25: its formula by hand, its order, and the queries that match nothing."""

import gzip
import json
import logging
import math
import os
from pathlib import Path

import numpy as np
import pytest

from common.metrics.ranking import Pool, evaluate_block
from common.retrieval.lexical import K1, B, LexicalIndex
from common.retrieval.tokens import tokenise

TEXTS = ["def read_file(path)", "def write_file(path, data): write data", "class Socket: connect", ""]
IDS = ["read", "write", "socket", "empty"]


@pytest.fixture(scope="module")
def index():
    return LexicalIndex(IDS, TEXTS)


def bm25(query, texts):
    """Lucene's BM25 written out, without the constant factor k1 + 1 that it leaves away."""
    documents = [tokenise(text) for text in texts]
    mean = sum(map(len, documents)) / len(documents)
    scores = np.zeros(len(documents))
    for word in tokenise(query):
        df = sum(word in document for document in documents)
        idf = math.log(1 + (len(documents) - df + 0.5) / (df + 0.5))
        for i, document in enumerate(documents):
            tf = document.count(word)
            scores[i] += idf * tf / (tf + K1 * (1 - B + B * len(document) / mean))
    return scores


@pytest.mark.parametrize("query", ["read a file", "write write data", "connect the socket", "file path of Socket"])
def test_equals_the_formula(index, query):
    np.testing.assert_allclose(index.scores(query), bm25(query, TEXTS), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("query", ["", "   ", "the of", "zebra", "\x00", "🦓"])
def test_query_without_a_known_word_scores_zero(index, query):
    scores = index.scores(query)
    assert scores.shape == (4,)
    assert scores.dtype == np.float32
    assert not scores.any()
    assert index.top(query, 3) == []


def test_matrix_holds_the_rows_of_the_queries(index):
    queries = ["read file", "", "socket"]
    matrix = index.scores_matrix(queries)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, [index.scores(query) for query in queries])
    assert index.scores_matrix([]).shape == (0, 4)


def test_top_is_best_first_and_leaves_out_what_shares_no_word(index):
    found = index.top("write the data to a file", 10)
    assert [document for document, _ in found] == ["write", "read"]
    assert found[0][1] > found[1][1] > 0
    assert index.top("file", 1) == index.top("file", 2)[:1]
    assert index.top("file", 0) == []


def test_equal_documents_keep_the_order_of_the_index():
    ids = [f"d{i * 37 % 101}" for i in range(101)]
    found = LexicalIndex(ids, ["same text", "other text"] * 50 + ["same text"]).top("same", 100)
    assert [document for document, _ in found] == ids[::2]
    assert len({score for _, score in found}) == 1


def test_identifier_finds_its_parts_and_the_exact_name_comes_first():
    index = LexicalIndex(["far", "exact"], ["user. name. get.", "def getUserName(): pass"])
    assert [document for document, _ in index.top("get_user_name", 2)] == ["exact", "far"]


@pytest.mark.filterwarnings("error")  # bm25s would divide by a mean length of zero
def test_texts_without_any_word_can_be_indexed():
    assert not LexicalIndex(["a", "b"], ["", "()"]).scores("query").any()


@pytest.mark.parametrize(("ids", "texts"), [([], []), (["a"], []), (["a", "a"], ["x", "y"])])
def test_ids_that_do_not_fit_are_refused(ids, texts):
    with pytest.raises(ValueError, match="one distinct id"):
        LexicalIndex(ids, texts)


def test_says_nothing(capfd, caplog):
    with caplog.at_level(logging.DEBUG):
        LexicalIndex(IDS, TEXTS).scores("file")
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_cosqa_dev():
    folder = Path(os.environ.get("CODEADAPTERS_DATA", Path(__file__).parents[4] / "shared/data")) / "cosqa"
    if not folder.exists():
        pytest.skip(f"no data in {folder}")
    codes = json.loads(gzip.decompress((folder / "code_idx_map.txt.gz").read_bytes()))
    dev = json.loads(gzip.decompress((folder / "cosqa-retrieval-dev-500.json.gz").read_bytes()))
    ids = [str(number) for number in codes.values()]
    scores = LexicalIndex(ids, list(codes)).scores_matrix([pair["doc"] for pair in dev])
    queries, qrels = [pair["idx"] for pair in dev], {pair["idx"]: {str(pair["retrieval_idx"]): 1} for pair in dev}
    found = evaluate_block(scores, queries, Pool.of(ids), qrels)
    assert scores.shape == (500, 6267)
    assert found["mrr"].mean() == pytest.approx(0.340, abs=0.005)  # plain words: 0.267
    assert found["ndcg@10"].mean() == pytest.approx(0.379, abs=0.005)
