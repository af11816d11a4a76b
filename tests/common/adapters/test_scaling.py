"""Interpolation between base and adapter: the two ends, the weights in between, and the folder it is written to."""

import numpy as np
import pytest
import torch
from peft import PeftModel

from common.adapters.folder import adapter_digest, check
from common.adapters.manifest import read_manifest
from common.adapters.methods import METHODS, PeftSpec
from common.adapters.scaling import interpolate, scale_adapter
from common.errors import AdapterError
from common.models.encoder import Encoder, load_model
from tests.models_zoo import CPU, LINES, adapted, adapter, base

pytestmark = pytest.mark.usefixtures("one_thread")

OF_SEARCH = {name: entry for name, entry in METHODS.items() if entry.can("encoder")}
FADES = [name for name, entry in OF_SEARCH.items() if entry.mergeable]
REFUSED = [name for name, entry in OF_SEARCH.items() if not entry.mergeable]


def spec_of(method):
    small = {"rank": 4, "alpha": 8, "block_size": 8}
    return PeftSpec(method=method, **{name: small[name] for name in METHODS[method].parameters & small.keys()})


@pytest.fixture
def on(zoo):
    return base(zoo("bert"), max_length=100)


def vectors(on, model):
    return Encoder(on, model.eval(), torch.float32, CPU).encode(LINES, "query")


@pytest.mark.parametrize("architecture", ["bert", "qwen3", "t5"])
@pytest.mark.parametrize("method", FADES)
def test_the_ends_are_the_base_and_the_adapter(zoo, method, architecture):
    on = base(zoo(architecture), max_length=100)
    bare = vectors(on, load_model(on, CPU))
    trained = vectors(on, adapted(on, spec_of(method)))
    assert np.abs(trained - bare).max() > 0.01
    found = {}
    for factor in (0.0, 0.5, 1.0):
        model = adapted(on, spec_of(method))
        scale_adapter(model, factor, on)
        found[factor] = vectors(on, model)
    np.testing.assert_allclose(found[0.0], bare, atol=1e-5)
    np.testing.assert_array_equal(found[1.0], trained)
    between = (found[0.5] * bare).sum(1).mean()
    assert (trained * bare).sum(1).mean() < between < 1, "half-way is nearer to the base"


@pytest.mark.parametrize("method", ["lora", "rslora", "ia3", "full"])
def test_merged_weights_lie_on_the_line_between_both(on, method):
    def merged(factor):
        model = adapted(on, spec_of(method))
        scale_adapter(model, factor, on)
        return dict((model.merge_and_unload() if method != "full" else model).named_parameters())

    start, end, third = dict(load_model(on, CPU).named_parameters()), merged(1.0), merged(0.3)
    assert any(not torch.allclose(end[name], start[name]) for name in start)
    for name in start:
        torch.testing.assert_close(third[name], start[name] + 0.3 * (end[name] - start[name]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("method", REFUSED)
def test_virtual_tokens_are_refused_with_the_reason(on, method):
    with pytest.raises(AdapterError, match=r"virtual tokens cannot be moved.*\n.*use lora"):
        scale_adapter(adapted(on, spec_of(method)), 0.5)


@pytest.mark.parametrize("factor", [-0.1, 1.01, float("nan")])
def test_a_factor_outside_is_refused(on, factor):
    with pytest.raises(AdapterError, match="not between"):
        scale_adapter(adapted(on), factor)


@pytest.mark.parametrize("method", FADES)
def test_the_folder_loads_and_says_what_it_is(on, tmp_path, method):
    source = adapter(tmp_path / "trained", on, spec_of(method))
    before = adapter_digest(source)
    written = interpolate(source, 0.5, tmp_path / "half", on)
    assert written == check(tmp_path / "half", on) == read_manifest(tmp_path / "half")
    assert written.peft["interpolation"] == 0.5
    assert (written.scores, written.version, written.base) == ({}, None, read_manifest(source).base)
    assert adapter_digest(source) == before != written.digest
    model = adapted(on, spec_of(method))
    scale_adapter(model, 0.5, on)
    expected = vectors(on, model)
    loaded = Encoder.load(on, adapter=tmp_path / "half", precision="fp32", device="cpu")
    np.testing.assert_allclose(loaded.encode(LINES, "query"), expected, atol=5e-5)
    if method != "full":
        theirs = PeftModel.from_pretrained(load_model(on, CPU), tmp_path / "half")
        np.testing.assert_allclose(vectors(on, theirs), expected, atol=5e-5)


def test_factors_of_a_folder_multiply(on, tmp_path):
    adapter(tmp_path / "trained", on)
    interpolate(tmp_path / "trained", 0.5, tmp_path / "half", on)
    assert interpolate(tmp_path / "half", 0.5, tmp_path / "quarter", on).peft["interpolation"] == 0.25


def test_a_refused_adapter_leaves_nothing_behind(on, tmp_path):
    adapter(tmp_path / "trained", on, spec_of("prompt"))
    with pytest.raises(AdapterError):
        interpolate(tmp_path / "trained", 0.5, tmp_path / "half", on)
    assert not (tmp_path / "half").exists()
