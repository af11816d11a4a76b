"""Loading: native classes from the layouts that authors publish, and refusals of what does not fit them."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, NomicBertConfig, NomicBertModel, T5EncoderModel

from common.errors import ModelError
from common.models.batching import plan_chunks
from common.models.encoder import Encoder
from common.models.loading import EncoderConfig, resolve
from common.models.weights import load_model
from tests.models_zoo import ARCHITECTURES, CPU, HIDDEN, LINES, base, build

pytestmark = pytest.mark.usefixtures("one_thread")


def change(file, **values):
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_pooler_is_left_and_every_weight_is_used(zoo, architecture):
    encoder = Encoder.load(base(zoo(architecture)), precision="fp32", device="cpu")
    ids = encoder.tokenize(LINES, "query")
    (chunk,) = plan_chunks([len(row) for row in ids], budget=10**6)
    encoder.embed(ids, chunk).sum().backward()
    assert not [name for name, p in encoder.model.named_parameters() if p.grad is None]


def test_a_checkpoint_that_leaves_weights_without_value_is_refused(zoo, tmp_path):
    """What jina-embeddings-v2 does: `bert` in its configuration, but no position embeddings, since they are ALiBi's."""
    folder = shutil.copytree(zoo("bert"), tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    weights = {name: value for name, value in weights.items() if "position_embeddings" not in name}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"absent, embeddings\.position_embeddings.*\n.*trust-remote-code"):
        load_model(base(folder), CPU)


def test_a_checkpoint_without_pooler_is_none_the_worse(zoo, tmp_path):
    folder = shutil.copytree(zoo("bert"), tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    assert any("pooler" in name for name in weights)
    save_file({k: v for k, v in weights.items() if "pooler" not in k}, folder / "model.safetensors", {"format": "pt"})
    expected = Encoder.load(base(zoo("bert")), precision="fp32", device="cpu").encode(LINES, "query")
    found = Encoder.load(base(folder), precision="fp32", device="cpu").encode(LINES, "query")
    np.testing.assert_array_equal(found, expected)


def test_an_architecture_without_a_class_is_refused(zoo, tmp_path):
    folder = shutil.copytree(zoo("bert"), tmp_path / "model")
    change(folder / "config.json", model_type="new", auto_map={"AutoConfig": "x--configuration.NewConfig"})
    with pytest.raises(ModelError, match=r"no class for model \(architecture 'new'\)\n.*trust-remote-code"):
        load_model(resolve(str(folder), EncoderConfig(pooling="mean")), CPU)


def test_codet5p_is_t5_s_encoder_the_first_token_and_a_projection(zoo):
    """By hand from the checkpoint's tensors, one text at a time."""
    folder = zoo("codet5p_embedding")
    encoder = Encoder.load(base(folder), precision="fp32", device="cpu")
    assert encoder.hidden_size == HIDDEN // 2
    weights = load_file(folder / "model.safetensors")
    assert {"shared.weight", "proj.weight", "proj.bias"} <= weights.keys()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    body = T5EncoderModel.from_pretrained(folder).eval()
    for text, vector in zip(LINES, encoder.encode(LINES, "document"), strict=True):
        with torch.no_grad():
            first = body(**tokenizer(text, return_tensors="pt")).last_hidden_state[0, 0]
        projected = weights["proj.weight"] @ first + weights["proj.bias"]
        np.testing.assert_allclose(vector, projected / projected.norm(), atol=2e-5)


@pytest.mark.parametrize("base_of_rope", [1000, 10000])
def test_nomic_s_own_configuration_is_read(tmp_path, base_of_rope):
    """Its keys, its tensor names: a native model of the same sizes gives the same vectors."""
    folder = build(tmp_path / "nomic", "bert")
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    config = NomicBertConfig(
        vocab_size=vocabulary, hidden_size=HIDDEN, num_hidden_layers=3, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=128, rope_parameters={"rope_type": "default", "rope_theta": float(base_of_rope)},
    )  # fmt: skip
    torch.manual_seed(1)
    model = NomicBertModel(config).eval()
    for parameter in model.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    assert any("attn.Wqkv" in name for name in load_file(folder / "model.safetensors")), "the layout of the Hub"
    (folder / "config.json").write_text(
        json.dumps(
            {
                "model_type": "nomic_bert", "architectures": ["NomicBertModel"], "n_embd": HIDDEN, "n_layer": 3,
                "n_head": 2, "n_inner": 48, "n_positions": 128, "rotary_emb_base": base_of_rope,
                "vocab_size": vocabulary, "layer_norm_epsilon": 1e-12, "activation_function": "swiglu",
                "rotary_emb_scale_base": None, "type_vocab_size": 2,
            }
        )
    )  # fmt: skip
    found = resolve(str(folder), EncoderConfig(like="coderankembed"))
    assert (found.pooling, found.max_length, found.positions) == ("cls", 128, 128)
    encoder = Encoder.load(found, precision="fp32", device="cpu")
    expected = Encoder(found, model, torch.float32, CPU).encode(LINES, "query")
    np.testing.assert_allclose(encoder.encode(LINES, "query"), expected, atol=1e-6)
