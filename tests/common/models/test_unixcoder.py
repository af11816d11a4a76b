"""UniXcoder's documented vectors, computed by hand: its own tokens, its attention matrix, its mean."""

import math
import shutil

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, RobertaConfig, RobertaModel

from common.models.encoder import Encoder
from common.models.loading import EncoderConfig, resolve
from tests.models_zoo import HIDDEN, LINES, build, files_without_special_tokens

pytestmark = pytest.mark.usefixtures("one_thread")
HEADS = 4
TEXTS = ["", "x", *LINES, " ".join(LINES)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random RoBERTa of UniXcoder's kind: ten token types, `is_decoder` set, and a prompt token in the vocabulary."""
    folder = build(tmp_path_factory.mktemp("unixcoder"), "roberta")
    files_without_special_tokens(folder, added={"<encoder-only>": 400}, drop=())
    config = RobertaConfig(
        vocab_size=401, hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=64,
        max_position_embeddings=130, type_vocab_size=10, pad_token_id=1, is_decoder=True,
    )  # fmt: skip
    torch.manual_seed(0)
    model = RobertaModel(config)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return folder


def by_hand(folder, texts, max_length):
    """unixcoder.py's steps: tokens cut to make room for four, padding to one length, mask ⊗ mask, mean of the rest."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = RobertaModel.from_pretrained(folder, is_decoder=False).eval()
    names = [["<s>", "<encoder-only>", "</s>", *tokenizer.tokenize(text)[: max_length - 4], "</s>"] for text in texts]
    ids = [tokenizer.convert_tokens_to_ids(row) for row in names]
    source = torch.tensor([row + [1] * (max_length - len(row)) for row in ids])
    mask = source.ne(1)
    allowed = mask[:, None, :] & mask[:, :, None]
    with torch.no_grad():
        hidden = model.embeddings(source)
        for layer in model.encoder.layer:
            hidden = transform(layer, hidden, allowed)
        mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return torch.nn.functional.normalize(mean, dim=1).numpy()


def transform(layer, hidden, allowed):
    """One layer with its attention spelled out; `allowed` (B, T, T) says which token sees which."""
    own = layer.attention.self

    def heads(values):
        return values.view(*values.shape[:2], HEADS, -1).transpose(1, 2)

    query, key, value = (heads(part(hidden)) for part in (own.query, own.key, own.value))
    scores = query @ key.transpose(2, 3) / math.sqrt(HIDDEN // HEADS)
    weights = scores.masked_fill(~allowed[:, None], torch.finfo(torch.float32).min).softmax(-1)
    seen = (weights @ value).transpose(1, 2).reshape(hidden.shape)
    attended = layer.attention.output(seen, hidden)
    return layer.output(layer.intermediate(attended), attended)


@pytest.mark.parametrize("max_length", [40, 128])
def test_vectors_are_those_of_the_documented_computation(folder, max_length):
    base = resolve(str(folder), EncoderConfig(like="unixcoder", max_length=max_length))
    encoder = Encoder.load(base, precision="fp32", device="cpu")
    expected = by_hand(folder, TEXTS, max_length)
    for kind in ("query", "document"):
        np.testing.assert_allclose(encoder.encode(TEXTS, kind), expected, atol=2e-5)


def test_a_causal_mask_would_give_others(folder):
    """The trap: transformers 5 masks causally where the configuration says `is_decoder`."""
    expected = by_hand(folder, LINES, 128)
    causal = RobertaModel.from_pretrained(folder, is_decoder=True).eval()
    base = resolve(str(folder), EncoderConfig(like="unixcoder", max_length=128))
    encoder = Encoder(base, causal, torch.float32, torch.device("cpu"))
    assert np.abs(encoder.encode(LINES, "query") - expected).max() > 0.01


def test_without_its_prompt_it_is_another_model(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "plain")
    plain = Encoder.load(resolve(str(copy), EncoderConfig(pooling="mean")), precision="fp32", device="cpu")
    assert np.abs(plain.encode(LINES, "query") - by_hand(folder, LINES, 128)).max() > 0.01
