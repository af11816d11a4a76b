import shutil

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

from common.adapters.folder import WEIGHTS, adapter_digest, attach, check, start_from
from common.adapters.manifest import MANIFEST, read_manifest
from common.adapters.methods import PeftSpec
from common.adapters.wrapping import wrap
from common.errors import AdapterError
from common.models.encoder import Encoder, load_model
from tests.models_zoo import ARCHITECTURES, CPU, LINES, adapter, base, build

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def own_copy(small_adapter, tmp_path):
    """An adapter folder that a test may change."""
    return shutil.copytree(small_adapter, tmp_path / "adapter")


def test_a_good_folder_gives_its_manifest(small_adapter, small_base):
    found = check(small_adapter, small_base)
    assert found == read_manifest(small_adapter)
    assert found.digest == adapter_digest(small_adapter)


def test_another_base_is_refused_naming_both(small_adapter, small_base, tmp_path):
    other = base(build(tmp_path / "other", seed=9))
    with pytest.raises(AdapterError) as caught:
        check(small_adapter, other)
    message = str(caught.value)
    assert small_base.digest[:12] in message
    assert other.digest[:12] in message
    assert f"--model {small_base.name}" in message
    with pytest.raises(AdapterError, match=other.digest[:12]):
        Encoder.load(other, adapter=small_adapter, precision="fp32", device="cpu")


def test_changed_weights_are_refused(own_copy, small_base):
    before = adapter_digest(own_copy)
    weights = load_file(own_copy / WEIGHTS)
    save_file({name: tensor + 1e-6 for name, tensor in weights.items()}, own_copy / WEIGHTS)
    with pytest.raises(AdapterError, match=rf"{adapter_digest(own_copy)[:12]}….*{before[:12]}…"):
        check(own_copy, small_base)
    with pytest.raises(AdapterError, match="changed or damaged"):
        attach(load_model(small_base, CPU), own_copy, small_base)


@pytest.mark.parametrize("missing", [WEIGHTS, MANIFEST])
def test_a_missing_part_is_named(own_copy, small_base, missing):
    (own_copy / missing).unlink()
    with pytest.raises(AdapterError, match=missing):
        check(own_copy, small_base)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_peft_s_own_loader_gives_the_vectors_of_our_merged_model(zoo, tmp_path, architecture):
    from peft import PeftModel

    on = base(zoo(architecture))
    folder = adapter(tmp_path / "adapter", on)
    bare = Encoder.load(on, precision="fp32", device="cpu")
    merged = Encoder.load(on, adapter=folder, precision="fp32", device="cpu")
    theirs = Encoder(on, PeftModel.from_pretrained(load_model(on, CPU), folder).eval(), merged.dtype, CPU)
    vectors = merged.encode(LINES, "query")
    np.testing.assert_allclose(vectors, theirs.encode(LINES, "query"), atol=5e-5)
    assert np.abs(vectors - bare.encode(LINES, "query")).max() > 0.01, "the adapter does something"


def test_nothing_of_peft_is_left_in_a_merged_model(small_base, small_adapter):
    merged = attach(load_model(small_base, CPU), small_adapter, small_base)
    plain = load_model(small_base, CPU)
    assert {name for name, _ in merged.named_parameters()} == {name for name, _ in plain.named_parameters()}


def test_an_adapter_is_the_start_of_another(small_base, small_adapter):
    def fresh(**spec):
        model = load_model(small_base, CPU)
        return wrap(model, PeftSpec(**{"rank": 4, "alpha": 8, **spec}), small_base.lora_targets, 1)

    def weights(model):
        return {name: p for name, p in model.named_parameters() if p.requires_grad}

    model = fresh()
    start_from(model, small_adapter, small_base)
    loaded = PeftModel.from_pretrained(load_model(small_base, CPU), small_adapter, is_trainable=True)
    wanted = weights(loaded)
    assert wanted
    assert all(torch.equal(weight, wanted[name]) for name, weight in weights(model).items())
    with pytest.raises(AdapterError, match="another method, rank or targets"):
        start_from(fresh(rank=8), small_adapter, small_base)
