"""Run files as others read them: ir-measures must find our figures in them."""

from urllib.parse import unquote

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.metrics.ranking import METRICS, Pool, evaluate_block
from common.metrics.trec import escaped, qrels_text, run_file, top

MEASURES = {
    "mrr": ir_measures.RR,
    "ndcg@10": ir_measures.nDCG @ 10,
    **{f"recall@{k}": ir_measures.R @ k for k in (1, 5, 10)},
}
IDS = [f"d{i}" for i in range(12)] + ["my file.py:3", "my%20file.py:3", "tab\there", "😀", "　wide"]
SCORES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -3.5, 1.0 + 1e-9, 1 + 2**-23, 16777217.0, 1e39, 1e-45, -1e-45]),
    st.floats(-1e6, 1e6, allow_nan=False),
)


def by_ir_measures(folder, measures, system="sys"):
    qrels = list(ir_measures.read_trec_qrels(str(folder / "qrels.trec")))
    run = list(ir_measures.read_trec_run(str(folder / f"run.{system}.trec")))
    found = {}
    for metric in ir_measures.iter_calc(list(measures.values()), qrels, run):
        found[unquote(metric.query_id), str(metric.measure)] = metric.value
    return found


def write(folder, scores, queries, ids, qrels, k):
    pool = Pool.of(ids)
    with run_file(folder, "sys", ids, pool, k) as file:
        half = len(queries) // 2
        file.add(scores[:half], queries[:half])
        file.add(scores[half:], queries[half:])
    (folder / "qrels.trec").write_text(qrels_text(qrels, queries), "utf-8")
    return pool


@st.composite
def cases(draw):
    ids = draw(st.lists(st.sampled_from(IDS), min_size=1, unique=True))
    queries = ["q 1", "q2"]
    scores = np.array([[draw(SCORES) for _ in ids] for _ in queries])
    qrels = {}
    for query in queries:
        qrels[query] = draw(st.dictionaries(st.sampled_from(ids), st.integers(0, 3)))
        qrels[query][draw(st.sampled_from(ids))] = draw(st.integers(1, 3))
    return ids, queries, scores, qrels


@settings(max_examples=150, deadline=None)
@given(cases())
def test_ir_measures_finds_our_figures_in_the_files(tmp_path_factory, case):
    ids, queries, scores, qrels = case
    folder = tmp_path_factory.mktemp("trec")
    pool = write(folder, scores, queries, ids, qrels, k=len(ids))
    expected = by_ir_measures(folder, MEASURES)
    ours = evaluate_block(scores, queries, pool, qrels)
    for i, query in enumerate(queries):
        for metric in METRICS:
            assert ours[metric][i] == pytest.approx(expected[query, str(MEASURES[metric])], abs=1e-9), metric


def test_graded_gain_is_the_reader_s_to_name(tmp_path):
    ids, qrels = ["a", "b", "c"], {"q": {"a": 1, "b": 3}, "r": {"c": 2}}
    scores = np.array([[3.0, 2, 1], [3.0, 2, 1]])
    pool = write(tmp_path, scores, ["q", "r"], ids, qrels, k=3)
    measure = ir_measures.nDCG(gains={1: 1, 2: 3, 3: 7}) @ 10
    expected = by_ir_measures(tmp_path, {"ndcg": measure})
    ours = evaluate_block(scores, ["q", "r"], pool, qrels, gain="exponential")["ndcg@10"]
    assert ours == pytest.approx([expected[query, str(measure)] for query in "qr"], abs=1e-9)


@given(st.lists(SCORES, min_size=1, max_size=17), st.integers(1, 20))
def test_the_first_k_are_those_of_the_whole_order_and_no_two_tie(scores, k):
    ids = IDS[: len(scores)]
    pool, row = Pool.of(ids), np.array(scores)
    columns, values = top(row, pool, k)
    with np.errstate(over="ignore"):
        order = sorted(range(len(ids)), key=lambda i: (-np.float32(row[i]), pool.precedence[i]))
    assert list(columns) == order[:k]
    assert values.dtype == np.float32
    assert (np.diff(values) < 0).all()
    printed = [float(f"{value:.9g}") for value in values]
    assert list(np.float32(printed)) == list(values), "what is read is what was written"


def test_the_lines(tmp_path):
    write(tmp_path, np.array([[0.5, 0.25, 0.5]]), ["q 1"], ["a", "b b", "c"], {"q 1": {"b b": 2, "a": 0}}, k=2)
    first, second = (tmp_path / "run.sys.trec").read_text().splitlines()
    assert first == "q%201 Q0 c 1 0.5 sys"
    assert second.startswith("q%201 Q0 a 2 0.49999997 sys")
    assert (tmp_path / "qrels.trec").read_text() == "q%201 0 b%20b 2\nq%201 0 a 0\n"


@given(st.text(min_size=1), st.text(min_size=1))
def test_escaped_ids_are_one_word_each_and_tell_apart(one, other):
    assert len(escaped(one).split()) == 1
    assert unquote(escaped(one)) == one
    assert (escaped(one) == escaped(other)) == (one == other)


def test_ids_without_blanks_stay_as_they_are():
    assert escaped("repo/a+b.py:3#x!") == "repo/a+b.py:3#x!"


def test_after_an_error_there_is_no_file(tmp_path):
    with pytest.raises(KeyboardInterrupt), run_file(tmp_path, "sys", ["a"], Pool.of(["a"]), 1) as file:
        file.add(np.ones((1, 1)), ["q"])
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_blocks_of_queries_follow_each_other(tmp_path):
    ids, queries = ["a", "b"], ["q0", "q1", "q2"]
    write(tmp_path, np.array([[1, 2], [2, 1], [1, 2.0]]), queries, ids, {q: {"a": 1} for q in queries}, k=1)
    lines = (tmp_path / "run.sys.trec").read_text().splitlines()
    assert [line.split()[:3:2] for line in lines] == [["q0", "b"], ["q1", "a"], ["q2", "b"]]
