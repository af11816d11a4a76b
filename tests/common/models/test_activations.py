"""Predicted activations against the tensors that autograd saves, counted in a real forward pass of each family."""

import pytest
import torch

from common.adapters.builders import Place
from common.adapters.methods import METHODS, PeftSpec
from common.adapters.wrapping import _wrap, generator_targets
from common.models.activations import Arithmetic, Tokens, activations
from common.models.architectures import ARCHITECTURES
from common.models.shapes import Shapes
from tests.decoders_zoo import FAMILIES

pytestmark = pytest.mark.usefixtures("one_thread")

ROWS, READ, WRITTEN, WIDTH = 2, 64, 48, 64
SPECS = {
    "lora": {"rank": 4}, "dora": {"rank": 4}, "ia3": {}, "prompt": {"virtual_tokens": 8}, "full": {},
    "adalora": {"rank": 4}, "vera": {"rank": 32}, "oft": {"block_size": 8},
}  # fmt: skip


def sizes(family):
    if family == "t5":
        return {"d_model": WIDTH, "d_ff": 4 * WIDTH, "d_kv": 16}
    if family in ("codegen", "gpt_bigcode"):
        return {"n_embd": WIDTH, "n_inner": 4 * WIDTH}
    return {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH} | ({"head_dim": 16} if family == "qwen3" else {})


def model_of(family, spec, dtype):
    model = FAMILIES[family]({"vocab_size": 64, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None,
                              **sizes(family)})  # fmt: skip
    shapes = Shapes.of(model.config.to_dict())
    entry = ARCHITECTURES[family]
    kind = "seq2seq" if family == "t5" else "causal"
    if not METHODS[spec.method].trains_base:
        model = model.to(dtype)
    place = Place(kind, generator_targets(spec, family), entry.feedforward, steps=20, cache=shapes.cache)
    return _wrap(model, spec, place).train(), shapes


def saved_bytes(model, dtype):
    """Bytes of the storages that the forward pass keeps, parameters and buffers left out."""
    owned = {p.untyped_storage().data_ptr() for p in (*model.parameters(), *model.buffers())}
    kept, held = {}, []

    def pack(tensor):
        held.append(tensor)  # so that no address is used twice
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in owned:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.randint(2, 60, (ROWS, READ))
    mask = torch.ones_like(ids)
    mask[0, -1] = 0
    given = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
    if getattr(model, "config", None) is not None and model.config.is_encoder_decoder:
        given["decoder_input_ids"] = ids[:, :WRITTEN]
    else:
        given["logits_to_keep"] = 1
    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", dtype, enabled=dtype != torch.float32),
    ):
        model(**given)
    return sum(kept.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("method", SPECS)
@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "mistral"])
def test_the_sum_is_what_autograd_saves(family, method, dtype):
    spec = PeftSpec(method=method, **SPECS[method])
    model, shapes = model_of(family, spec, dtype)
    width = 4 if dtype == torch.float32 else 2
    number = Arithmetic(width, 4 if method == "full" else width)
    tokens = Tokens(ROWS, READ, WRITTEN if family == "t5" else 0)
    predicted = activations(spec, shapes, tokens, number, eight_bit=False)
    counted = saved_bytes(model, dtype)
    assert 0.88 < predicted / counted < 1.12
