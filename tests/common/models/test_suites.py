"""Other people's suites drive our encoder offline and must come to our own figures."""

import json
import subprocess
import sys

import numpy as np
import pytest

from common.corpora.beir import Document
from common.errors import UserError
from common.metrics.ranking import Pool, evaluate_block
from common.models import suites
from common.models.encoder import Encoder
from common.models.suites import CoirEncoder, MtebEncoder, SentenceTransformersEncoder
from tests.models_zoo import LINES, base

pytestmark = pytest.mark.usefixtures("one_thread")

WORDS = [word for word in " ".join(LINES).split() if word.isalpha()]


def texts(seed, count, length):
    """Random words, so that no two texts are one to the tokenizer: equal scores would be put in order by rounding."""
    chosen = np.random.default_rng(seed).choice(WORDS, (count, length))
    return [" ".join(row) for row in chosen]


TITLED = {
    f"d{n}": Document(text, title=title)
    for n, (text, title) in enumerate(zip(texts(0, 30, 12), texts(1, 30, 3), strict=True))
}
PLAIN = {name: Document(document.text) for name, document in TITLED.items()}
QUERIES = {f"q{n}": " ".join(document.text.split()[:8]) for n, document in enumerate(list(PLAIN.values())[:10])}
QRELS = {f"q{n}": {f"d{n}": 1, f"d{n + 10}": 2} for n in range(10)}


@pytest.fixture(scope="module")
def prompted(zoo):
    """A base whose queries and documents have prompts, so that mixing them up would show."""
    return base(zoo("bert"), query_prompt="read a file ", document_prompt="open a socket ")


def figures(on, documents=PLAIN, adapter=None, qrels=QRELS):
    """Our own, per metric."""
    encoder = Encoder.load(on, adapter=adapter, precision="fp32")
    entries = [document.content() for document in documents.values()]
    scores = encoder.encode(list(QUERIES.values()), "query") @ encoder.encode(entries, "document").T
    found = evaluate_block(scores, list(QUERIES), Pool.of(list(documents)), qrels)
    return {metric: values.mean() for metric, values in found.items()}


@pytest.fixture
def mteb_scores():
    mteb = pytest.importorskip("mteb", reason="the suite is an extra of development")
    from datasets import Dataset
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    def run(model, documents):
        class Tiny(AbsTaskRetrieval):
            metadata = TaskMetadata(
                name="Tiny", type="Retrieval", category="t2t", main_score="ndcg_at_10", description="in memory",
                dataset={"path": "none", "revision": "1"}, eval_splits=["test"], eval_langs=["eng-Latn"],
            )  # fmt: skip

            def load_data(self, **_):
                rows = [{"id": name, "title": d.title, "text": d.text} for name, d in documents.items()]
                queries = [{"id": name, "text": text} for name, text in QUERIES.items()]
                if not any(row["title"] for row in rows):
                    rows = [{"id": row["id"], "text": row["text"]} for row in rows]
                split = {"queries": Dataset.from_list(queries), "corpus": Dataset.from_list(rows)}
                self.dataset = {"default": {"test": {**split, "relevant_docs": QRELS, "top_ranked": None}}}
                self.data_loaded = True

        result = mteb.evaluate(model, Tiny(), cache=None, show_progress_bar=False, co2_tracker=False)
        return result.task_results[0].scores["test"][0]

    return run


@pytest.mark.parametrize("documents", [PLAIN, TITLED], ids=["plain", "titled"])
def test_mteb_comes_to_our_figures(prompted, mteb_scores, documents):
    found = mteb_scores(MtebEncoder(prompted, precision="fp32"), documents)
    ours = figures(prompted, documents)
    assert found["mrr_at_1000"] == pytest.approx(ours["mrr"], abs=1e-6), "the whole pool is among the first 1,000"
    for theirs, metric in {"ndcg_at_10": "ndcg@10", "recall_at_5": "recall@5", "recall_at_10": "recall@10"}.items():
        assert found[theirs] == pytest.approx(ours[metric], abs=5.1e-6), "mteb rounds to five places"


def test_mteb_with_an_adapter(small_base, small_adapter, mteb_scores):
    model = MtebEncoder(small_base, small_adapter, precision="fp32")
    ours = figures(small_base, adapter=small_adapter)
    assert mteb_scores(model, PLAIN)["mrr_at_1000"] == pytest.approx(ours["mrr"], abs=1e-6)
    assert ours["mrr"] != figures(small_base)["mrr"], "else this would show nothing"


def test_mteb_sees_an_encoder_that_names_its_weights(small_base, small_adapter):
    pytest.importorskip("mteb", reason="the suite is an extra of development")
    from mteb.models import EncoderProtocol

    bare, adapted = MtebEncoder(small_base, precision="fp32"), MtebEncoder(small_base, small_adapter, precision="fp32")
    assert isinstance(bare, EncoderProtocol)
    meta = bare.mteb_model_meta
    assert meta.name == f"codeadapters/{small_base.name}"
    assert (meta.revision, meta.max_tokens) == (small_base.digest[:12], small_base.max_length)
    assert adapted.mteb_model_meta.revision.startswith(small_base.digest[:12] + "-")
    vectors = bare.queries(["a", "read a file"])
    assert bare.similarity(vectors, vectors).shape == (2, 2)
    np.testing.assert_allclose(bare.similarity_pairwise(vectors, vectors), [1, 1], atol=1e-5)


def test_mteb_tasks_other_than_retrieval_are_refused(small_base):
    pytest.importorskip("mteb", reason="the suite is an extra of development")
    with pytest.raises(UserError, match="neither of queries nor of documents"):
        MtebEncoder(small_base, precision="fp32").encode([{"text": ["a"]}], task_metadata=None, prompt_type=None)


@pytest.mark.parametrize("documents", [PLAIN, TITLED], ids=["plain", "titled"])
def test_coir_comes_to_our_figures(prompted, small_adapter, tmp_path, documents):
    pytest.importorskip("coir", reason="the suite is an extra of development")
    from coir.evaluation import COIR

    corpus = {name: {"title": document.title, "text": document.text} for name, document in documents.items()}
    task = (corpus, dict(QUERIES), QRELS)
    model = CoirEncoder(prompted, precision="fp32")
    found = COIR(tasks={"tiny": task}, batch_size=8).run(model, str(tmp_path))["tiny"]
    ours = figures(prompted, documents)
    pairs = {("NDCG", "NDCG@10"): "ndcg@10", ("Recall", "Recall@5"): "recall@5", ("Recall", "Recall@1"): "recall@1"}
    for (group, key), metric in pairs.items():
        assert found[group][key] == pytest.approx(ours[metric], abs=5.1e-6), "coir-eval rounds to five places"
    assert json.loads((tmp_path / "tiny.json").read_text())["metrics"] == found


def test_coir_s_documents_may_lack_a_title(small_base):
    pytest.importorskip("coir", reason="the suite is an extra of development")
    model = CoirEncoder(small_base, precision="fp32")
    one, other = model.encode_corpus([{"text": "x = 1", "title": None}, {"text": "x = 1"}])
    np.testing.assert_array_equal(one, other)


def test_sentence_transformers_evaluator_comes_to_our_figures(prompted):
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    pool = {name: document.content() for name, document in PLAIN.items()}
    evaluator = InformationRetrievalEvaluator(
        QUERIES, pool, {query: set(found) for query, found in QRELS.items()}, mrr_at_k=[1000], write_csv=False
    )
    found = evaluator(SentenceTransformersEncoder(prompted, precision="fp32"))
    binary = {query: dict.fromkeys(grades, 1) for query, grades in QRELS.items()}
    ours = figures(prompted, qrels=binary)  # it knows no grades
    assert found["cosine_mrr@1000"] == pytest.approx(ours["mrr"], abs=1e-6)
    assert found["cosine_ndcg@10"] == pytest.approx(ours["ndcg@10"], abs=1e-6)
    assert found["cosine_recall@5"] == pytest.approx(ours["recall@5"], abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "package"),
    [(MtebEncoder, "mteb"), (CoirEncoder, "coir-eval"), (SentenceTransformersEncoder, "sentence-transformers")],
)
def test_a_suite_that_is_not_installed_is_named(small_base, monkeypatch, kind, package):
    monkeypatch.setitem(sys.modules, kind.module, None)  # what Python does for a module that is known to be absent
    with pytest.raises(UserError, match=f"{package} is not installed\\n.*pip install {package}"):
        kind(small_base)


def test_the_module_itself_needs_no_suite():
    script = f"import sys, {suites.__name__}\nprint({{'mteb', 'coir', 'sentence_transformers'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
