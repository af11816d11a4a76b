import math
from typing import get_args

import pytest
import torch
from pydantic import ValidationError

from common.adapters.methods import METHODS, Method, PeftSpec
from common.adapters.wrapping import check_fit, wrap
from common.errors import AdapterError, ModelError
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


@pytest.mark.parametrize(
    ("method", "given", "said"),
    [
        ("prompt", {"rank": 8}, "prompt has no rank: it takes virtual_tokens"),
        ("prefix", {"targets": ("query",), "alpha": 3}, "prefix has no alpha, targets: it takes virtual_tokens"),
        ("lora", {"virtual_tokens": 5}, "lora has no virtual_tokens: it takes rank, alpha, dropout, targets"),
        ("ia3", {"dropout": 0.1}, "ia3 has no dropout: it takes targets"),
        ("full", {"rank": 16}, "full has no rank: it takes no parameters"),
    ],
)
def test_a_parameter_that_the_method_does_not_have_is_named(method, given, said):
    with pytest.raises(ValidationError, match=said):
        PeftSpec(method=method, **given)


@pytest.mark.parametrize("method", METHODS)
def test_a_record_has_the_parameters_of_its_method_and_reads_back(method):
    spec = PeftSpec(method=method)
    dumped = spec.model_dump(mode="json")
    assert {name for name, value in dumped.items() if value is not None} == {"method", *METHODS[method].parameters}
    assert PeftSpec.model_validate(dumped) == spec


def test_defaults():
    assert PeftSpec() == PeftSpec(method="lora", rank=16, alpha=32, dropout=0, targets=())
    assert PeftSpec(method="prompt").virtual_tokens == 20


def test_the_table_holds_every_method_once():
    assert tuple(METHODS) == get_args(Method)
    assert all(entry.learning_rate > 0 and entry.paper for entry in METHODS.values())


@pytest.mark.parametrize(
    ("spec", "described"),
    [
        (PeftSpec(), {"method": "lora", "rank": 16, "alpha": 32.0, "dropout": 0.0, "targets": ["query", "value"]}),
        (PeftSpec(method="ia3"), {"method": "ia3", "targets": ["key", "value", "output.dense"]}),
        (PeftSpec(method="ia3", targets=("key",)), {"method": "ia3", "targets": ["key"]}),
        (PeftSpec(method="prompt"), {"method": "prompt", "virtual_tokens": 20}),
        (PeftSpec(method="full"), {"method": "full"}),
    ],
)
def test_what_a_manifest_says_of_it(spec, described):
    assert spec.describe(("query", "value"), "bert") == described


def test_virtual_tokens_need_positions(small_base):
    with pytest.raises(ModelError, match=r"20 virtual tokens and texts of 128.*128 positions.*\n.*max-length 108"):
        check_fit(PeftSpec(method="prompt"), small_base)
    check_fit(PeftSpec(method="prompt"), base(small_base.folder, max_length=108))
    check_fit(PeftSpec(), small_base)


def test_ia3_on_an_unknown_architecture_wants_its_targets(small_base):
    unknown = small_base.model_copy(update={"architecture": "mamba", "lora_targets": ()})
    for method in ("ia3", "lora"):
        with pytest.raises(AdapterError, match=rf"known for {method}.*\n.*--peft\.targets"):
            check_fit(PeftSpec(method=method), unknown)
        check_fit(PeftSpec(method=method, targets=("x",)), unknown)


def test_ia3_scales_keys_and_values_at_the_output_and_feed_forward_at_the_input(small_base):
    sizes = {name.rsplit(".ia3_l", 1)[0]: p.numel() for name, p in adapter_of(wrapped(small_base, IA3)).items()}
    assert {size for name, size in sizes.items() if name.endswith(("key", "value"))} == {32}
    assert {size for name, size in sizes.items() if name.endswith("0.output.dense")} == {64}, "its input is wider"


@pytest.mark.parametrize("rank", [16, 32, 64])
def test_rslora_scales_by_the_root_of_the_rank(small_base, rank):
    model = wrapped(small_base, PeftSpec(method="rslora", rank=rank, alpha=2 * rank))
    layer = model.get_submodule("base_model.model.encoder.layer.0.attention.self.query")
    assert layer.scaling["default"] == 2 * rank / math.sqrt(rank)


IA3 = PeftSpec(method="ia3")


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
