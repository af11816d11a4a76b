"""The training loop on real Ray Train workers: neither their number nor their death changes what is learnt."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from ray.train.v2.api.exceptions import TrainingFailedError

from common.adapters.folder import adapter_digest
from common.models.digests import file_digest
from jobs.training.trainer import RUN_NAME
from tests.jobs.ray import processes
from tests.jobs.ray.tiny import (
    BATCH,
    is_marked,
    last_step,
    last_weights,
    losses,
    mark_first_line,
    pairs,
    train,
    trainer_input,
)

pytestmark = [pytest.mark.ray, pytest.mark.slow]
STEPS = 30  # of `trainer_input`


@pytest.fixture(scope="module")
def alone(ray_cluster, tiny, tmp_path_factory):
    """One worker, no dropout."""
    folder = tmp_path_factory.mktemp("alone")
    train(trainer_input(tiny, folder), workers=1)
    return folder


@pytest.fixture(scope="module")
def together(ray_cluster, tiny, tmp_path_factory):
    """Two workers, no dropout."""
    folder = tmp_path_factory.mktemp("together")
    train(trainer_input(tiny, folder))
    return folder


@pytest.fixture(scope="module")
def with_dropout(ray_cluster, tiny, tmp_path_factory):
    """Two workers, dropout, small chunks whose activations are all kept."""
    folder = tmp_path_factory.mktemp("dropout")
    train(trainer_input(tiny, folder, dropout=0.1, tokens_per_chunk=128))
    return folder


def tensors(folder):
    from safetensors.numpy import load_file

    return load_file(last_weights(folder))


def assert_equal_adapters(one, other):
    """To the bit: the adapter that scored best, and the one the last step left."""
    assert adapter_digest(one / "adapter") == adapter_digest(other / "adapter")
    assert file_digest(last_weights(one)) == file_digest(last_weights(other))


def assert_same_adapter(one, other):
    found, expected = tensors(one), tensors(other)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, abs=2e-4), name


def test_the_data_are_what_the_tests_below_need():
    """Unlike lengths, and batches in which a text occurs twice."""
    from jobs.training.sampling import Schedule

    made, schedule = pairs(), Schedule(len(pairs()), BATCH, 1, 0)
    assert schedule.steps == STEPS
    batches = [[made[row] for row in schedule.rows(step)] for step in range(schedule.steps)]
    assert any(len({p.query for p in batch}) < BATCH for batch in batches)
    assert any(len({p.document for p in batch}) < BATCH for batch in batches)
    assert all(len({len(p.document.split()) for p in batch}) > BATCH // 2 for batch in batches)


def test_two_workers_train_as_one_does(alone, together):
    expected = losses(alone)
    assert len(expected) == STEPS
    assert losses(together) == pytest.approx(expected, rel=2e-4, abs=2e-5)
    moved = [abs(values).max() for name, values in tensors(alone).items() if "lora_B" in name]
    assert min(moved) > 5e-3  # from zero: the curves are not equal for want of change
    assert_same_adapter(together, alone)


def test_cached_gradients_train_as_kept_activations_do(ray_cluster, tiny, tmp_path, with_dropout):
    """With dropout: a second forward pass that drew other zeros would give other gradients."""
    train(trainer_input(tiny, tmp_path, dropout=0.1, tokens_per_chunk=128, kept_tokens=128))
    assert losses(tmp_path) == pytest.approx(losses(with_dropout), rel=1e-5)
    assert_same_adapter(tmp_path, with_dropout)


def test_dropout_is_at_work(together, with_dropout):
    """Otherwise the two tests with dropout would show nothing."""
    assert losses(with_dropout) != pytest.approx(losses(together), rel=1e-3)


@pytest.mark.faults
def test_a_run_that_died_goes_on_as_if_it_had_not(tiny, tmp_path, with_dropout):
    job = trainer_input(tiny, tmp_path, dropout=0.1, tokens_per_chunk=128)
    with pytest.raises(TrainingFailedError):
        train(job.model_copy(update={"stop_after": 20}))
    assert last_step(tmp_path) == 20
    assert not job.output.exists()
    mark_first_line(tmp_path)
    train(job)
    assert is_marked(tmp_path), "it started over instead of going on"
    assert losses(tmp_path) == losses(with_dropout)
    assert_equal_adapters(tmp_path, with_dropout)


@pytest.mark.faults
def test_a_run_may_go_on_with_another_number_of_workers(tiny, tmp_path, alone):
    job = trainer_input(tiny, tmp_path)
    with pytest.raises(TrainingFailedError):
        train(job.model_copy(update={"stop_after": 20}), workers=2)
    mark_first_line(tmp_path)
    train(job, workers=1)
    assert is_marked(tmp_path), "it started over instead of going on"
    assert losses(tmp_path) == pytest.approx(losses(alone), rel=2e-4, abs=2e-5)


@pytest.mark.faults
def test_a_worker_that_is_killed_is_replaced(ray_cluster, tiny, tmp_path, together):
    caught: list[BaseException] = []

    def kill_one() -> None:
        try:
            saved = tmp_path / "ray" / RUN_NAME / "checkpoint_manager_snapshot.json"
            processes.wait_for(saved.exists, "the first checkpoint")
            workers = train_workers(ray_cluster)
            assert len(workers) == 2
            for pid in workers:
                os.kill(pid, signal.SIGSTOP)  # holds them in the middle of the run
            try:
                assert last_step(tmp_path) < STEPS
                mark_first_line(tmp_path)
            finally:
                os.kill(workers[1], signal.SIGKILL)
                os.kill(workers[0], signal.SIGCONT)
        except BaseException as error:
            caught.append(error)

    killer = threading.Thread(target=kill_one)
    killer.start()
    train(trainer_input(tiny, tmp_path), max_failures=2)
    killer.join()
    assert not caught, caught
    assert is_marked(tmp_path), "it started over instead of going on"
    assert losses(tmp_path) == losses(together)
    assert_equal_adapters(tmp_path, together)


def train_workers(cluster):
    """The processes of this session's Ray Train workers: children of its raylet."""
    raylets = processes.children(os.getpid(), "raylet/raylet")
    assert len(raylets) == 1
    return processes.children(raylets[0], "RayTrainWorker")
