"""Many prompts at once give what each gives alone; stops, seeds, virtual tokens, adapters, and what does not fit."""

import copy
import functools

import pytest
import torch
from peft import LoraConfig, PrefixTuningConfig, PromptTuningConfig, get_peft_model

from common.adapters.folder import adapter_digest
from common.adapters.manifest import BaseReference, Manifest, write_manifest
from common.errors import AdapterError, ModelError
from common.models.decoding import supports
from common.models.generation import Generator
from common.models.generator import load_generator, load_generator_tokenizer, resolve_generator
from common.models.sampling import Sampling
from tests.decoders_zoo import generator
from tests.models_zoo import LINES

CPU = torch.device("cpu")
PROMPT = "def add(a, b):"
PROMPTS = [line[:length] for line, length in zip(LINES * 2, (3, 10, 25, 40, 7, 60, 33, 18, 12, 44), strict=False)]
GREEDY = Sampling(temperature=0, max_new_tokens=16)
BUDGET = 200  # cache positions: two to five rows, so that prompts come and go
SLIDING = {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1}
FAMILIES = {"llama": {}, "codegen": {}, "gpt_bigcode": {}, "qwen2": SLIDING, "t5": {}}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Family → base, model in fp32, tokenizer."""

    @functools.cache
    def load(family):
        base = resolve_generator(str(generator(tmp_path_factory.mktemp(family) / family, family, **FAMILIES[family])))
        return base, load_generator(base, CPU, dtype=torch.float32), load_generator_tokenizer(base)

    return load


@pytest.fixture(scope="module")
def llama(loaded):
    base, model, tokenizer = loaded("llama")
    return Generator.of(model, tokenizer, base, BUDGET)


def alone(model, tokenizer, base, prompt, new=16, **how):
    """What transformers' `generate` answers to one prompt."""
    given = tokenizer(prompt, return_tensors="pt")
    start = given["input_ids"].shape[1] if base.kind == "causal" else 1
    out = model.generate(
        input_ids=given["input_ids"], attention_mask=given["attention_mask"], max_new_tokens=new, do_sample=False,
        pad_token_id=tokenizer.pad_token_id, **how,
    )  # fmt: skip
    return [tokenizer.decode(row[start:], skip_special_tokens=True) for row in out]


def learnt(method, model, kind):
    """The model with random virtual tokens."""
    task = "CAUSAL_LM" if kind == "causal" else "SEQ_2_SEQ_LM"
    made = {"prompt": PromptTuningConfig, "prefix": PrefixTuningConfig}[method](task_type=task, num_virtual_tokens=5)
    torch.manual_seed(0)
    wrapped = get_peft_model(copy.deepcopy(model), made).eval()
    for name, weight in wrapped.named_parameters():
        if "prompt_encoder" in name:
            torch.nn.init.normal_(weight, std=0.5)
    return wrapped


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_answers_are_those_of_one_prompt_at_a_time(loaded, family):
    base, model, tokenizer = loaded(family)
    assert supports(model) == (family != "t5")
    answers = Generator.of(model, tokenizer, base, BUDGET).generate(PROMPTS, GREEDY)
    assert answers == [alone(model, tokenizer, base, prompt) for prompt in PROMPTS]
    assert len({answer for (answer,) in answers}) > 5


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_beams_are_those_of_one_prompt_at_a_time(loaded, family):
    base, model, tokenizer = loaded(family)
    answers = Generator.of(model, tokenizer, base, BUDGET).generate(
        PROMPTS, Sampling(beams=4, samples=3, max_new_tokens=16)
    )
    assert answers == [alone(model, tokenizer, base, prompt, num_beams=4, num_return_sequences=3) for prompt in PROMPTS]


@pytest.mark.parametrize("method", ["prompt", "prefix"])
@pytest.mark.parametrize("family", ["llama", "codegen", "qwen2", "t5"])
def test_learnt_virtual_tokens_count_for_every_prompt(loaded, family, method):
    base, model, tokenizer = loaded(family)
    wrapped = learnt(method, model, base.kind)
    ours = Generator.of(wrapped, tokenizer, base, BUDGET)
    greedy = ours.generate(PROMPTS, GREEDY)
    assert greedy == [alone(wrapped, tokenizer, base, prompt) for prompt in PROMPTS]
    assert greedy != Generator.of(model, tokenizer, base, BUDGET).generate(PROMPTS, GREEDY)
    beams = ours.generate(PROMPTS, Sampling(beams=2, samples=2, max_new_tokens=16))
    assert beams == [alone(wrapped, tokenizer, base, p, num_beams=2, num_return_sequences=2) for p in PROMPTS]


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_draws_depend_on_the_seeds_and_not_on_the_batch(loaded, family):
    base, model, tokenizer = loaded(family)
    sampling = Sampling(samples=3, max_new_tokens=8)
    ours = Generator.of(model, tokenizer, base, BUDGET)
    seeds = list(range(len(PROMPTS)))
    first = ours.generate(PROMPTS, sampling, seeds)
    torch.rand(5)
    assert ours.generate(PROMPTS[::-1], sampling, seeds[::-1]) == first[::-1]
    assert [ours.generate([p], sampling, [seed])[0] for p, seed in zip(PROMPTS, seeds, strict=True)] == first
    assert all(len(each) == 3 for each in first) and len({text for each in first for text in each}) > 20
    assert ours.generate(PROMPTS, sampling, [seed + 1 for seed in seeds]) != first
    assert ours.generate(PROMPTS, sampling.model_copy(update={"seed": 7}), seeds) != first
    more = ours.generate(PROMPTS, sampling.model_copy(update={"samples": 5}), seeds)
    assert [each[:3] for each in more] == first, "the first answers stay what they are"


def test_without_seeds_a_prompt_s_text_decides(llama):
    sampling = Sampling(max_new_tokens=8)
    assert llama.generate(PROMPTS, sampling)[4] == llama.generate([PROMPTS[4]], sampling)[0]


def test_greedy_samples_are_equal_and_are_computed_once(llama):
    (answers,) = llama.answers([PROMPT], GREEDY.model_copy(update={"samples": 3}))
    assert len(set(answers.texts)) == 1 and len(answers.texts) == 3 and answers.tokens <= 16


@pytest.mark.parametrize("family", ["llama", "t5"])
@pytest.mark.parametrize("beams", [1, 3])
def test_each_answer_ends_at_its_own_stop_text(loaded, family, beams, monkeypatch):
    base, model, tokenizer = loaded(family)
    ours = Generator.of(model, tokenizer, base)
    sampling = Sampling(temperature=0, beams=beams, max_new_tokens=16)
    free = ours.answers(PROMPTS, sampling)
    stop = next(found for each in free if len(found := each.texts[0][4:6]) == 2 and "\ufffd" not in found)
    stopped = ours.answers(PROMPTS, sampling.model_copy(update={"stop": ("never there", stop)}))
    held = [stop in each.texts[0] for each in free]
    assert True in held and False in held
    if beams == 1:
        assert [each.texts[0] for each in stopped] == [each.texts[0].split(stop)[0] for each in free]
        for free_one, one, ended in zip(free, stopped, held, strict=True):
            assert one.tokens < free_one.tokens if ended else one.tokens == free_one.tokens
    assert not any(stop in text for each in stopped for text in each.texts)


def test_rows_that_are_done_leave_and_others_take_their_place(loaded):
    """Not a row is computed after its end: what passes through the model is the tokens, and padding once a prompt."""
    base, model, tokenizer = loaded("llama")
    seen = []
    handle = model.register_forward_pre_hook(
        lambda _, given, named: seen.append(tuple(named["input_ids"].shape)), with_kwargs=True
    )
    stop = tuple("etaoin")
    try:
        answers = Generator.of(model, tokenizer, base, BUDGET).answers(
            PROMPTS, GREEDY.model_copy(update={"stop": stop})
        )
    finally:
        handle.remove()
    lengths = [each.tokens for each in answers]
    assert min(lengths) < max(lengths)
    steps = [rows for rows, length in seen if length == 1]
    assert sum(steps) == sum(lengths) - len(PROMPTS), "the first token of each comes with its prompt"
    assert len([1 for _, length in seen if length > 1]) > 1, "prompts entered at several times"


def test_the_first_blank_of_an_answer_is_kept(llama):
    tokenizer = llama.tokenizer
    from common.models.choosing import Ending

    ids = tokenizer("    return a")["input_ids"]
    assert Ending(tokenizer, [], ()).text(tokenizer(PROMPT)["input_ids"], ids) == "    return a"


def test_a_prompt_that_does_not_fit_is_not_cut(llama):
    sampling = Sampling(max_new_tokens=510)
    with pytest.raises(ModelError, match=r"prompt 1 of \d+ tokens and 510 new ones do not fit into the 512 positions"):
        llama.generate(["a", PROMPT], sampling)
    error = llama.why_not(PROMPT, sampling)
    assert error and "too many" in error.message and llama.why_not("a", sampling) is None


def test_virtual_tokens_take_room(loaded):
    base, model, tokenizer = loaded("llama")
    wrapped = Generator.of(learnt("prefix", model, "causal"), tokenizer, base)
    assert wrapped.virtual_tokens == 5
    sampling = Sampling(max_new_tokens=508)
    assert Generator.of(model, tokenizer, base).why_not("a", sampling) is None
    assert wrapped.why_not("a", sampling)


def test_a_model_in_training_is_left_as_it_was(loaded):
    base, model, tokenizer = loaded("llama")
    model = copy.deepcopy(model).train()
    model.generation_config.repetition_penalty = 9.0  # settings of the model's own, which would change answers
    model.generation_config.no_repeat_ngram_size = 1
    before = model.generation_config.to_dict()
    answers = Generator.of(model, tokenizer, base, BUDGET).generate(PROMPTS, Sampling(beams=2, max_new_tokens=8))
    assert model.training and model.generation_config.to_dict() == before
    assert answers == Generator.of(loaded("llama")[1], tokenizer, base).generate(
        PROMPTS, Sampling(beams=2, max_new_tokens=8)
    )
    model(**tokenizer(PROMPT, return_tensors="pt")).logits.sum().backward()
    assert model.lm_head.weight.grad is not None


def test_the_end_tokens_of_the_model_s_settings_count(loaded):
    base, model, tokenizer = loaded("llama")
    model = copy.deepcopy(model)
    (free,) = Generator.of(model, tokenizer, base).answers([PROMPT], GREEDY)
    tokens = tokenizer(free.texts[0])["input_ids"]
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, tokens[2]]
    (ended,) = Generator.of(model, tokenizer, base).answers([PROMPT], GREEDY)
    assert ended.tokens <= 3 < free.tokens


@pytest.mark.parametrize("quantise", ["8bit", "4bit"])
def test_quantised_bases_answer(loaded, quantise):
    base, _, _ = loaded("llama")
    ours = Generator.load(base, device=CPU, quantise=quantise, budget=BUDGET)
    answers = ours.generate(PROMPTS[:4], GREEDY)
    assert len(answers) == 4 and any(text for (text,) in answers)


def test_an_adapter_changes_the_answers_and_must_be_of_this_base(loaded, tmp_path):
    base, model, _ = loaded("llama")

    def adapter(folder, digest):
        torch.manual_seed(0)
        wrapped = get_peft_model(copy.deepcopy(model), LoraConfig(r=4, target_modules=["q_proj", "v_proj"]))
        for name, weight in wrapped.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight)
        wrapped.save_pretrained(folder)
        write_manifest(folder, Manifest(
            name="gen", task="generation", language="python", prompts={}, pooling=None, max_length=None, data={},
            base=BaseReference(id=base.name, revision=None, digest=digest), peft={"method": "lora"}, scores={},
            digest=adapter_digest(folder),
        ))  # fmt: skip
        return folder

    bare = Generator.load(base, device=CPU).generate([PROMPT], GREEDY)
    adapted = Generator.load(base, adapter(tmp_path / "own", base.digest), CPU).generate([PROMPT], GREEDY)
    assert adapted != bare
    with pytest.raises(AdapterError, match="was trained on"):
        Generator.load(base, adapter(tmp_path / "other", "0" * 64), CPU)
