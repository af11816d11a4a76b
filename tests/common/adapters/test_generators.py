"""Each family of generators through every method that fits: trained, counted, saved, read back, merged, refused."""

import json
import shutil

import pytest
import torch

from common.adapters.counting import trainable_parameters
from common.adapters.folder import adapter_digest, save_adapter
from common.adapters.generators import check_generation, described, load_with_adapter, merge_adapter, merge_in_place
from common.adapters.manifest import BaseReference, Manifest, write_manifest
from common.adapters.methods import METHODS, PeftSpec, bits_of
from common.adapters.wrapping import (
    after_step,
    check_generator_fit,
    method_state,
    parameter_groups,
    restore_method_state,
    wrap_generator,
)
from common.errors import AdapterError
from common.models.generator import load_generator, load_generator_tokenizer, resolve_generator
from common.models.shapes import Shapes
from tests.decoders_zoo import FAMILIES, generator

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
SMALL = {"rank": 4, "alpha": 8, "virtual_tokens": 3, "block_size": 8}
TEXTS = ["def add(a, b):\n    return a + b", "import json; json.loads(text)  # xyz"]
STEPS = 4


def spec_of(method, **values):
    own = METHODS[method].parameters
    return PeftSpec(method=method, **{name: value for name, value in SMALL.items() if name in own}, **values)


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    root = tmp_path_factory.mktemp("generators")
    made = {}

    def base(family):
        if family not in made:
            made[family] = resolve_generator(str(generator(root / family, family)))
        return made[family]

    return base


def batch(base):
    """The same texts each time, padded; of an encoder-decoder model they are prompt and answer."""
    given = load_generator_tokenizer(base)(TEXTS, return_tensors="pt", padding=True)
    labels = given["input_ids"].masked_fill(given["attention_mask"] == 0, -100)
    return {"input_ids": given["input_ids"], "attention_mask": given["attention_mask"], "labels": labels}


def fresh(base, spec, seed=0):
    model = load_generator(base, CPU, dtype=torch.float32, quantise=bits_of(spec))
    return wrap_generator(model, spec, base, seed, steps=20)


def train(model, spec, given, steps=STEPS):
    """The losses of a few steps, and the parameters that moved."""
    before = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    optimiser = torch.optim.AdamW(parameter_groups(model, spec, 1e-2))
    hook, losses = after_step(model, spec), []
    model.train()
    for step in range(steps):
        loss = model(**given).loss
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
        if hook:
            hook(step)
        optimiser.zero_grad()
    model.eval()
    now = dict(model.named_parameters())
    return losses, {name for name, value in before.items() if not torch.equal(value, now[name].detach())}


def logits_of(model, given):
    unlabelled = {name: value for name, value in given.items() if name != "labels"}
    if model.config.is_encoder_decoder:
        unlabelled["decoder_input_ids"] = given["input_ids"]
    with torch.no_grad():
        return model(**unlabelled).logits


def save(model, folder, base, spec, **changes):
    save_adapter(model, folder, base_name=base.name, revision=None)
    fields = {
        "name": "codegen-test", "task": "generation", "language": "python", "prompts": {}, "pooling": None,
        "base": BaseReference(id=base.name, revision=None, digest=base.digest), "peft": described(spec, base),
        "max_length": None, "data": {}, "scores": {}, "digest": adapter_digest(folder), **changes,
    }  # fmt: skip
    write_manifest(folder, Manifest(**fields))
    return folder


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "mistral"])  # Llama's code, word for word
def test_trains_counts_saves_and_reads_back(bases, tmp_path, family, method):
    base, spec = bases(family), spec_of(method)
    check_generator_fit(spec, base)
    given = batch(base)
    model = fresh(base, spec)
    own = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert sum(p.numel() for p in own.values()) == trainable_parameters(spec, Shapes.read(base.folder))
    assert {p.dtype for p in own.values()} == {torch.float32}
    losses, moved = train(model, spec, given)
    assert losses[-1] < losses[0]
    assert moved == own.keys(), "every parameter of the method learns"
    trained = logits_of(model, given)
    folder = save(model, tmp_path / "adapter", base, spec)
    again = load_with_adapter(base, folder, CPU, dtype=torch.float32, quantise=bits_of(spec), expected=spec)
    near = 1e-6 if method == "adalora" else 0  # whose masked parts are not saved, and the others then lie together
    torch.testing.assert_close(logits_of(again, given), trained, rtol=0, atol=near)
    bare = logits_of(load_generator(base, CPU, dtype=torch.float32, quantise=bits_of(spec)), given)
    assert (trained[:, -bare.shape[1] :] - bare).abs().max() > 1e-4, "the adapter does something"


@pytest.mark.parametrize("method", [name for name, entry in METHODS.items() if entry.can("merge")])
@pytest.mark.parametrize("family", ["llama", "t5"])
def test_a_merged_model_answers_as_base_and_adapter_do(bases, tmp_path, family, method):
    base, spec = bases(family), spec_of(method)
    given = batch(base)
    model = fresh(base, spec)
    train(model, spec, given)
    folder = save(model, tmp_path / "adapter", base, spec)
    exact = load_with_adapter(base, folder, CPU, dtype=torch.float32)
    merged = merge_adapter(base, folder, tmp_path / "merged", device=CPU, dtype=torch.float32)
    plain = load_generator(resolve_generator(str(merged)), CPU, dtype=torch.float32)
    torch.testing.assert_close(logits_of(plain, given), logits_of(exact, given), rtol=1e-3, atol=1e-3)
    assert not list(tmp_path.glob(".*")), "no draft is left"
    with pytest.raises(AdapterError, match="not empty"):
        merge_adapter(base, folder, merged, device=CPU, dtype=torch.float32)


@pytest.mark.parametrize("method", ["prompt", "prefix"])
def test_virtual_tokens_are_not_merged(bases, tmp_path, method):
    base, spec = bases("llama"), spec_of(method)
    model = fresh(base, spec)
    folder = save(model, tmp_path / "adapter", base, spec)
    for refused in (
        lambda: merge_adapter(base, folder, tmp_path / "merged", device=CPU, dtype=torch.float32),
        lambda: merge_in_place(model),
    ):
        with pytest.raises(AdapterError, match=r"cannot be merged into the base's weights: virtual tokens.*\n.*lora"):
            refused()
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize("method", ["qlora-8bit", "qlora-4bit"])
def test_nothing_is_merged_into_quantised_weights(bases, method):
    with pytest.raises(AdapterError, match=r"merged into quantised weights: .*rounded.*\n.*bf16 or fp32"):
        merge_in_place(fresh(bases("llama"), spec_of(method)))


def test_a_quantised_base_trains_on_after_an_evaluation(bases):
    """bitsandbytes packs 4-bit weights for a CPU at the first call without gradients; its packed product has none."""
    base, spec = bases("llama"), spec_of("qlora-4bit")
    given, found = batch(base), []
    for evaluated in (False, True):
        model = fresh(base, spec)
        for name, p in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.constant_(p, 0.01)
        if evaluated:
            logits_of(model.eval(), given)
        model.train()(**given).loss.backward()
        found.append({name: p.grad for name, p in model.named_parameters() if p.requires_grad})
    assert all(torch.equal(gradient, found[1][name]) for name, gradient in found[0].items())


@pytest.mark.parametrize("method", [name for name in METHODS if METHODS[name].can("gradient checkpointing")])
def test_checkpointing_changes_no_gradient(bases, method):
    base, spec = bases("llama"), spec_of(method)
    given, found = batch(base), []
    for checkpointing in (False, True):
        model = fresh(base, spec).train()
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        model(**given).loss.backward()
        found.append({name: p.grad for name, p in model.named_parameters() if p.requires_grad})
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient)


def test_another_base_is_refused_by_digest(bases, tmp_path):
    base, spec = bases("llama"), spec_of("lora")
    folder = save(fresh(base, spec), tmp_path / "adapter", base, spec)
    other = resolve_generator(str(generator(tmp_path / "other", "llama", seed=9)))
    with pytest.raises(AdapterError) as caught:
        load_with_adapter(other, folder, CPU, dtype=torch.float32)
    assert base.digest[:12] in str(caught.value) and other.digest[:12] in str(caught.value)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"method": "ia3"}, "with method lora, not ia3"),
        ({"rank": 8, "alpha": 8}, "with rank 4, not 8"),
        ({"rank": 4, "alpha": 8, "targets": ("q_proj",)}, "with targets"),
    ],
)
def test_another_method_or_parameter_is_refused(bases, tmp_path, other, said):
    base, spec = bases("llama"), spec_of("lora")
    folder = save(fresh(base, spec), tmp_path / "adapter", base, spec)
    check_generation(folder, base, spec)
    with pytest.raises(AdapterError, match=said):
        load_with_adapter(base, folder, CPU, dtype=torch.float32, expected=PeftSpec(**other))


def test_a_search_adapter_and_an_unknown_method_are_refused(bases, tmp_path):
    base, spec = bases("llama"), spec_of("lora")
    model = fresh(base, spec)
    with pytest.raises(AdapterError, match="search adapter"):
        check_generation(save(model, tmp_path / "a", base, spec, task="search"), base)
    with pytest.raises(AdapterError, match=r"'magic'.*\n.*known are lora"):
        check_generation(save(model, tmp_path / "b", base, spec, peft={"method": "magic"}), base)


def test_a_damaged_adapter_is_refused(bases, tmp_path):
    base, spec = bases("llama"), spec_of("lora")
    folder = save(fresh(base, spec), tmp_path / "adapter", base, spec)
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / "adapter_model.safetensors").write_bytes((folder / "adapter_model.safetensors").read_bytes() + b" ")
    with pytest.raises(AdapterError, match="changed or damaged"):
        load_with_adapter(base, broken, CPU, dtype=torch.float32)


def test_a_loaded_adapter_trains_on(bases, tmp_path):
    base, spec = bases("llama"), spec_of("lora")
    folder = save(fresh(base, spec), tmp_path / "adapter", base, spec)
    frozen = load_with_adapter(base, folder, CPU, dtype=torch.float32)
    assert not any(p.requires_grad for p in frozen.parameters())
    model = load_with_adapter(base, folder, CPU, dtype=torch.bfloat16, trainable=True)
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}


@pytest.mark.parametrize(
    ("method", "quantise", "checkpointing", "said"),
    [
        ("full", "4bit", False, r"full cannot be trained over a quantised base: .*gradient.*\n.*qlora"),
        ("prefix", "none", True, r"prefix cannot be trained with gradient checkpointing: .*cache.*\n.*prompt or lora"),
        ("qlora-4bit", "none", False, r"LoRA over a base in 4 bits, not over one in none.*\n.*quantise=4bit"),
        ("qlora-8bit", "4bit", False, r"8 bits, not over one in 4bit"),
    ],
)
def test_what_does_not_go_together_gets_the_table_s_reason(bases, method, quantise, checkpointing, said):
    with pytest.raises(AdapterError, match=said):
        check_generator_fit(spec_of(method), bases("llama"), quantise, checkpointing=checkpointing)


@pytest.mark.parametrize("method", [name for name in METHODS if METHODS[name].can("quantised base")])
def test_lora_s_kin_trains_over_a_quantised_base(bases, method):
    base, spec = bases("llama"), spec_of(method)
    quantise = "4bit" if bits_of(spec) == "none" else bits_of(spec)
    check_generator_fit(spec, base, quantise)
    model = wrap_generator(load_generator(base, CPU, dtype=torch.float32, quantise=quantise), spec, base, 0, steps=20)
    losses, _ = train(model, spec, batch(base))
    assert losses[-1] < losses[0]


def test_targets_and_blocks_are_checked_before_anything_is_loaded(bases):
    base = bases("codegen")
    with pytest.raises(AdapterError, match=r"\['q_proj'\].*\n.*fc_in, fc_out, lm_head, out_proj, qkv_proj"):
        check_generator_fit(PeftSpec(targets=("q_proj",)), base)
    with pytest.raises(AdapterError, match=r"blocks of 24 do not divide the 32 inputs"):
        check_generator_fit(PeftSpec(method="oft", block_size=24), base)
    with pytest.raises(AdapterError, match="leave no room in the 512 positions"):
        check_generator_fit(PeftSpec(method="prompt", virtual_tokens=512), base)


def test_loraplus_gives_b_a_faster_rate(bases):
    base, spec = bases("llama"), spec_of("loraplus", rate_ratio=8)
    model = fresh(base, spec)
    slow, fast = parameter_groups(model, spec, 1e-3)
    assert (slow["lr"], fast["lr"], fast["rate_ratio"]) == (1e-3, 8e-3, 8)
    names = {id(p): name for name, p in model.named_parameters()}
    assert all("lora_A" in names[id(p)] for p in slow["params"])
    assert all("lora_B" in names[id(p)] for p in fast["params"])
    assert len(parameter_groups(model, spec_of("lora"), 1e-3)) == 1


def test_adalora_prunes_and_its_state_resumes(bases):
    base, spec = bases("llama"), spec_of("adalora")
    given = batch(base)
    model = fresh(base, spec)
    train(model, spec, given, steps=16)
    left = sum(int((p != 0).sum()) for name, p in model.named_parameters() if "lora_E" in name)
    assert left == 6 * 4, "rank 4 on average at six places, of the 6 that each began with"
    state, other = method_state(model, spec), fresh(base, spec)
    restore_method_state(other, spec, state)
    mine, theirs = model.base_model.rankallocator, other.base_model.rankallocator
    assert all(torch.equal(value, theirs.exp_avg_ipt[name]) for name, value in mine.exp_avg_ipt.items())
    assert other.active_peft_config.rank_pattern == model.active_peft_config.rank_pattern
    assert method_state(fresh(base, spec_of("lora")), spec_of("lora")) == {}
    with pytest.raises(ValueError, match="steps=N"):
        wrap_generator(load_generator(base, CPU, dtype=torch.float32), spec, base, 0)


def test_peft_s_task_type_is_the_model_s(bases):
    for family, task in (("llama", "CAUSAL_LM"), ("t5", "SEQ_2_SEQ_LM")):
        model = fresh(bases(family), spec_of("lora"))
        assert model.active_peft_config.task_type == task


def test_t5_keys_have_the_width_of_its_heads(tmp_path):
    """flan-t5-small has heads that together are narrower than the model; PEFT alone would guess another width."""
    base = resolve_generator(str(generator(tmp_path / "t5", "t5", num_heads=3, num_decoder_layers=1)))
    spec = spec_of("prefix")
    model = fresh(base, spec)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 3 * 1 * 2 * 3 * 8
    losses, _ = train(model, spec, batch(base))
    assert losses[-1] < losses[0]


def test_the_manifest_s_method_is_json(bases):
    base = bases("llama")
    assert json.loads(json.dumps(described(PeftSpec(), base))) == {
        "method": "lora", "rank": 16, "alpha": 32.0, "dropout": 0.0, "targets": ["q_proj", "k_proj", "v_proj"],
    }  # fmt: skip
