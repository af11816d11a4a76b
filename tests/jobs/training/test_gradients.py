"""Gradients in chunks, with and without kept activations, and over workers, against one plain pass over the batch."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from common.adapters.methods import PeftSpec
from common.models.batching import Chunk, plan_chunks, split_evenly
from common.models.encoder import Encoder
from jobs.training import gradients
from jobs.training.checkpoint import trainable
from jobs.training.gradients import backward, gather, sum_gradients
from jobs.training.objective import false_negatives, info_nce
from tests.models_zoo import CPU, LINES, adapted

pytestmark = pytest.mark.usefixtures("one_thread")

QUERIES = ["parse a header", "read", "copy one tree into another and keep the dates", "remove folders", "x"]
COUNT = len(QUERIES)
KEPT, CACHED = 10**9, 0


@pytest.fixture
def training(small_base):
    """An encoder with a random adapter and the token ids of a batch of texts of unlike length."""

    def make(dropout=0.0):
        model = adapted(small_base, PeftSpec(rank=4, alpha=8, dropout=dropout))
        for name, module in model.named_modules():
            if "lora_dropout" in name:
                module.train()
        encoder = Encoder(small_base, model, torch.float32, CPU)
        ids = encoder.tokenize(QUERIES, "query") + encoder.tokenize(LINES[:COUNT], "document")
        return encoder, ids

    return make


def batch_loss(vectors):
    # Pairs 0 and 3 ask the same, so a mask is part of it
    names = torch.tensor([0, 1, 2, 0, 4])
    mask = false_negatives((names, torch.arange(COUNT)), COUNT)
    return info_nce(vectors[:COUNT], vectors[COUNT:], mask, temperature=0.2, symmetric=True)


def chunked(encoder, ids, loss=batch_loss, *, kept=KEPT, budget=100, seed=0):
    """Loss and gradients by `backward`."""
    encoder.model.zero_grad(set_to_none=True)
    chunks = plan_chunks([len(row) for row in ids], budget=budget)
    value = backward(encoder, ids, chunks, loss, seed=seed, kept_tokens=kept)
    return value, {name: p.grad for name, p in trainable(encoder.model).items()}


def plain(encoder, ids, loss=batch_loss):
    """The same by one rectangle and one call of autograd."""
    encoder.model.zero_grad(set_to_none=True)
    value = loss(encoder.embed(ids, Chunk(tuple(range(len(ids))), max(map(len, ids)))))
    value.backward()
    return value.item(), {name: p.grad for name, p in trainable(encoder.model).items()}


def assert_same(found, expected):
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    assert found[1].keys() == expected[1].keys()
    largest = max(gradient.abs().max().item() for gradient in expected[1].values())
    assert largest > 0
    for name, gradient in expected[1].items():
        torch.testing.assert_close(found[1][name], gradient, atol=1e-5 * largest, rtol=1e-4, msg=name)


@pytest.mark.parametrize("budget", [1, 100, 200, 10**6])
@pytest.mark.parametrize("kept", [KEPT, CACHED])
def test_chunks_give_the_gradients_of_one_big_batch(training, kept, budget):
    encoder, ids = training()
    assert_same(chunked(encoder, ids, kept=kept, budget=budget), plain(encoder, ids))


def test_the_frozen_base_gets_no_gradient(training):
    encoder, ids = training()
    chunked(encoder, ids, kept=CACHED)
    assert all("lora_" in name for name, p in encoder.model.named_parameters() if p.grad is not None)


def test_gradients_add_to_what_is_there(training):
    encoder, ids = training()
    _, once = chunked(encoder, ids)
    once = {name: gradient.clone() for name, gradient in once.items()}
    chunks = plan_chunks([len(row) for row in ids], budget=100)
    backward(encoder, ids, chunks, batch_loss, seed=0, kept_tokens=CACHED)
    for name, p in trainable(encoder.model).items():
        torch.testing.assert_close(p.grad, 2 * once[name], atol=1e-6, rtol=1e-4)


def test_dropout_is_the_same_whether_activations_were_kept_or_not(training):
    encoder, ids = training(dropout=0.3)
    kept = chunked(encoder, ids, kept=KEPT, seed=11)
    assert_same(chunked(encoder, ids, kept=CACHED, seed=11), kept)
    other, _ = chunked(encoder, ids, kept=KEPT, seed=12)
    assert other != pytest.approx(kept[0], rel=1e-6), "dropout is on, and the seed decides it"
    again, _ = chunked(encoder, ids, kept=KEPT, seed=11)
    assert again == kept[0]


def test_chunks_of_one_batch_draw_different_dropout(training):
    encoder, ids = training(dropout=0.3)
    seen = []

    def look(vectors):
        seen.append(vectors.detach().clone())
        return batch_loss(vectors)

    chunked(encoder, [ids[0]] * (2 * COUNT), look, budget=1, seed=3)
    assert len({tuple(row.tolist()) for row in seen[0]}) == 2 * COUNT


@pytest.mark.parametrize(("spare", "runs"), [(0, 1), (-1, 2)])
def test_activations_are_kept_up_to_the_budget_and_not_beyond(training, monkeypatch, spare, runs):
    encoder, ids = training()
    chunks = plan_chunks([len(row) for row in ids], budget=100)
    tokens = sum(len(chunk.rows) * chunk.length for chunk in chunks)
    forward, seen = encoder.embed, []

    def counted(ids, chunk):
        seen.append((chunk, torch.is_grad_enabled()))
        return forward(ids, chunk)

    monkeypatch.setattr(encoder, "embed", counted)
    backward(encoder, ids, chunks, batch_loss, seed=0, kept_tokens=tokens + spare)
    expected = [(chunk, with_graph) for with_graph in ([True], [False, True])[runs - 1] for chunk in chunks]
    assert seen == expected


@given(st.permutations(range(7)))
def test_one_worker_s_rows_come_back_in_the_batch_s_order(order):
    rows = torch.arange(7.0)[:, None].repeat(1, 3)
    mine = rows[list(order)].clone().requires_grad_(True)
    gathered = gather(mine, [list(order)], 0)
    assert torch.equal(gathered, rows)
    (gathered * rows).sum().backward()
    assert torch.equal(mine.grad, rows[list(order)])


class Group:
    """Stands in for torch.distributed: what each rank would send is known beforehand."""

    def __init__(self, sent):
        self.sent = sent

    def all_gather(self, received, padded):
        assert {part.shape for part in received} == {padded.shape}, "gloo takes equal shapes only"
        assert not padded.requires_grad
        for target, rows in zip(received, self.sent, strict=True):
            target.fill_(float("nan"))  # padding must not be looked at
            target[: len(rows)] = rows


@pytest.mark.parametrize("kept", [KEPT, CACHED])
@pytest.mark.parametrize("world", [2, 3, 4])
def test_the_workers_gradients_add_up_to_those_of_one_big_batch(training, monkeypatch, world, kept):
    encoder, ids = training()
    shares = split_evenly([len(row) for row in ids], world)
    assert world == 2 or len({len(share) for share in shares}) == 2, "some worker has a row less"
    parts = [[ids[position] for position in share] for share in shares]
    sent = [torch.from_numpy(encoder.encode_ids(part)) for part in parts]
    monkeypatch.setattr(gradients, "dist", Group(sent))
    summed, values = {}, set()
    for rank in range(world):
        value, found = chunked(
            encoder, parts[rank], lambda mine, rank=rank: batch_loss(gather(mine, shares, rank)), kept=kept
        )
        values.add(round(value, 5))
        summed = {name: gradient + summed.get(name, 0) for name, gradient in found.items()}
    assert len(values) == 1, "each worker sees the whole batch's loss"
    assert_same((value, summed), plain(encoder, ids))


@pytest.mark.parametrize("kept", [KEPT, CACHED])
def test_a_worker_without_rows_computes_the_loss_and_no_gradient(training, monkeypatch, kept):
    encoder, ids = training()
    shares = [list(range(len(ids))), []]
    everyone = torch.from_numpy(encoder.encode_ids(ids))
    monkeypatch.setattr(gradients, "dist", Group([everyone, everyone[:0]]))
    value, found = chunked(encoder, [], lambda mine: batch_loss(gather(mine, shares, 1)), kept=kept)
    assert value == pytest.approx(batch_loss(everyone).item(), rel=1e-5)
    assert set(found.values()) == {None}


class Sum(Group):
    """Two workers; the other one sends `self.sent`."""

    def is_initialized(self):
        return True

    def get_world_size(self):
        return 2

    def all_reduce(self, flat):
        flat += self.sent


def test_gradients_are_summed_in_place_whoever_lacks_one(monkeypatch):
    first, second = torch.nn.Parameter(torch.zeros(2, 2)), torch.nn.Parameter(torch.zeros(3))
    first.grad = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    monkeypatch.setattr(gradients, "dist", Sum(torch.tensor([10.0, 20, 30, 40, 50, 60, 70])))
    sum_gradients([first, second])
    assert first.grad.tolist() == [[11, 22], [33, 44]]
    assert second.grad.tolist() == [50, 60, 70]


def test_alone_there_is_nothing_to_sum():
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.ones(2)
    sum_gradients([parameter])
    assert parameter.grad.tolist() == [1, 1]
