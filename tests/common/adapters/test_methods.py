import pytest
import torch
from pydantic import ValidationError

from common.adapters.methods import PeftSpec, wrap
from common.errors import AdapterError
from common.models.encoder import load_model
from tests.models_zoo import CPU, base

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    "bad",
    [
        {"rank": 0},
        {"rank": 1.5},
        {"alpha": 0},
        {"dropout": -0.1},
        {"dropout": 1},
        {"method": "magic"},
        {"ranks": 8},
        {"targets": 3},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(bad):
    with pytest.raises(ValidationError, match=next(iter(bad))):
        PeftSpec(**bad)


def wrapped(on, spec, seed=0):
    return wrap(load_model(on, CPU), spec, on.lora_targets, seed)


def adapter_of(model):
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


def test_only_the_adapter_is_trainable_and_it_has_the_rank(small_base):
    found = adapter_of(wrapped(small_base, PeftSpec(rank=3)))
    places = {name.split(".lora_")[0].split("layer.")[1] for name in found}
    assert places == {f"{layer}.attention.self.{part}" for layer in (0, 1) for part in ("query", "value")}
    assert {tuple(p.shape) for name, p in found.items() if "lora_A" in name} == {(3, 32)}
    assert {tuple(p.shape) for name, p in found.items() if "lora_B" in name} == {(32, 3)}
    assert len(found) == 8, "two factors at each place, and nothing else"


def test_targets_of_the_user_come_before_those_of_the_base(small_base):
    found = adapter_of(wrapped(small_base, PeftSpec(targets=("key",))))
    assert {name.split(".lora_")[0].rsplit(".", 1)[1] for name in found} == {"key"}


@pytest.mark.parametrize(("architecture", "parts"), [("roberta", {"query", "value"}), ("qwen3", {"q_proj", "v_proj"})])
def test_default_targets_exist_in_their_architecture(zoo, architecture, parts):
    found = adapter_of(wrapped(base(zoo(architecture)), PeftSpec()))
    assert {name.split(".lora_")[0].rsplit(".", 1)[1] for name in found} == parts


def test_one_seed_one_start_and_the_caller_s_draws_are_left_alone(small_base):
    torch.manual_seed(5)
    expected_draw = torch.rand(3)
    torch.manual_seed(5)
    first = adapter_of(wrapped(small_base, PeftSpec(), seed=1))
    assert torch.equal(torch.rand(3), expected_draw)
    again = adapter_of(wrapped(small_base, PeftSpec(), seed=1))
    other = adapter_of(wrapped(small_base, PeftSpec(), seed=2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_fresh_adapter_changes_nothing_and_a_trained_one_is_scaled(small_base):
    ids = torch.tensor([[2, 20, 30, 3]])

    def hidden(model):
        with torch.no_grad():
            return model.eval()(input_ids=ids).last_hidden_state

    plain = hidden(load_model(small_base, CPU))
    model = wrapped(small_base, PeftSpec(rank=4, alpha=8))
    torch.testing.assert_close(hidden(model), plain)
    layer = model.get_submodule("base_model.model.encoder.layer.0.attention.self.query")
    assert layer.scaling["default"] == 8 / 4


def test_an_unknown_target_lists_the_modules_there_are(small_base):
    with pytest.raises(AdapterError) as caught:
        wrapped(small_base, PeftSpec(targets=("q_proj",)))
    assert "'q_proj'" in caught.value.message
    assert caught.value.remedy == "--peft.targets takes names among dense, key, query, value"


def test_a_base_without_default_targets_says_so(small_base):
    with pytest.raises(AdapterError, match=r"--peft\.targets"):
        wrap(load_model(small_base, CPU), PeftSpec(), (), 0)


def test_a_mistyped_target_beside_a_good_one_is_refused_too(small_base):
    with pytest.raises(AdapterError, match="valeu"):
        wrapped(small_base, PeftSpec(targets=("query", "valeu")))


def test_dropout_reaches_the_adapter(small_base):
    drops = [m for name, m in wrapped(small_base, PeftSpec(dropout=0.3)).named_modules() if "lora_dropout" in name]
    assert {m.p for m in drops if isinstance(m, torch.nn.Dropout)} == {0.3}
