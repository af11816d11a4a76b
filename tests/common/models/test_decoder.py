"""Sampling from a causal model: seeds, stop texts, adapters, and what does not fit."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from common.adapters.folder import adapter_digest
from common.adapters.manifest import BaseReference, Manifest, write_manifest
from common.errors import AdapterError, ModelError
from common.models.decoder import Decoder, resolve_decoder
from common.models.sampling import Sampling
from tests.decoders_zoo import llama
from tests.models_zoo import build

CPU = torch.device("cpu")
PROMPT = "def add(a, b):"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return resolve_decoder(str(llama(tmp_path_factory.mktemp("llama"))))


@pytest.fixture(scope="module")
def decoder(base):
    return Decoder.load(base, device=CPU)


def test_answers_depend_on_the_seeds_and_on_nothing_else(decoder):
    sampling = Sampling(samples=3, max_new_tokens=8)
    first = decoder.sample(PROMPT, sampling, seed=1)
    torch.rand(5)
    assert decoder.sample(PROMPT, sampling, seed=1) == first
    assert len(first) == 3 and len(set(first)) > 1
    assert decoder.sample(PROMPT, sampling, seed=2) != first
    assert decoder.sample(PROMPT, sampling.model_copy(update={"seed": 7}), seed=1) != first


def test_greedy_answers_are_the_most_probable_tokens(base, decoder):
    answers = decoder.sample(PROMPT, Sampling(samples=2, temperature=0, max_new_tokens=6))
    assert answers[0] == answers[1]
    model = AutoModelForCausalLM.from_pretrained(base.folder, dtype=decoder._model.dtype)
    tokens = decoder._tokenizer(PROMPT, return_tensors="pt")["input_ids"]
    length = tokens.shape[1]
    for _ in range(6):
        following = model(tokens).logits[0, -1].argmax()
        tokens = torch.cat([tokens, following[None, None]], dim=1)
    assert answers[0] == decoder._tokenizer.decode(tokens[0, length:], skip_special_tokens=True)


def test_an_answer_ends_before_its_first_stop_text(decoder):
    free = decoder.sample(PROMPT, Sampling(temperature=0, max_new_tokens=12))[0]
    stop = free[3:5]
    answer = decoder.sample(PROMPT, Sampling(temperature=0, max_new_tokens=12, stop=("never there", stop)))[0]
    assert answer == free[: free.index(stop)]


def test_a_prompt_that_does_not_fit_is_not_cut(decoder):
    with pytest.raises(ModelError, match="do not fit into the 512 positions"):
        decoder.sample(PROMPT, Sampling(max_new_tokens=512))


def test_an_adapter_changes_the_answers_and_must_be_of_this_base(base, tmp_path):
    def adapter(folder, digest):
        torch.manual_seed(0)
        model = get_peft_model(
            AutoModelForCausalLM.from_pretrained(base.folder), LoraConfig(r=4, target_modules=["q_proj", "v_proj"])
        )
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight)
        model.save_pretrained(folder)
        write_manifest(folder, Manifest(
            name="gen", task="generation", language="python", prompts={}, pooling=None, max_length=None, data={},
            base=BaseReference(id=base.name, revision=None, digest=digest), peft={}, scores={},
            digest=adapter_digest(folder),
        ))  # fmt: skip
        return folder

    sampling = Sampling(temperature=0, max_new_tokens=8)
    bare = Decoder.load(base, device=CPU).sample(PROMPT, sampling)
    adapted = Decoder.load(base, adapter(tmp_path / "own", base.digest), CPU).sample(PROMPT, sampling)
    assert adapted != bare
    with pytest.raises(AdapterError, match="was trained on"):
        Decoder.load(base, adapter(tmp_path / "other", "0" * 64), CPU)


def test_an_encoder_is_refused(tmp_path):
    with pytest.raises(ModelError, match="not a causal language model"):
        resolve_decoder(str(build(tmp_path / "bert")))
