"""From someone's JSONL to tokens: the prompt is what generation is given, nothing is cut, what is too long is named."""

from __future__ import annotations

import json

import pytest

from common.errors import DataError
from common.models.generation import prompt_ids
from common.models.generator import load_generator_tokenizer, resolve_generator
from jobs.codegen.config import TrainCodegenConfig
from jobs.codegen.data import LEFT_OUT, SAMPLE, TOKENS, prepare
from jobs.training.tokenised import TokenStore, encode
from tests.decoders_zoo import generator


@pytest.fixture(scope="module", params=["llama", "t5"])
def base(request, tmp_path_factory):
    return resolve_generator(str(generator(tmp_path_factory.mktemp("base") / "base", request.param)))


def config(folder, **training):
    for name, count in (("train", 6), ("dev", 3), ("test", 2)):
        rows = [{"id": f"{name}/{i}", "instruction": f"{name} {i}", "code": f"x = {i}"} for i in range(count)]
        if name != "test":
            rows.append({"id": f"{name}/long", "instruction": "word " * 300, "code": "y"})
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = {"train": [folder / "train.jsonl"], "dev": folder / "dev.jsonl", "tests": [folder / "test.jsonl"]}
    return TrainCodegenConfig.model_validate(
        {"data": {"sources": ["jsonl"], "jsonl": files, "decontaminate": False}, "training": training}
    )


def test_tokens_are_prompt_answer_and_end(base):
    tokenizer = load_generator_tokenizer(base)
    found = encode(tokenizer, "a", "ask\n", "x = 1", base.kind)
    assert list(found.prompt) == prompt_ids(tokenizer, "ask\n", base.kind)
    assert found.answer[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(found.answer, skip_special_tokens=True) == "x = 1"


def test_what_is_too_long_is_left_out_and_named(base, tmp_path):
    told = prepare(config(tmp_path, max_length=100), base, tmp_path / "data")
    assert (told["examples"], told["dev_examples"], told["left_out"]["too_long"]) == (6, 3, 2)
    left = [json.loads(line) for line in (tmp_path / "data" / LEFT_OUT).read_text().splitlines()]
    assert {one["id"] for one in left} == {"train/long", "dev/long"}
    assert all(one["tokens"] - one["excess"] == 100 for one in left)
    store = TokenStore(tmp_path / "data" / TOKENS / "train")
    assert store.ids == [f"train/{i}" for i in range(6)]
    assert store.read(2).id == "train/2"
    assert told["tokens"] == sum(len(store.read(row)) for row in range(6))


def test_nothing_left_is_an_error(base, tmp_path):
    with pytest.raises(DataError, match="no example fits into 3 tokens"):
        prepare(config(tmp_path, max_length=3), base, tmp_path / "data")


def test_the_dev_sample_is_what_can_be_answered(base, tmp_path):
    how = {"generation": {"examples": 2, "max_new_tokens": 8}, "max_length": 100}
    assert prepare(config(tmp_path, **how), base, tmp_path / "data")["dev_sample"] == 2
    chosen = [json.loads(line)["id"] for line in (tmp_path / "data" / SAMPLE).read_text().splitlines()]
    assert "dev/long" not in chosen
    with pytest.raises(DataError, match=r"pass@1"):
        prepare(config(tmp_path, select="pass@1", **how), base, tmp_path / "data")
