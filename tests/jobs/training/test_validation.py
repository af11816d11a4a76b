import numpy as np
import pytest
import torch

from common.corpora.beir import Document, RetrievalSet
from common.models.batching import split_evenly
from common.models.encoder import Encoder
from jobs.training import gradients
from jobs.training.validation import DevSplit
from tests.models_zoo import LINES, base

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def encoder(zoo):
    prompted = base(zoo("bert"), query_prompt="read a file ", document_prompt="open a socket ")
    return Encoder.load(prompted, precision="fp32", device="cpu")


@pytest.fixture(scope="module")
def dev(encoder):
    documents = {f"d{n}": Document(line, title="" if n % 2 else "title") for n, line in enumerate(LINES)}
    queries = {f"q{n}": line.upper() for n, line in enumerate(("parse", "copy the tree", "sorted", "push and pop"))}
    qrels = {"q0": {"d0": 1}, "q1": {"d2": 1, "d3": 0}, "q2": {"d4": 1, "d9": 1}, "q3": {"d6": 2}}
    return DevSplit(RetrievalSet("dev", queries, documents, qrels), encoder), queries, documents, qrels


def test_the_score_is_the_mean_reciprocal_rank_by_hand(encoder, dev):
    split, queries, documents, qrels = dev
    asked = encoder.encode(list(queries.values()), "query")
    answers = encoder.encode([document.content() for document in documents.values()], "document")
    best = []
    for query, cosines in zip(queries, asked @ answers.T, strict=True):
        ranked = [list(documents)[i] for i in np.argsort(-cosines)]
        best.append(max(1 / (1 + ranked.index(d)) for d, grade in qrels[query].items() if grade > 0))
    assert 0 < split.mrr(encoder, 0, 1) < 1
    assert split.mrr(encoder, 0, 1) == pytest.approx(np.mean(best))


@pytest.mark.parametrize("world", [2, 3, 20])
def test_every_worker_gets_the_score_of_one(encoder, dev, monkeypatch, world):
    split = dev[0]
    shares = split_evenly(split.lengths, world)
    sent = [encoder.encode_ids([split.ids[position] for position in share]) for share in shares]

    def all_gather(received, padded):
        for target, rows in zip(received, sent, strict=True):
            target[: len(rows)] = torch.from_numpy(rows)

    alone = split.mrr(encoder, 0, 1)
    monkeypatch.setattr(gradients.dist, "all_gather", all_gather)
    assert [split.mrr(encoder, rank, world) for rank in range(world)] == pytest.approx([alone] * world)
