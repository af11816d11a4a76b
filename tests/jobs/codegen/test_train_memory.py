import pytest

from common.errors import ModelError
from common.models.generator import resolve_generator
from jobs.codegen.config import TrainCodegenConfig
from jobs.codegen.memory import available, check_memory, limit, workload
from jobs.training.tokenised import Tokens, TokenStore
from tests.decoders_zoo import generator


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return resolve_generator(str(generator(tmp_path_factory.mktemp("base") / "base", "llama")))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    rows = [Tokens(str(size), [1] * size, [2] * 10) for size in (20, 30, 40, 50, 60, 70, 80, 90)]
    return TokenStore.write(tmp_path_factory.mktemp("store"), rows)


def config(**training):
    return TrainCodegenConfig.model_validate(
        {"training": {"precision": "fp32", "batch": 8, "epochs": 1, **training}, "cluster": {"num_workers": 1}}
    )


def test_the_largest_pass_is_what_counts(base, store):
    whole = workload(config(), base, store, "cpu")
    assert (whole.rows, whole.accumulates, whole.shards) == (8, False, 1)
    assert whole.rows * whole.length >= 520  # 440 prompt and 80 answer tokens
    parts = workload(config(tokens_per_chunk=128), base, store, "cpu")
    assert parts.rows * parts.length <= 128 + parts.rows
    assert parts.accumulates
    padded = workload(config(layout="bucketed"), base, store, "cpu")
    assert (padded.rows, padded.length, padded.answer) == (8, 112, 10)


def test_what_cannot_fit_is_refused_with_a_suggestion(base, store):
    assert check_memory(config(memory_limit=4), base, store).peak < 4e9
    with pytest.raises(ModelError) as caught:
        check_memory(config(memory_limit=0.05), base, store)
    assert "takes about" in caught.value.message
    assert caught.value.remedy


def test_the_limit_is_what_was_given_or_a_share_of_what_is_free(tmp_path):
    assert limit(config(memory_limit=3), "cpu") == 3e9
    two = TrainCodegenConfig.model_validate({"cluster": {"num_workers": 2}})
    assert limit(two, "cpu") == pytest.approx(available() / 2, rel=0.2)
    elsewhere = TrainCodegenConfig.model_validate({"cluster": {"address": "ray://head:10001"}})
    assert limit(elsewhere, "cpu") == float("inf")
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemAvailable: 50 kB\n")
    assert available(tmp_path / "meminfo") == 51200
    assert available(tmp_path / "absent") == float("inf")
