"""The encoder against sentence-transformers' own vectors, and against models run by hand, one text at a time."""

import functools
import json
import shutil
from itertools import pairwise

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, T5EncoderModel

from common.errors import ModelError
from common.models import precision
from common.models.batching import Chunk
from common.models.codet5p import CodeT5pEmbeddingModel
from common.models.encoder import Encoder
from common.models.loading import resolve
from common.models.precision import choose_dtype
from tests.models_zoo import ARCHITECTURES, CPU, HIDDEN, LINES, base

pytestmark = pytest.mark.usefixtures("one_thread")

# Unlike lengths, none and more than fit among them
TEXTS = ["", "x", *LINES, *("\n".join(two) for two in pairwise(LINES)), "naïve – Größe 🚀", " ".join(LINES[:3]) * 9]


@pytest.fixture(scope="module")
def encoders(zoo):
    return {name: Encoder.load(base(zoo(name)), precision="fp32", device="cpu") for name in ARCHITECTURES}


def cosines(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def minilm():
    return resolve("minilm")


@pytest.fixture(scope="module")
def reference(minilm):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(minilm.folder), device="cpu").encode(TEXTS)


@pytest.mark.parametrize(("wanted", "least"), [("fp32", 0.9999), ("bf16", 0.999)])
def test_vectors_of_the_default_model_are_sentence_transformers_own(minilm, reference, wanted, least):
    encoder = Encoder.load(minilm, precision=wanted, device="cpu")
    vectors = encoder.encode(TEXTS, "query")
    assert encoder.dtype == next(encoder.model.parameters()).dtype
    assert vectors.dtype == np.float32
    assert cosines(vectors, reference).min() >= least


@functools.cache
def token_vectors(folder, max_length):
    """The last hidden states of each text, run alone and without padding."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    architecture = json.loads((folder / "config.json").read_text())["model_type"]
    classes = {"t5": T5EncoderModel, "codet5p_embedding": CodeT5pEmbeddingModel}
    model = classes.get(architecture, AutoModel).from_pretrained(folder, dtype=torch.float32).eval()
    texts = [tokenizer(text, truncation=True, max_length=max_length, return_tensors="pt") for text in TEXTS]
    with torch.no_grad():
        return [model(input_ids=ids["input_ids"]).last_hidden_state[0].numpy() for ids in texts]


POOLED = {"mean": lambda hidden: hidden.mean(0), "cls": lambda hidden: hidden[0], "last": lambda hidden: hidden[-1]}


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_pooling_is_what_its_name_says(zoo, architecture, pooling):
    encoder = Encoder.load(base(zoo(architecture), pooling=pooling), precision="fp32", device="cpu")
    vectors = encoder.encode(TEXTS, "document")
    by_hand = [POOLED[pooling](hidden) for hidden in token_vectors(encoder.base.folder, encoder.base.max_length)]
    expected = np.stack([vector / np.linalg.norm(vector) for vector in by_hand])
    np.testing.assert_allclose(vectors, expected, atol=2e-5)


def test_the_texts_here_have_vectors_of_their_own(encoders):
    vectors = {name: encoder.encode(TEXTS, "query") for name, encoder in encoders.items()}
    for found in vectors.values():
        assert np.triu(found @ found.T, 1).max() < 0.9999


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_vectors_stand_in_the_order_of_their_texts(encoders, architecture):
    encoder = encoders[architecture]
    alone = np.stack([encoder.encode([text], "query")[0] for text in TEXTS])
    shuffled = np.random.default_rng(3).permutation(len(TEXTS))
    np.testing.assert_allclose(encoder.encode(TEXTS, "query"), alone, atol=2e-5)
    np.testing.assert_allclose(encoder.encode([TEXTS[i] for i in shuffled], "query"), alone[shuffled], atol=2e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_vectors_have_length_one(encoders, architecture):
    lengths = np.linalg.norm(encoders[architecture].encode(TEXTS, "query"), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)


@pytest.mark.parametrize("budget", [1, 100, 5000])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_size_of_chunks_changes_nothing(encoders, architecture, budget):
    encoder = encoders[architecture]
    vectors = encoder.encode(TEXTS, "query", tokens_per_chunk=budget)
    np.testing.assert_allclose(vectors, encoder.encode(TEXTS, "query"), atol=2e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_padding_does_not_leak(encoders, architecture):
    encoder = encoders[architecture]
    ids = encoder.tokenize(["copy a tree", LINES[0] * 9], "query")
    with torch.no_grad():
        exact = encoder.embed(ids, Chunk((0,), len(ids[0])))
        padded = encoder.embed(ids, Chunk((0,), 128))
        beside = encoder.embed(ids, Chunk((1, 0), 128))[1:]
    torch.testing.assert_close(padded, exact, atol=2e-5, rtol=0)
    torch.testing.assert_close(beside, exact, atol=2e-5, rtol=0)


def test_queries_and_documents_get_their_own_prompts(zoo):
    plain = Encoder.load(base(zoo("bert")), precision="fp32", device="cpu")
    prompted = Encoder.load(base(zoo("bert"), query_prompt="read ", document_prompt="open: "), precision="fp32")
    for kind, prompt in (("query", "read "), ("document", "open: ")):
        expected = plain.encode([prompt + text for text in TEXTS], kind)
        np.testing.assert_array_equal(prompted.encode(TEXTS, kind), expected)
    assert cosines(prompted.encode(TEXTS, "query"), plain.encode(TEXTS, "query")).min() < 0.999


def test_a_long_text_is_cut_and_keeps_its_last_special_token(encoders):
    encoder = encoders["bert"]
    (ids,) = encoder.tokenize([" ".join(LINES * 9)], "query")
    assert len(ids) == encoder.base.max_length == 128
    assert (ids[0], ids[-1]) == (encoder.tokenizer.cls_token_id, encoder.tokenizer.sep_token_id)


def test_no_texts_no_vectors(encoders):
    assert encoders["bert"].encode([], "query").shape == (0, HIDDEN)
    assert encoders["bert"].tokenize([], "query") == []


def test_vectors_carry_gradients_while_training(encoders):
    encoder = encoders["bert"]
    ids = encoder.tokenize(list(LINES[:2]), "query")
    assert encoder.embed(ids, Chunk((0, 1), 64)).requires_grad


def test_encoding_is_without_dropout_whatever_went_before(encoders):
    encoder = encoders["bert"]
    expected = encoder.encode(LINES, "query")
    encoder.model.train()
    np.testing.assert_array_equal(encoder.encode(LINES, "query"), expected)


def test_a_tokenizer_that_cannot_pad_is_refused(zoo, tmp_path):
    folder = shutil.copytree(zoo("qwen3"), tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match="no padding token"):
        Encoder.load(base(folder), precision="fp32", device="cpu")


def test_a_precision_that_is_asked_for_is_used(monkeypatch):
    monkeypatch.setattr(precision, "cpu_bf16_speedup", lambda: pytest.fail("nobody asked"))
    assert choose_dtype("fp32", CPU) is torch.float32
    assert choose_dtype("bf16", CPU) is torch.bfloat16


@pytest.mark.parametrize(("speedup", "dtype"), [(4.0, torch.bfloat16), (1.0, torch.float32), (0.2, torch.float32)])
def test_auto_is_what_the_probe_says(monkeypatch, speedup, dtype):
    monkeypatch.setattr(precision, "cpu_bf16_speedup", lambda: speedup)
    assert choose_dtype("auto", CPU) is dtype


@pytest.mark.parametrize(("supported", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_auto_on_a_gpu_asks_for_real_bf16(monkeypatch, supported, dtype):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported)
    assert choose_dtype("auto", torch.device("cuda")) is dtype


def test_the_probe_compares_the_two_formats(monkeypatch):
    monkeypatch.setattr(precision, "_best_time", {torch.float32: 3.0, torch.bfloat16: 1.5}.get)
    precision.cpu_bf16_speedup.cache_clear()
    assert precision.cpu_bf16_speedup() == 2.0
    precision.cpu_bf16_speedup.cache_clear()
