"""Rows of one batch with adapters of their own, against PEFT with one adapter at a time."""

import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from common.adapters.folder import WEIGHTS
from common.errors import AdapterError
from common.models.batching import Chunk
from common.models.encoder import Encoder
from serving.engines.lora import BASE, LoraWeights, Slots, is_mixable, read_lora
from tests.models_zoo import ARCHITECTURES, LINES, base
from tests.serving.encoder_adapters import cosines, lora, of_method, shapes

pytestmark = pytest.mark.usefixtures("one_thread")


def encode(encoder, slots, chosen):
    """LINES in one batch, line i with the slot chosen[i]."""
    ids = encoder.tokenize(LINES, "query")
    with torch.inference_mode(), slots.rows(chosen):
        return encoder.embed(ids, Chunk(tuple(range(len(ids))), 128)).numpy()


@pytest.fixture
def small(small_base):
    encoder = Encoder.load(small_base, precision="fp32", device="cpu")
    return encoder, Slots(encoder.model)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rows_have_the_vectors_of_their_own_adapters(zoo, tmp_path, architecture):
    on = base(zoo(architecture))
    encoder = Encoder.load(on, precision="fp32", device="cpu")
    bare = encoder.encode(LINES, "query")
    folders = [lora(tmp_path / str(n), on, n, **shape) for n, shape in enumerate(shapes(on))]
    offline = [Encoder.load(on, adapter=one, precision="fp32", device="cpu").encode(LINES, "query") for one in folders]
    offline.append(bare)
    slots = Slots(encoder.model)
    taken = [*(slots.add(read_lora(folder)) for folder in folders), BASE]
    for first in range(len(taken)):  # each line with each adapter
        which = [(first + line) % len(taken) for line in range(len(LINES))]
        mixed = encode(encoder, slots, [taken[one] for one in which])
        assert cosines(mixed, np.stack([offline[one][line] for line, one in enumerate(which)])).min() >= 0.999999
        assert cosines(encode(encoder, slots, [taken[first]] * len(LINES)), offline[first]).min() >= 0.999999
    others = [cosines(bare, vectors).min() for vectors in offline[:-1]]
    assert max(others) < 0.9999, "each adapter gives vectors of its own"


def test_outside_the_block_it_is_the_bare_base(small, small_adapter):
    encoder, slots = small
    bare = encoder.encode(LINES, "query")
    encode(encoder, slots, [slots.add(read_lora(small_adapter))] * len(LINES))
    np.testing.assert_array_equal(encoder.encode(LINES, "query"), bare)


@pytest.mark.parametrize("mixed", [True, False])
def test_a_slot_that_is_used_again_has_the_new_adapter_only(small, small_base, tmp_path, mixed):
    encoder, slots = small
    wide, narrow = (lora(tmp_path / str(n), small_base, n, **shapes(small_base)[n]) for n in (7, 1))
    rows = [BASE if mixed and line % 2 else 1 for line in range(len(LINES))]
    assert slots.add(read_lora(wide)) == 1
    old = encode(encoder, slots, rows)
    slots.remove(1)
    assert slots.add(read_lora(narrow)) == 1
    new = encode(encoder, slots, rows)
    fresh = Encoder.load(small_base, precision="fp32", device="cpu")
    only = Slots(fresh.model)
    only.add(read_lora(narrow))
    np.testing.assert_allclose(new, encode(fresh, only, rows), atol=1e-6)
    assert np.abs(new - old).max() > 1e-3


def test_an_adapter_that_comes_while_others_are_in_use_leaves_them_alone(small, small_base, tmp_path):
    encoder, slots = small
    first = slots.add(read_lora(lora(tmp_path / "a", small_base, 0, **shapes(small_base)[0])))
    rows = [first, BASE] * (len(LINES) // 2)
    before = encode(encoder, slots, rows)
    slots.add(read_lora(lora(tmp_path / "b", small_base, 1, **shapes(small_base)[7])))
    np.testing.assert_allclose(encode(encoder, slots, rows), before, atol=1e-6)


def test_memory_is_that_of_the_matrices(small, small_adapter):
    _, slots = small
    weights = read_lora(small_adapter)
    slot = slots.add(weights)
    assert slots.bytes(slot) == weights.bytes > 0
    slots.remove(slot)
    assert slots.bytes(slot) == 0


@pytest.mark.parametrize("method", ["dora", "ia3", "prompt", "prefix", "full"])
def test_other_methods_are_not_mixable(small_base, tmp_path, method):
    assert not is_mixable(of_method(tmp_path / "adapter", small_base, method))


@pytest.mark.parametrize(
    ("more", "mixable"),
    [
        ({}, True),
        ({"use_rslora": True, "init_lora_weights": "gaussian"}, True),
        ({"bias": "lora_only"}, False),
        ({"lora_bias": True}, False),
        ({"init_lora_weights": "olora"}, False),
        ({"modules_to_save": ["LayerNorm"]}, False),
        ({"target_modules": ["query", "word_embeddings"]}, False),
    ],
)
def test_what_is_more_than_two_matrices_is_not_mixable(small_base, tmp_path, more, mixable):
    config = {"r": 4, "target_modules": ["query", "value"], **more}
    assert is_mixable(lora(tmp_path / "adapter", small_base, **config)) == mixable


def test_a_matrix_without_its_partner_is_refused(small_adapter, tmp_path):
    folder = shutil.copytree(small_adapter, tmp_path / "adapter")
    tensors = load_file(folder / WEIGHTS)
    lost = next(key for key in tensors if "lora_B" in key)
    save_file({key: tensor for key, tensor in tensors.items() if key != lost}, folder / WEIGHTS)
    with pytest.raises(AdapterError, match="more than LoRA's A and B"):
        read_lora(folder)


def test_a_file_that_is_cut_off_is_refused(small_adapter, tmp_path):
    folder = shutil.copytree(small_adapter, tmp_path / "adapter")
    (folder / WEIGHTS).write_bytes((small_adapter / WEIGHTS).read_bytes()[:200])
    assert not is_mixable(folder)
    with pytest.raises(AdapterError, match="cannot be read"):
        read_lora(folder)


QUERY = "encoder.layer.0.attention.self.query"


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ({"encoder.layer.9.attention.self.query": (32, 32)}, "no layer"),
        ({"encoder.layer.0.attention": (32, 32)}, "no linear layer"),
        ({QUERY: (48, 32)}, "32 → 32, the adapter's 48 → 32"),
        ({QUERY: (32, 32), "encoder.layer.1.attention.self.query": (32, 16)}, "the adapter's 32 → 16"),
    ],
)
def test_an_adapter_that_does_not_fit_changes_nothing(small, layers, says):
    encoder, slots = small
    names = [name for name, _ in encoder.model.named_modules()]
    weights = LoraWeights({path: (torch.ones(2, i), torch.ones(o, 2)) for path, (i, o) in layers.items()})
    with pytest.raises(AdapterError, match=says):
        slots.add(weights)
    assert [name for name, _ in encoder.model.named_modules()] == names
