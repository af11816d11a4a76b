import pytest
import torch

from jobs.training.checkpoint import Progress, restore, save, set_weights, trainable, weights
from tests.models_zoo import adapted

pytestmark = pytest.mark.usefixtures("one_thread")


def trainer(on, seed=0):
    model = adapted(on, seed=seed)
    return model, torch.optim.AdamW(trainable(model).values(), lr=0.01, weight_decay=0.1)


def train(model, optimiser, steps, seed):
    draws = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for parameter in trainable(model).values():
            parameter.grad = torch.randn(parameter.shape, generator=draws)
        optimiser.step()


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


PROGRESS = Progress(
    step=7,
    best_step=5,
    best_score=0.25,
    dev_curve=[(0, 0.125), (5, 0.25)],
    window=[2.5, 2.25],
    warnings=["careful"],
    seconds=1.5,
    tokens=99,
)


@pytest.mark.parametrize("progress", [PROGRESS, Progress()], ids=["some", "none"])
def test_a_checkpoint_gives_back_weights_best_and_progress(small_base, tmp_path, progress):
    model, optimiser = trainer(small_base)
    train(model, optimiser, 3, seed=1)
    best = weights(model)
    train(model, optimiser, 2, seed=2)
    save(tmp_path, model, optimiser, best, progress)
    expected = weights(model)
    other, other_optimiser = trainer(small_base, seed=5)
    assert not same(weights(other), expected)
    found_best, found_progress = restore(tmp_path, other, other_optimiser)
    assert same(weights(other), expected)
    assert same(found_best, best)
    assert not same(found_best, expected)
    assert found_progress == progress


def test_the_optimiser_goes_on_as_if_nothing_had_happened(small_base, tmp_path):
    model, optimiser = trainer(small_base)
    train(model, optimiser, 3, seed=1)
    save(tmp_path, model, optimiser, weights(model), Progress())
    train(model, optimiser, 2, seed=2)
    resumed, resumed_optimiser = trainer(small_base, seed=5)
    restore(tmp_path, resumed, resumed_optimiser)
    train(resumed, resumed_optimiser, 2, seed=2)
    assert same(weights(resumed), weights(model))


def test_only_the_adapter_is_kept(small_base, tmp_path):
    model, optimiser = trainer(small_base)
    assert set(weights(model)) == {name for name, _ in model.named_parameters() if "lora_" in name}
    train(model, optimiser, 1, seed=1)
    save(tmp_path, model, optimiser, weights(model), Progress())
    base = sum(p.numel() for p in model.parameters())
    assert (tmp_path / "adapter.safetensors").stat().st_size < base


def test_weights_are_a_copy(small_base):
    model, optimiser = trainer(small_base)
    before = weights(model)
    expected = {name: tensor.clone() for name, tensor in before.items()}
    train(model, optimiser, 1, seed=1)
    assert same(before, expected)
    set_weights(model, before)
    assert same(weights(model), expected)
    assert all(parameter.requires_grad for parameter in trainable(model).values())
