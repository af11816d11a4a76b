"""Each PEFT method on a small model of each architecture: one path from a fresh adapter to vectors read back."""

import copy

import numpy as np
import pytest
import torch

from common.adapters.folder import adapter_digest, attach, save_adapter
from common.adapters.manifest import write_manifest
from common.adapters.methods import METHODS, PeftSpec
from common.adapters.wrapping import check_fit, wrap
from common.errors import AdapterError
from common.models.batching import plan_chunks
from common.models.encoder import Encoder, load_model, virtual_tokens
from tests.models_zoo import ARCHITECTURES, CPU, LINES, base, manifest

pytestmark = pytest.mark.usefixtures("one_thread")

METHODS_OF_SEARCH = [name for name, entry in METHODS.items() if entry.can("encoder")]
SPECS = {
    **{name: {"rank": 4, "alpha": 8} for name in ("lora", "dora", "rslora")},
    "vera": {"rank": 8},
    "oft": {"block_size": 8},
    **{name: {"virtual_tokens": 3} for name in ("prompt", "prefix")},
    "ia3": {},
    "full": {},
}
NO_PREFIX = {"modernbert", "nomic_bert", "gte", "t5", "codet5p_embedding"}
STARTS_AT_THE_BASE = {"lora", "dora", "rslora", "ia3", "full", "vera", "oft"}
QUERIES, DOCUMENTS = LINES[0::2], LINES[1::2]
PAIRS = [
    (method, architecture)
    for method in METHODS_OF_SEARCH
    for architecture in ARCHITECTURES
    if method != "prefix" or architecture not in NO_PREFIX
]


def spec_of(method):
    return PeftSpec(method=method, **SPECS[method])


def small(zoo, architecture):
    return base(zoo(architecture), max_length=100)


def encoder_of(on, method, seed=0):
    model = wrap(load_model(on, CPU), spec_of(method), on.lora_targets, seed)
    return Encoder(on, model.eval(), torch.float32, CPU)


def embed(encoder, texts, kind):
    """Vectors with gradients, in the order of the texts."""
    ids = encoder.tokenize(list(texts), kind)
    (chunk,) = plan_chunks([len(row) for row in ids], budget=10**6)
    return encoder.embed(ids, chunk)[torch.argsort(torch.tensor(chunk.rows))]


def loss_of(encoder):
    scores = embed(encoder, QUERIES, "query") @ embed(encoder, DOCUMENTS, "document").T / 0.05
    return torch.nn.functional.cross_entropy(scores, torch.arange(len(QUERIES)))


def train(encoder, steps=8):
    """A few steps of AdamW; the losses, and the names of the parameters that moved."""
    before = {name: p.detach().clone() for name, p in encoder.model.named_parameters()}
    optimiser = torch.optim.AdamW([p for p in encoder.model.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = loss_of(encoder)
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
    moved = {name for name, p in encoder.model.named_parameters() if not torch.equal(p.detach(), before[name])}
    return [*losses, loss_of(encoder).item()], moved


def cosines(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("architecture", sorted(NO_PREFIX))
def test_prefix_tuning_is_refused_where_no_past_is_taken(zoo, architecture):
    on = small(zoo, architecture)
    for refused in (lambda: check_fit(spec_of("prefix"), on), lambda: encoder_of(on, "prefix")):
        with pytest.raises(AdapterError, match=rf"past key values, which '{architecture}'.*\n.*prompt or lora"):
            refused()


@pytest.mark.parametrize(("method", "architecture"), PAIRS)
def test_trains_saves_and_reads_back(zoo, tmp_path, method, architecture):
    on = small(zoo, architecture)
    check_fit(spec_of(method), on)
    bare = Encoder.load(on, precision="fp32", device="cpu").encode(LINES, "query")
    encoder = encoder_of(on, method)
    fresh = encoder.encode(LINES, "query")
    assert (cosines(fresh, bare).min() > 0.99999) == (method in STARTS_AT_THE_BASE)

    own = {name for name, p in encoder.model.named_parameters() if p.requires_grad}
    losses, moved = train(encoder)
    assert losses[-1] < losses[0]
    assert moved == own, "every parameter of the method learns, and nothing else moves"
    trained = encoder.encode(LINES, "query")
    assert np.abs(trained - fresh).max() > 1e-4

    if method == "full":
        with pytest.raises(AdapterError, match="full fine-tuning"), encoder.base_only():
            pass
    else:
        with encoder.base_only():
            np.testing.assert_allclose(encoder.encode(LINES, "query"), bare, atol=1e-5)
        np.testing.assert_array_equal(encoder.encode(LINES, "query"), trained)
        assert {name for name, p in encoder.model.named_parameters() if p.requires_grad} == own

    folder = tmp_path / "adapter"
    save_adapter(encoder.model, folder, base_name=on.name, revision=None)
    write_manifest(folder, manifest(folder, on, spec_of(method)))
    attached = Encoder.load(on, adapter=folder, precision="fp32", device="cpu")
    assert cosines(attached.encode(LINES, "query"), trained).min() >= 0.9999
    assert hasattr(attached.model, "peft_config") == (not METHODS[method].mergeable)
    if method != "full":
        from peft import PeftModel

        theirs = PeftModel.from_pretrained(load_model(on, CPU), folder).eval()
        vectors = Encoder(on, theirs, torch.float32, CPU).encode(LINES, "query")
        assert cosines(vectors, trained).min() >= 0.9999


@pytest.mark.parametrize(("method", "architecture"), [p for p in PAIRS if p[0] in ("prompt", "prefix")])
def test_a_vector_does_not_depend_on_its_neighbours(zoo, method, architecture):
    encoder = encoder_of(small(zoo, architecture), method)
    texts = ["x", *LINES, " ".join(LINES)]
    together = encoder.encode(texts, "query")
    alone = np.stack([encoder.encode([text], "query")[0] for text in texts])
    np.testing.assert_allclose(together, alone, atol=2e-5)


POOLED = {"mean": lambda hidden: hidden.mean(0), "cls": lambda hidden: hidden[0], "last": lambda hidden: hidden[-1]}


@pytest.mark.parametrize("pooling", POOLED)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_virtual_tokens_are_no_part_of_the_pooling(zoo, architecture, pooling):
    """By hand: the virtual tokens' rows, then the words' embeddings, one text at a time; the first rows are dropped."""
    on = base(zoo(architecture), max_length=100, pooling=pooling)
    encoder = encoder_of(on, "prompt")
    assert virtual_tokens(encoder.model) == 3
    prompt = encoder.model.get_prompt_embedding_to_save("default")
    body = encoder.model.base_model
    expected = []
    with torch.no_grad():
        for ids in encoder.tokenize(LINES, "query"):
            words = body.get_input_embeddings()(torch.tensor([ids]))
            seen = torch.cat([prompt[None], words], dim=1)
            hidden = body(inputs_embeds=seen, attention_mask=torch.ones(seen.shape[:2])).last_hidden_state[0, 3:]
            expected.append(torch.nn.functional.normalize(POOLED[pooling](hidden), dim=0).numpy())
    np.testing.assert_allclose(encoder.encode(LINES, "query"), np.stack(expected), atol=2e-5)


@pytest.mark.parametrize("method", [name for name in METHODS_OF_SEARCH if name != "full"])
def test_one_seed_one_start(small_base, method):
    first, again, other = (encoder_of(base(small_base.folder, max_length=100), method, seed) for seed in (1, 1, 2))

    def start(encoder):
        return {name: p for name, p in encoder.model.named_parameters() if p.requires_grad}

    same = all(torch.equal(value, start(again)[name]) for name, value in start(first).items())
    differs = any(not torch.equal(value, start(other)[name]) for name, value in start(first).items())
    assert same
    assert differs or method in ("ia3", "vera", "oft"), "they start at one value; vera's seed is in what is frozen"


def test_full_fine_tuning_wants_fp32(small_base):
    with pytest.raises(ValueError, match="fp32"):
        wrap(load_model(small_base, CPU).bfloat16(), PeftSpec(method="full"), (), 0)


def test_trained_parameters_are_fp32_on_a_bf16_base(small_base):
    for method in ("lora", "dora", "ia3", "prompt", "prefix"):
        model = wrap(load_model(small_base, CPU).bfloat16(), spec_of(method), small_base.lora_targets, 0)
        assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}
        assert {p.dtype for p in model.parameters() if not p.requires_grad} == {torch.bfloat16}


@pytest.mark.parametrize("method", ["lora", "dora", "ia3", "prompt", "prefix"])
def test_a_bf16_base_is_trained_under_autocast(small_base, method):
    on = base(small_base.folder, max_length=100)
    model = wrap(load_model(on, CPU).bfloat16(), spec_of(method), on.lora_targets, 0).eval()
    losses, _ = train(Encoder(on, model, torch.bfloat16, CPU), steps=4)
    assert losses[-1] < losses[0]


def test_what_stood_in_the_folder_is_replaced_as_a_whole(small_base, tmp_path):
    on = base(small_base.folder, max_length=100)
    folder = tmp_path / "adapter"
    save_adapter(encoder_of(on, "full").model, folder, base_name="n", revision="r")
    full = adapter_digest(folder)
    save_adapter(encoder_of(on, "lora").model, folder, base_name="n", revision="r")
    assert {file.name for file in folder.iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    assert adapter_digest(folder) != full
    assert list(tmp_path.iterdir()) == [folder], "no draft is left"


def test_attaching_a_full_fine_tuning_leaves_the_given_model_alone(small_base, tmp_path):
    encoder = encoder_of(small_base, "full")
    train(encoder, steps=1)
    folder = tmp_path / "adapter"
    save_adapter(encoder.model, folder, base_name=small_base.name, revision=None)
    write_manifest(folder, manifest(folder, small_base, PeftSpec(method="full")))
    model = load_model(small_base, CPU)
    before = copy.deepcopy(model.state_dict())
    tuned = attach(model, folder, small_base)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert any(not torch.equal(value, before[name]) for name, value in tuned.state_dict().items())
