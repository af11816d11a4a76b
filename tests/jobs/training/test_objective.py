import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from jobs.training.objective import drift, false_negatives, info_nce

NAMES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=9)
TAUS = st.sampled_from([0.02, 0.05, 0.5, 1.0])


def unit_vectors(n, hidden=6, seed=0):
    vectors = torch.randn(n, hidden, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(vectors, dim=1)


def columns(names):
    return torch.tensor([query for query, _ in names]), torch.tensor([document for _, document in names])


def by_hand(queries, documents, left_out, temperature):
    """Mean over queries of −log(e^(own) / sum of e^(those not left out)), in plain loops."""
    total = 0.0
    for i, query in enumerate(queries):
        logits = [sum(a * b for a, b in zip(query, document, strict=True)) / temperature for document in documents]
        there = [math.exp(logit) for j, logit in enumerate(logits) if not left_out[i][j]]
        total -= logits[i] - math.log(sum(there))
    return total / len(queries)


@given(NAMES)
def test_the_mask_is_what_its_definition_says(names):
    mask = false_negatives(columns(names), len(names))
    for i, (query, document) in enumerate(names):
        for j, (other_query, other_document) in enumerate(names):
            same = query == other_query or document == other_document
            assert bool(mask[i, j]) == (same and i != j)


def test_a_mask_by_hand():
    mask = false_negatives((torch.tensor([7, 7, 8, 9]), torch.tensor([1, 2, 3, 1])), 4)
    assert mask.int().tolist() == [[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]


@given(NAMES, TAUS, st.integers(0, 99))
def test_the_loss_is_the_softmax_s_by_hand(names, temperature, seed):
    n = len(names)
    queries, documents, mask = (
        unit_vectors(n, seed=seed),
        unit_vectors(n, seed=seed + 100),
        false_negatives(columns(names), len(names)),
    )
    forth = by_hand(queries.tolist(), documents.tolist(), mask.tolist(), temperature)
    back = by_hand(documents.tolist(), queries.tolist(), mask.T.tolist(), temperature)
    one_way = info_nce(queries, documents, mask, temperature=temperature, symmetric=False)
    both = info_nce(queries, documents, mask, temperature=temperature, symmetric=True)
    assert one_way.item() == pytest.approx(forth, abs=1e-9)
    assert both.item() == pytest.approx((forth + back) / 2, abs=1e-9)


@given(NAMES, st.integers(0, 99))
def test_masked_pairs_get_no_gradient_and_all_others_do(names, seed):
    # With queries along the axes, entry (j, i) of the documents is the cosine of pair (i, j) and of no other
    n = len(names)
    queries, mask = torch.eye(n, dtype=torch.float64), false_negatives(columns(names), len(names))
    for symmetric in (False, True):
        documents = unit_vectors(n, hidden=n, seed=seed).requires_grad_(True)
        info_nce(queries, documents, mask, temperature=0.5, symmetric=symmetric).backward()
        moved = documents.grad.T != 0
        assert not moved[mask].any()
        assert torch.isfinite(documents.grad).all()
        off = ~mask & ~torch.eye(n, dtype=torch.bool)
        assert moved[off].all()


def test_where_all_negatives_are_masked_there_is_nothing_to_learn():
    queries, documents = unit_vectors(3).requires_grad_(True), unit_vectors(3, seed=1)
    same = torch.zeros(3, dtype=torch.int64)
    loss = info_nce(queries, documents, false_negatives((same, same), 3), temperature=0.05, symmetric=True)
    loss.backward()
    assert loss.item() == 0
    assert not queries.grad.any()


@pytest.mark.parametrize("symmetric", [False, True])
def test_equal_vectors_score_the_logarithm_of_the_batch(symmetric):
    vectors = unit_vectors(1).repeat(16, 1)
    mask = torch.zeros(16, 16, dtype=torch.bool)
    assert info_nce(vectors, vectors, mask, temperature=0.05, symmetric=symmetric).item() == pytest.approx(math.log(16))


def test_symmetry_is_symmetric_and_one_direction_is_not():
    queries, documents, mask = unit_vectors(5), unit_vectors(5, seed=1), torch.zeros(5, 5, dtype=torch.bool)

    def loss(a, b, symmetric):
        return info_nce(a, b, mask, temperature=0.1, symmetric=symmetric).item()

    assert loss(queries, documents, True) == pytest.approx(loss(documents, queries, True))
    assert loss(queries, documents, False) != pytest.approx(loss(documents, queries, False))


def test_a_duplicate_in_the_batch_changes_nothing_for_the_others():
    queries, documents = unit_vectors(3), unit_vectors(3, seed=1)
    twice = torch.tensor([0, 1, 2, 2])
    names = torch.arange(3)[twice]
    rows = [
        info_nce(q, d, false_negatives((n, n), len(n)), temperature=0.2, symmetric=False).item() * len(n)
        for q, d, n in ((queries, documents, torch.arange(3)), (queries[twice], documents[twice], names))
    ]
    # queries 0 and 1 meet document 2 twice, and query 2 comes twice and never meets its own document as a negative
    logits = (queries @ documents.T / 0.2).numpy()
    own = [np.log(np.exp(logits[i]).sum()) - logits[i, i] for i in range(3)]
    more = [np.log(np.exp(logits[i]).sum() + np.exp(logits[i, 2])) - logits[i, i] for i in range(2)]
    assert rows[0] == pytest.approx(sum(own))
    assert rows[1] == pytest.approx(sum(more) + 2 * own[2])


def test_hard_negatives_are_columns_of_their_own():
    queries, documents = unit_vectors(3), unit_vectors(5, seed=1)  # three positives, two hard negatives
    keys = (torch.tensor([0, 1, 2, 10, 11]), torch.tensor([0, 1, 2, 3, 1]))  # the last one is the text of document 1
    mask = false_negatives(keys, 3)
    assert mask.int().tolist() == [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
    one_way = info_nce(queries, documents, mask, temperature=0.2, symmetric=False)
    assert one_way.item() == pytest.approx(by_hand(queries.tolist(), documents.tolist(), mask.tolist(), 0.2))
    back = by_hand(documents[:3].tolist(), queries.tolist(), mask[:, :3].T.tolist(), 0.2)
    both = info_nce(queries, documents, mask, temperature=0.2, symmetric=True)
    assert both.item() == pytest.approx((one_way.item() + back) / 2), "a hard negative answers no query"


def test_drift_is_the_mean_cosine_distance_from_the_base():
    base = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert drift(base, base).item() == 0
    assert drift(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), base).item() == pytest.approx(0.5)
