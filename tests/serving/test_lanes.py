"""Module trees that share weights."""

import numpy as np
import pytest
import torch

from common.models.encoder import Encoder
from common.models.weights import load_model
from serving.engines.lanes import share, twin
from tests.models_zoo import ARCHITECTURES, CPU, LINES, base
from tests.serving.encoder_adapters import of_method

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_twin_has_the_same_weights_in_layers_of_its_own(zoo, architecture):
    model = load_model(base(zoo(architecture)), CPU)
    other = twin(model)
    assert {id(tensor) for tensor in other.parameters()} == {id(tensor) for tensor in model.parameters()}
    assert not {id(layer) for layer in other.modules()} & {id(layer) for layer in model.modules()}


def test_what_is_done_to_a_twin_leaves_the_first_alone(small_base):
    encoder = Encoder.load(small_base, precision="fp32", device="cpu")
    bare = encoder.encode(LINES, "query")
    other = twin(encoder.model)
    other.encoder.layer[0].attention.self.query = torch.nn.Linear(32, 32)
    np.testing.assert_array_equal(encoder.encode(LINES, "query"), bare)


@pytest.mark.parametrize(
    ("method", "own"),
    [("dora", ("query", "value")), ("ia3", ("key", "value", "output.dense")), ("prompt", ()), ("prefix", ())],
)
def test_what_an_adapter_left_alone_is_held_once(zoo, tmp_path, method, own):
    on = base(zoo("bert"), max_length=96)
    bare = load_model(on, CPU)
    adapted = Encoder.load(on, adapter=of_method(tmp_path / "a", on, method), precision="fp32", device="cpu")
    before = adapted.encode(LINES, "query")
    size = share(adapted.model, bare)
    np.testing.assert_array_equal(adapted.encode(LINES, "query"), before)
    weights = dict(bare.named_parameters())
    touched = [tensor for name, tensor in weights.items() if name.rpartition(".")[0].endswith(own or "nothing")]
    virtual = 0 if own else 4 * 32 * 4 * (1 if method == "prompt" else 2 * 2)  # tokens, width, bytes; keys and values
    assert virtual <= size <= sum(tensor.nbytes for tensor in touched) + virtual
    assert size > 0


def test_nothing_of_a_full_fine_tuning_is_shared(small_base, tmp_path):
    folder = of_method(tmp_path / "full", small_base, "full")
    tuned = Encoder.load(small_base, adapter=folder, precision="fp32", device="cpu").model
    assert share(tuned, load_model(small_base, CPU)) == sum(tensor.nbytes for tensor in tuned.parameters())
