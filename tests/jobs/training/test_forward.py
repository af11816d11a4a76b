"""Packed and padded examples have the loss they have alone: nothing bleeds, nothing of the prompt counts."""

from __future__ import annotations

import random

import pytest
import torch

from common.models.generator import load_generator, resolve_generator
from jobs.training.forward import IGNORED, Answerer, build
from jobs.training.packing import Micro, plan_bucketed, plan_packed
from jobs.training.segments import NAME, attend, can_pack
from jobs.training.tokenised import Tokens
from tests.decoders_zoo import generator

pytestmark = pytest.mark.usefixtures("one_thread")
CAUSAL = ("llama", "qwen2", "qwen3", "gpt_bigcode", "codegen", "mistral")
PACKED = ("llama", "qwen2", "qwen3", "gpt_bigcode", "mistral")


def examples(count=9, seed=0):
    draw = random.Random(seed)

    def tokens(most):
        return [draw.randrange(5, 200) for _ in range(draw.randint(2, most))]

    return [Tokens(str(at), tokens(20), tokens(30)) for at in range(count)]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    made = {}

    def get(family):
        if family not in made:
            base = resolve_generator(str(generator(tmp_path_factory.mktemp(family) / "base", family)))
            model = load_generator(base, torch.device("cpu"), dtype=torch.float32)
            made[family] = Answerer(model, base.kind, 0, torch.float32, torch.device("cpu"))
        return made[family]

    return get


def alone(answerer, example):
    """The plain computation: the whole text through the model, loss where the answer is."""
    if answerer.kind == "seq2seq":
        given = torch.tensor([[answerer.config.decoder_start_token_id, *example.answer[:-1]]])
        logits = answerer.model(input_ids=torch.tensor([example.prompt]), decoder_input_ids=given).logits[0]
    else:
        ids = torch.tensor([[*example.prompt, *example.answer]])
        logits = answerer.model(input_ids=ids).logits[0, len(example.prompt) - 1 : -1]
    return torch.nn.functional.cross_entropy(logits, torch.tensor(example.answer), reduction="sum").item()


def loss(answerer, found, plan, budget):
    lengths = [len(one.prompt) if answerer.kind == "seq2seq" else len(one) for one in found]
    with torch.no_grad(), answerer.attention(plan is plan_packed):
        return sum(
            answerer.loss([found[row] for row in micro.rows], micro).item() for micro in plan(lengths, budget=budget)
        )


@pytest.mark.parametrize("family", PACKED)
def test_a_packed_example_has_the_loss_and_logits_it_has_alone(models, family):
    answerer, found = models(family), examples()
    assert can_pack(answerer.inner)
    assert loss(answerer, found, plan_packed, 120) == pytest.approx(sum(alone(answerer, e) for e in found), rel=1e-5)
    micro = Micro((0, 1, 2), 160, True)
    with torch.no_grad(), answerer.attention(True):
        together = answerer.logits(build(found[:3], micro, "causal", 0, 0))[0]
    with torch.no_grad():
        first = answerer.model(input_ids=torch.tensor([[*found[1].prompt, *found[1].answer]])).logits[0]
    at = len(found[0].answer)
    expected = first[len(found[1].prompt) - 1 : -1]
    assert torch.allclose(together[at : at + len(expected)], expected, atol=1e-5)


@pytest.mark.parametrize("family", [*CAUSAL, "t5"])
def test_a_padded_example_has_the_loss_it_has_alone(models, family):
    answerer, found = models(family), examples(seed=1)
    assert loss(answerer, found, plan_bucketed, 120) == pytest.approx(sum(alone(answerer, e) for e in found), rel=1e-5)


def test_a_neighbour_in_the_row_changes_nothing(models):
    answerer, (one, other, third, *_) = models("llama"), examples()
    with torch.no_grad(), answerer.attention(True):
        before = answerer.logits(build([one, other], Micro((0, 1), 128, True), "causal", 0, 0))[0]
        after = answerer.logits(build([third, other], Micro((0, 1), 128, True), "causal", 0, 0))[0]
    assert torch.allclose(before[len(one.answer) :], after[len(third.answer) :], atol=1e-6)


def test_only_the_answer_is_labelled_and_its_end_is_learnt():
    example = Tokens("a", [11, 12, 13], [21, 22, 2])
    packed = build([example, example], Micro((0, 1), 32, True), "causal", 0, 0)
    assert packed.labels.tolist() == [[21, 22, 2, 21, 22, 2]]
    assert packed.inputs["logits_to_keep"].tolist() == [2, 3, 4, 8, 9, 10]
    assert packed.inputs["position_ids"][0, :7].tolist() == [0, 1, 2, 3, 4, 5, 0]
    padded = build([example, Tokens("b", [11], [21, 2])], Micro((0, 1), 16, False), "causal", 0, 0)
    assert padded.inputs["logits_to_keep"].tolist() == [0, 1, 2, 3, 4]
    assert padded.labels.tolist() == [[IGNORED, IGNORED, 21, 22, 2], [21, 2, IGNORED, IGNORED, IGNORED]]
    read = build([example], Micro((0,), 16, False), "seq2seq", 0, 7)
    assert read.inputs["decoder_input_ids"][0, :4].tolist() == [7, 21, 22, 0]
    assert read.labels[0, :4].tolist() == [21, 22, 2, IGNORED]


def test_attention_that_is_not_told_its_segments_fails(models):
    answerer = models("llama")
    states = torch.zeros(1, 4, 8, 8)
    with pytest.raises(TypeError):
        attend(answerer.inner, states, states, states, None)
    with answerer.attention(True):
        assert answerer.config._attn_implementation == NAME
    assert answerer.config._attn_implementation != NAME  # put back


def test_a_sliding_window_is_not_packed(tmp_path):
    base = resolve_generator(str(generator(tmp_path / "base", "mistral", sliding_window=16)))
    assert not can_pack(load_generator(base, torch.device("cpu"), dtype=torch.float32))
