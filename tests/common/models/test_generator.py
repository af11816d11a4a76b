"""Finding and loading generators: kinds, quantisation, tokenizers without their tokens, and what is refused."""

import json
import logging

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from common.errors import ModelError
from common.models.digests import weights_digest
from common.models.generator import complete_tokenizer, load_generator, load_generator_tokenizer, resolve_generator
from common.models.shapes import Shapes
from tests.decoders_zoo import END, FAMILIES, generator
from tests.models_zoo import build

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return generator(tmp_path_factory.mktemp("generator") / "llama", "llama")


def edit(folder, file, **changes):
    """Change keys of a JSON file; None takes one away."""
    values = json.loads((folder / file).read_text("utf-8"))
    values = {key: value for key, value in {**values, **changes}.items() if value is not None}
    (folder / file).write_text(json.dumps(values))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_sizes_read_off_are_those_of_the_modules(tmp_path, family):
    base = resolve_generator(str(generator(tmp_path / family, family)))
    assert base.architecture == family
    assert base.kind == ("seq2seq" if family == "t5" else "causal")
    assert base.positions == (None if family == "t5" else 512)
    assert base.digest == weights_digest(base.folder)
    model = load_generator(base, CPU, dtype=torch.float32)
    assert not model.training
    shapes = Shapes.read(base.folder)
    assert shapes.parameters == sum(p.numel() for p in model.parameters())
    real = {
        name: (module.in_features, module.out_features, module.bias is not None)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    assert {one.name: (one.inputs, one.outputs, one.bias) for one in (*shapes.linears, shapes.head)} == real


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("llama", {"tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True, "head_dim": 16}),
        ("gpt_bigcode", {"multi_query": False}),
        ("t5", {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "num_decoder_layers": 1}),
    ],
)
def test_other_settings_are_read_too(tmp_path, family, changes):
    base = resolve_generator(str(generator(tmp_path / family, family, **changes)))
    model = load_generator(base, CPU, dtype=torch.float32)
    assert Shapes.read(base.folder).parameters == sum(p.numel() for p in model.parameters())


def test_sizes_of_an_unknown_architecture_are_not_guessed():
    assert Shapes.of({"model_type": "mamba"}) is None


def stored_bytes(model):
    """Bytes of a model's tensors, with the scales of quantised weights."""
    total = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    for p in model.parameters():
        state = getattr(p, "quant_state", None)
        if state is not None:
            total += state.absmax.nbytes + (state.state2.absmax.nbytes if state.nested else 0)
        if getattr(p, "SCB", None) is not None:
            total += p.SCB.nbytes
    return total


def test_four_bits_take_a_third_of_sixteen_at_most(tmp_path):
    wide = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 4}
    base = resolve_generator(str(generator(tmp_path / "llama", "llama", **wide)))
    size = {
        quantise: stored_bytes(load_generator(base, CPU, dtype=torch.float16, quantise=quantise))
        for quantise in ("none", "8bit", "4bit")
    }
    assert size["4bit"] <= 0.35 * size["none"]
    assert 0.5 * size["none"] < size["8bit"] < 0.6 * size["none"]


def test_a_quantised_model_is_nf4_with_quantised_scales(llama):
    model = load_generator(resolve_generator(str(llama)), CPU, dtype=torch.float32, quantise="4bit")
    weight = model.model.layers[0].self_attn.q_proj.weight
    assert (weight.quant_type, weight.quant_state.nested) == ("nf4", True)
    assert model.lm_head.weight.dtype == torch.float32


def test_an_encoder_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"is a BertModel, neither a causal.*\n.*--model"):
        resolve_generator(str(build(tmp_path / "bert")))


def test_what_cannot_be_had_proposes_the_stand_in(tmp_path):
    with pytest.raises(ModelError, match=r"no/such-model.*\n.*--model stand-in"):
        resolve_generator("no/such-model")


def test_code_of_its_own_is_not_run(tmp_path):
    folder = generator(tmp_path / "own", "llama")
    edit(folder, "config.json", auto_map={"AutoModelForCausalLM": "modeling.Own"})
    with pytest.raises(ModelError, match="Python code of its own"):
        resolve_generator(str(folder))


def test_missing_tensors_are_named(tmp_path):
    folder = generator(tmp_path / "holes", "llama")
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 of its tensors are absent, model\.layers\.1\.mlp\.up_proj\.weight"):
        load_generator(resolve_generator(str(folder)), CPU, dtype=torch.float32)


def test_a_damaged_configuration_is_named(tmp_path):
    folder = generator(tmp_path / "damaged", "llama")
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json is damaged"):
        resolve_generator(str(folder))


def test_a_revision_of_a_folder_means_nothing(llama):
    with pytest.raises(ModelError, match="revision main means nothing"):
        resolve_generator(str(llama), revision="main")


def test_a_tokenizer_without_padding_or_end_gets_them_and_it_is_said(tmp_path, caplog):
    folder = generator(tmp_path / "bare", "llama")
    edit(folder, "tokenizer_config.json", pad_token=None, eos_token=None)
    if (folder / "special_tokens_map.json").exists():
        (folder / "special_tokens_map.json").unlink()
    edit(folder, "config.json", pad_token_id=None)
    assert AutoTokenizer.from_pretrained(folder).pad_token_id is None
    with caplog.at_level(logging.INFO, logger="common.models.generator"):
        tokenizer = load_generator_tokenizer(resolve_generator(str(folder)))
    assert (tokenizer.eos_token, tokenizer.pad_token) == (END, END)
    assert tokenizer.padding_side == "left"
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "the tokenizer of bare names no end-of-text token",
        "the tokenizer of bare names no padding token",
    ]


def test_the_configuration_s_tokens_come_first_and_none_is_an_error(llama):
    tokenizer = AutoTokenizer.from_pretrained(llama)
    tokenizer.eos_token = tokenizer.pad_token = None
    word = tokenizer.convert_ids_to_tokens(7)
    complete_tokenizer(tokenizer, {"eos_token_id": [7, 8], "pad_token_id": 9}, "m")
    assert (tokenizer.eos_token, tokenizer.pad_token) == (word, tokenizer.convert_ids_to_tokens(9))
    assert complete_tokenizer(tokenizer, {}, "m") == []

    class Endless:
        eos_token_id = pad_token_id = None

        def get_vocab(self):
            return {"a": 0}

    with pytest.raises(ModelError, match="no token that ends a text"):
        complete_tokenizer(Endless(), {}, "m")


def test_a_folder_without_tokenizer_says_so(tmp_path):
    folder = generator(tmp_path / "mute", "llama")
    for file in folder.glob("*token*"):
        file.unlink()
    with pytest.raises(ModelError, match="tokenizer"):
        load_generator_tokenizer(resolve_generator(str(folder)))
