import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from common.config import dump_yaml, keys, parse, validate
from common.errors import ConfigError
from common.runs import differences
from jobs.search.config import EvaluateSearchConfig, TrainSearchConfig


def train(*argv):
    return parse(TrainSearchConfig, argv, prog="train").config


def evaluate(*argv):
    return parse(EvaluateSearchConfig, argv, prog="evaluate").config


def test_defaults_need_nothing():
    config = train()
    assert (config.model, config.alias, config.name) == ("minilm", "candidate", None)
    assert config.data.source == "stdlib"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--peft.rnak", "8"], "did you mean '--peft.rank'"),
        (["--data.source", "pairs"], "source `pairs` needs data.train"),
        (["--data.train", "x.jsonl"], "go with --data.source pairs"),
        (["--data.dev", "d", "--data.test", "t"], "go with --data.source pairs"),
        (["--data.source", "pairs", "--data.train", "x.jsonl", "--data.dev", "d"], "both, or neither"),
        (["--data.source", "pairs", "--data.train", "x.jsonl", "--data.test", "t"], "both, or neither"),
        (["--data.source", "web"], "data.source"),
        (["--data.corpus.dev-share", "0.6", "--data.corpus.test-share", "0.4"], "leave something to train on"),
        (["--training.batch", "1"], "training.batch"),
        (["--training.warmup-share", "1"], "training.warmup_share"),
        (["--training.epochs", "0"], "training.epochs"),
        (["--training.precision", "fp16"], "training.precision"),
        (["--training.tokens-per-chunk", "100", "--training.kept-tokens", "99"], "at least one chunk"),
        (["--peft.dropout", "1"], "peft.dropout"),
        (["--encoder.pooling", "max"], "encoder.pooling"),
        (["--cluster.num-workers", "0"], "cluster.num_workers"),
        (["--refine.epochs", "1"], "refine goes with shared_start"),
        (["--data.corpus.keep-documentation", "0.5"], "for pairs, repositories and published sets"),
    ],
)
def test_a_training_that_cannot_be_is_refused_with_its_key(argv, said):
    with pytest.raises(ConfigError, match=said.replace(".", r"\.")):
        train(*argv)


@pytest.mark.parametrize(
    "argv",
    [
        ["--data.source", "pairs", "--data.train", "x.jsonl"],
        ["--data.source", "pairs", "--data.train", "x.jsonl", "--data.dev", "d", "--data.test", "t"],
        ["--training.tokens-per-chunk", "100", "--training.kept-tokens", "100"],
        ["--training.tokens-per-chunk", "100", "--training.kept-tokens", "0"],
        ["--training.kept-tokens", "9"],
        ["--encoder.pooling", "last", "--encoder.query-prompt", ""],
    ],
    ids=" ".join,
)
def test_these_go_together(argv):
    train(*argv)


def test_an_unknown_key_of_a_file_is_named(tmp_path):
    (tmp_path / "c.yaml").write_text("training: {epoch: 3}\n")
    with pytest.raises(ConfigError, match=r"unknown key 'training.epoch', did you mean 'training.epochs'"):
        train("--config", str(tmp_path / "c.yaml"))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], r"data\.path is required"),
        (["--data.path", "x", "--adaptor", "a"], "did you mean '--adapter'"),
        (["--data.path", "x", "--seed", "-1"], "seed"),
        (["--data.path", "x", "--precision", "int8"], "precision"),
    ],
)
def test_an_evaluation_that_cannot_be_is_refused(argv, said):
    with pytest.raises(ConfigError, match=said):
        evaluate(*argv)


@given(st.sampled_from([1, 8, 64]), st.sampled_from(["fp32", "bf16"]), st.booleans())
def test_what_is_dumped_is_the_same_configuration(rank, precision, pairs):
    data = {"source": "pairs", "train": "a.jsonl"} if pairs else {}
    given_ = {"peft": {"rank": rank}, "training": {"precision": precision}, "data": data}
    config = validate(TrainSearchConfig, given_)
    assert validate(TrainSearchConfig, yaml.safe_load(dump_yaml(config))) == config


def test_where_it_runs_may_change_between_submissions_and_what_it_is_may_not():
    stored = train().model_dump(mode="json")
    moved = train(
        "--run-dir", "/x", "--cluster.num-workers", "7", "--tracking.uri", "http://h", "--cluster.address", "a"
    )
    assert differences(stored, moved) == []
    for argv in (["--peft.rank", "8"], ["--training.seed", "1"], ["--data.corpus.seed", "2"], ["--model", "e5-base"]):
        assert len(differences(stored, train(*argv))) == 1


@pytest.mark.parametrize("config", [TrainSearchConfig, EvaluateSearchConfig])
def test_all_volatile_keys_exist(config):
    assert config.volatile <= set(keys(config))
