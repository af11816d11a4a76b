import json

import ir_measures
import numpy as np
import pytest

from common.corpora.beir import Document, RetrievalSet, write_beir
from common.errors import AdapterError
from common.metrics.ranking import METRICS
from common.models.encoder import Encoder
from common.retrieval.weighting import EQUAL, Fusion
from jobs.search import evaluation
from jobs.search.evaluation import Scoring, evaluate
from tests.models_zoo import LINES, adapter, base, build

pytestmark = pytest.mark.usefixtures("one_thread")

# Each query shares words with its document, which BM25 sees and a random model does not
QUERIES = {"q0": "parse the header line", "q1": "copy tree source", "q2": "sorted table items", "q3": "stack push pop"}
ANSWERS = {"q0": "d0", "q1": "d2", "q2": "d4", "q3": "d6"}


def a_set(copies=0, name="tiny"):
    documents = {f"d{n}": Document(line) for n, line in enumerate(LINES)}
    documents |= {f"copy{n}": Document(LINES[0]) for n in range(copies)}
    return RetrievalSet(name, dict(QUERIES), documents, {query: {found: 1} for query, found in ANSWERS.items()})


@pytest.fixture
def score(small_base, tmp_path):
    def run(retrieval=None, adapter=None, base=small_base, seed=0, **options):
        return evaluate(retrieval or a_set(), Scoring(base, tmp_path, "fp32", seed, **options), adapter)

    return run


def never(*args, **kwargs):
    raise AssertionError("nothing needs encoding again")


def test_four_systems_with_an_adapter_each_with_its_intervals(score, small_adapter):
    result = score(adapter=small_adapter)
    assert list(result["metrics"]) == ["bm25", "zero_shot", "adapter", "hybrid"]
    for metrics in result["metrics"].values():
        assert set(metrics) == set(METRICS) == {"mrr", "ndcg@10", "recall@1", "recall@5", "recall@10"}
        for value in metrics.values():
            assert set(value) == {"value", "low", "high"}
            assert 0 <= value["low"] <= value["value"] <= value["high"] <= 1
    assert set(result["adapter_minus_zero_shot"]) == set(METRICS)
    assert (result["queries"], result["documents"], result["dataset"]) == (4, 10, "tiny")
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_three_systems_without_an_adapter(score):
    result = score()
    assert list(result["metrics"]) == ["bm25", "zero_shot", "hybrid"]
    assert "adapter_minus_zero_shot" not in result


def test_the_difference_is_that_of_the_two_systems(score, small_adapter):
    result = score(adapter=small_adapter)
    for metric, found in result["adapter_minus_zero_shot"].items():
        means = [result["metrics"][system][metric]["value"] for system in ("adapter", "zero_shot")]
        assert found["value"] == pytest.approx(means[0] - means[1])


def test_the_figures_are_those_of_the_rankings(score, small_base, small_adapter):
    result = score(adapter=small_adapter)
    assert result["metrics"]["bm25"]["mrr"]["value"] == 1, "the words of each query stand in its document alone"
    for system, folder in (("zero_shot", None), ("adapter", small_adapter)):
        encoder = Encoder.load(small_base, adapter=folder, precision="fp32", device="cpu")
        cosines = encoder.encode(list(QUERIES.values()), "query") @ encoder.encode(LINES, "document").T
        right = [int(found[1:]) for found in ANSWERS.values()]
        places = [1 + np.count_nonzero(row > row[column]) for row, column in zip(cosines, right, strict=True)]
        assert result["metrics"][system]["mrr"]["value"] == pytest.approx(np.mean([1 / place for place in places]))


def test_the_hybrid_joins_bm25_with_the_adapter_where_there_is_one(score, small_adapter, monkeypatch):
    joined = []
    monkeypatch.setattr(evaluation, "apply", lambda fusion, *scores: joined.append(scores) or scores[1])
    with_it = score(adapter=small_adapter)["metrics"]
    without = score()["metrics"]
    assert all(len(scores) == 2 for scores in joined)
    assert with_it["hybrid"] == with_it["adapter"]
    assert without["hybrid"] == without["zero_shot"]
    assert with_it["adapter"] != with_it["zero_shot"], "else this would show nothing"
    for lexical, _ in joined:
        assert np.count_nonzero(lexical[0]) < lexical.shape[1], "the other one is BM25: most documents share no word"


def a_dev_split(queries=30, right=lambda n: n % 10):
    """Queries of two words each, which are judged to be answered by LINES[right(n)]."""
    asked = {f"dev{n}": " ".join(LINES[n % 10].split()[n // 10 : n // 10 + 2]) for n in range(queries)}
    documents = {f"d{n}": Document(line) for n, line in enumerate(LINES)}
    return RetrievalSet("dev", asked, documents, {f"dev{n}": {f"d{right(n)}": 1} for n in range(queries)})


def test_without_a_dev_split_the_weights_are_equal_and_the_result_says_so(score):
    fusion = score()["fusion"]
    assert fusion["chosen_on"] is None
    assert Fusion(**fusion["weights"]) == EQUAL


def test_the_weights_are_chosen_on_the_dev_split(score, small_adapter):
    result = score(adapter=small_adapter, dev=a_dev_split())
    assert result["fusion"]["chosen_on"] == "dev"
    assert Fusion(**result["fusion"]["weights"]).lexical > 0.5, "words find the answer, a random model does not"
    assert list(result["metrics"]) == ["bm25", "zero_shot", "adapter", "hybrid"]


def test_the_hybrid_is_made_with_the_weights_that_were_chosen(score, monkeypatch):
    monkeypatch.setattr(evaluation, "choose", lambda *args, **kwargs: Fusion(0, 1))
    metrics = score(dev=a_dev_split())["metrics"]
    assert metrics["hybrid"] == metrics["zero_shot"]
    monkeypatch.setattr(evaluation, "choose", lambda *args, **kwargs: Fusion(1, 0))
    metrics = score(dev=a_dev_split())["metrics"]
    assert metrics["hybrid"] == metrics["bm25"]
    assert metrics["bm25"] != metrics["zero_shot"], "else this would show nothing"


def test_what_is_scored_does_not_touch_the_weights(score):
    backwards = a_set()
    backwards.qrels.update({query: {"d9": 1} for query in QUERIES})
    dev = a_dev_split()
    assert score(backwards, dev=dev)["fusion"] == score(dev=dev)["fusion"]


def test_the_weights_are_those_of_the_adapter_where_there_is_one(score, small_adapter, monkeypatch):
    seen = []
    choose = evaluation.choose
    monkeypatch.setattr(evaluation, "choose", lambda *a, **k: seen.append(a[1]) or choose(*a, **k))
    score(dev=a_dev_split())
    score(adapter=small_adapter, dev=a_dev_split())
    assert not np.allclose(*seen)


def test_a_training_run_s_own_dev_split_is_found(score, tmp_path):
    write_beir(tmp_path / "data" / "dev", a_dev_split())
    found = score()["fusion"]
    assert found["chosen_on"] == "dev"
    assert found == score(dev=a_dev_split())["fusion"]


def test_a_dev_split_with_the_queries_that_are_scored_is_not_used_and_that_is_said(score, tmp_path, caplog):
    write_beir(tmp_path / "data" / "dev", a_set())
    assert score()["fusion"]["chosen_on"] is None
    assert "the hybrid keeps equal weights" in caplog.text


def test_of_a_large_dev_split_some_queries_count(score, monkeypatch):
    counts = []
    choose = evaluation.choose
    monkeypatch.setattr(evaluation, "choose", lambda *a, **k: counts.append((a[0].shape, a[2])) or choose(*a, **k))
    monkeypatch.setattr(evaluation, "MATRIX", 4 * 10)
    score(dev=a_dev_split())
    assert counts == [((4, 10), ["dev0", "dev9", "dev19", "dev29"])]


@pytest.mark.parametrize("dev", [None, a_dev_split()], ids=["no dev split", "dev split"])
def test_a_second_call_encodes_nothing(score, small_adapter, monkeypatch, dev):
    first = score(adapter=small_adapter, dev=dev)
    monkeypatch.setattr(Encoder, "load", never)
    assert score(adapter=small_adapter, dev=dev) == first


def test_an_interrupted_call_leaves_the_finished_part(score, small_adapter, monkeypatch, tmp_path):
    load, loaded = Encoder.load, []

    def stop_at_the_adapter(*args, adapter, **kwargs):
        loaded.append(adapter)
        if adapter:
            raise KeyboardInterrupt
        return load(*args, adapter=adapter, **kwargs)

    monkeypatch.setattr(Encoder, "load", stop_at_the_adapter)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            score(adapter=small_adapter)
    assert loaded == [None, small_adapter, small_adapter], "the base was encoded once"
    assert not list(tmp_path.rglob("*.draft*"))


def test_blocks_of_queries_change_nothing(score, small_adapter, monkeypatch):
    whole = score(adapter=small_adapter)
    monkeypatch.setattr(evaluation, "MATRIX", 3 * 10)
    assert score(adapter=small_adapter) == whole


def test_queries_and_documents_are_encoded_as_such(zoo, tmp_path):
    on = base(zoo("bert"), query_prompt="read a file ", document_prompt="open a socket ")
    evaluate(a_set(), Scoring(on, tmp_path, "fp32"))
    encoder = Encoder.load(on, precision="fp32", device="cpu")
    stored = np.load(tmp_path / "vectors" / "zero_shot.npz")
    np.testing.assert_allclose(stored["queries"], encoder.encode(list(QUERIES.values()), "query"), atol=2e-5)
    np.testing.assert_allclose(stored["documents"], encoder.encode(LINES, "document"), atol=2e-5)


def test_without_repeated_documents_all_is_within_reach(score):
    result = score()
    assert result["repeated_documents"] == 0
    assert set(result["ceiling"].values()) == {1}


def test_repeated_documents_lower_the_ceiling(score):
    result = score(a_set(copies=1))
    assert result["repeated_documents"] == 1
    assert result["ceiling"]["recall@1"] == pytest.approx((3 + 1 / 2) / 4)
    assert result["ceiling"]["mrr"] == pytest.approx((3 + (1 + 1 / 2) / 2) / 4)
    assert result["ceiling"]["recall@10"] == 1


def test_copies_that_are_merged_lift_the_figures_and_have_no_ceiling(score):
    retrieval = a_set()
    retrieval.documents.update({f"later{n}": Document(LINES[0]) for n in range(3)})  # of equals the last id is first
    result = score(retrieval)
    merged = result["collapsed"]
    assert (result["documents"], merged["documents"], merged["queries"]) == (13, 10, 4)
    assert set(merged) == {"queries", "documents", "metrics"}
    for system, metrics in merged["metrics"].items():
        assert metrics["mrr"]["value"] >= result["metrics"][system]["mrr"]["value"]
    assert merged["metrics"]["bm25"]["mrr"]["value"] == 1 > result["metrics"]["bm25"]["mrr"]["value"]
    assert "multi_positive" not in result


def test_the_protocols_that_change_nothing_are_not_there(score):
    assert not {"collapsed", "multi_positive"} & set(score())


def test_every_solution_of_a_problem_counts_where_the_documents_name_one(score, small_adapter):
    retrieval = a_set()
    for name in ("d0", "d1", "d2"):
        retrieval.documents[name] = Document(retrieval.documents[name].text, metadata={"problem": 1})
    result = score(retrieval, adapter=small_adapter)
    wider = result["multi_positive"]
    assert set(wider) == {"queries", "documents", "metrics", "adapter_minus_zero_shot", "relative_gain"}
    for system, metrics in wider["metrics"].items():
        assert set(metrics) == {*METRICS, "precision@6", "xlcost_mrr"}
        assert metrics["mrr"]["value"] >= result["metrics"][system]["mrr"]["value"]
    # q0 and q1 have three right answers each, the others one: recall@1 of a ranking without mistakes
    assert wider["metrics"]["bm25"]["recall@1"]["value"] == pytest.approx((1 / 3 + 1 / 3 + 1 + 1) / 4)
    assert "collapsed" not in result


def test_a_query_left_without_an_answer_is_not_counted(score):
    retrieval = a_set()
    retrieval.queries["d9"] = LINES[9]  # an entry of the pool that asks for itself
    retrieval.qrels["d9"] = {"d9": 1}
    result = score(retrieval)
    assert (result["queries"], result["multi_positive"]["queries"]) == (5, 4)


def test_the_relative_gain_is_that_of_the_two_systems(score, small_adapter):
    result = score(adapter=small_adapter)
    ours, base = (result["metrics"][system]["mrr"]["value"] for system in ("adapter", "zero_shot"))
    gain = result["relative_gain"]["mrr"]
    assert gain["value"] == pytest.approx(ours / base - 1)
    assert gain["low"] <= gain["value"] <= gain["high"]


def test_grades_are_worth_what_the_set_says(score):
    graded = a_set()
    graded.qrels["q0"] = {"d0": 1, "d1": 3}
    linear = score(graded)
    exponential = score(RetrievalSet(graded.name, graded.queries, graded.documents, graded.qrels, gain="exponential"))
    assert linear["metrics"]["bm25"]["mrr"] == exponential["metrics"]["bm25"]["mrr"]
    assert linear["metrics"]["bm25"]["ndcg@10"] != exponential["metrics"]["bm25"]["ndcg@10"]
    assert exponential["ceiling"]["ndcg@10"] == 1


def test_dumped_runs_give_the_same_figures_to_ir_measures(score, small_adapter, tmp_path):
    result = score(a_set(copies=2), adapter=small_adapter, dump_run=12)
    qrels = list(ir_measures.read_trec_qrels(str(tmp_path / "qrels.trec")))
    measures = {ir_measures.RR: "mrr", ir_measures.nDCG @ 10: "ndcg@10", ir_measures.R @ 5: "recall@5"}
    for system, metrics in result["metrics"].items():
        run = list(ir_measures.read_trec_run(str(tmp_path / f"run.{system}.trec")))
        assert len(run) == 4 * 12
        for measure, value in ir_measures.calc_aggregate(list(measures), qrels, run).items():
            assert metrics[measures[measure]]["value"] == pytest.approx(value, abs=1e-9), (system, measure)


def test_no_runs_unless_they_are_asked_for(score, tmp_path):
    score()
    assert not list(tmp_path.rglob("*.trec"))


def test_the_seed_is_the_bootstrap_s_alone(score):
    one, other = score(seed=1)["metrics"]["zero_shot"]["mrr"], score(seed=2)["metrics"]["zero_shot"]["mrr"]
    assert one["value"] == other["value"]
    assert score(seed=1)["metrics"]["zero_shot"]["mrr"] == one


def test_an_adapter_of_another_base_is_refused(score, tmp_path):
    other = base(build(tmp_path / "other", seed=9))
    with pytest.raises(AdapterError, match=other.digest[:12]):
        score(adapter=adapter(tmp_path / "adapter", other))


@pytest.mark.parametrize("changed", ["set", "adapter"])
def test_vectors_of_something_else_are_not_reused(score, small_base, small_adapter, tmp_path, changed):
    score(adapter=small_adapter)
    before = np.load(tmp_path / "vectors" / "adapter.npz")["queries"]
    if changed == "set":
        retrieval, folder = a_set(), small_adapter
        retrieval.queries["q0"] = "the largest number of a list"
    else:
        retrieval, folder = a_set(), adapter(tmp_path / "second", small_base, seed=7)
    score(retrieval, adapter=folder)
    assert not np.array_equal(np.load(tmp_path / "vectors" / "adapter.npz")["queries"], before)
