"""Many adapters over one base, joining at different steps: each request gets what the offline generator answers."""

import functools

import pytest

from common.errors import AdapterError, ModelError
from common.models.generator import resolve_generator
from serving.engines.decoding import DecodingEngine
from tests.decoders_zoo import generator
from tests.models_zoo import LINES
from tests.serving.decoders import CPU, ask, limits, offline, sampling_of, trained

pytestmark = pytest.mark.usefixtures("one_thread")

TARGETS = {
    "llama": ("down_proj", "o_proj"), "qwen2": ("down_proj", "o_proj"), "codegen": ("fc_out", "out_proj"),
    "gpt_bigcode": ("mlp.c_fc", "attn.c_proj"),
}  # fmt: skip
"""Modules besides those that the architecture's table names."""
OTHERS = ("ia3", "prompt", "prefix", "dora", "adalora", "vera", "oft", "full")


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    @functools.cache
    def base(family, **sizes):
        folder = tmp_path_factory.mktemp(family) / family
        return resolve_generator(str(generator(folder, family, **sizes)))

    return base


@pytest.fixture(scope="module")
def engines(bases):
    made = {}

    def engine(family):
        if family not in made:
            made[family] = DecodingEngine(bases(family), device=CPU, precision="fp32", prefill=40)
        return made[family]

    yield engine
    for one in made.values():
        one.close()


@pytest.mark.parametrize("family", TARGETS)
def test_adapters_share_a_batch_and_answer_as_offline(bases, engines, tmp_path, family):
    base, engine = bases(family), engines(family)
    first, second = TARGETS[family]
    kinds = [{}, {"rank": 7, "targets": (first,)}, {"rank": 2, "targets": (first, second)}, {"method": "rslora"}]
    adapters = [None] + [trained(tmp_path / f"a{seed}", base, seed=seed, **kind) for seed, kind in enumerate(kinds)]
    loaded = [adapter and engine.load(*adapter) for adapter in adapters]
    assert all(one.mixable and one.bytes > 0 for one in loaded[1:])
    asked = []
    for place, line in enumerate(LINES):
        which = place % len(adapters)
        asked.append((which, line[: 5 + 3 * place], ask(engine, line[: 5 + 3 * place], loaded[which])))
        if place in (3, 6):
            asked[-1][2].begun.wait(120)  # the rest joins rows that are under way
    references = [offline(base, adapter and adapter[0]) for adapter in adapters]
    for which, prompt, listener in asked:
        (expected,) = references[which].generate([prompt], sampling_of(limits()))[0]
        assert listener.text() == expected
    assert len({listener.text() for _, _, listener in asked}) > 5
    for one in loaded[1:]:
        engine.unload(one)


@pytest.mark.parametrize(
    ("family", "method"), [("llama", method) for method in OTHERS] + [("codegen", "prefix"), ("qwen2", "prompt")]
)
def test_other_methods_answer_as_offline_beside_the_shared_lane(bases, engines, tmp_path, family, method):
    base, engine = bases(family), engines(family)
    folder, adapter = trained(tmp_path / method, base, method)
    loaded = engine.load(folder, adapter)
    assert not loaded.mixable and loaded.bytes > 0
    prompts = [line[:length] for line, length in zip(LINES, (4, 30, 17), strict=False)]
    own = [ask(engine, prompt, loaded) for prompt in prompts]
    bare = [ask(engine, prompt) for prompt in prompts]
    expected = offline(base, folder).generate(prompts, sampling_of(limits()))
    assert [[listener.text()] for listener in own] == expected
    bare_expected = offline(base).generate(prompts, sampling_of(limits()))
    assert [[listener.text()] for listener in bare] == bare_expected != expected
    engine.unload(loaded)


def test_draws_depend_on_the_seed_and_not_on_what_else_runs(bases, engines, tmp_path):
    base, engine = bases("llama"), engines("llama")
    folder, adapter = trained(tmp_path / "one", base)
    loaded = engine.load(folder, adapter)
    how = {"n": 3, "temperature": 0.9, "top_p": 0.9, "seed": 11}
    alone = ask(engine, LINES[0], loaded, **how)
    texts = [alone.text(index) for index in range(3)]
    others = [ask(engine, line, temperature=1.5, seed=3) for line in LINES]
    again = ask(engine, LINES[0], loaded, **how)
    assert [again.text(index) for index in range(3)] == texts
    (expected,) = offline(base, folder).generate([LINES[0]], sampling_of(limits(**how)), [11])
    assert texts == expected and len(set(texts)) == 3
    assert [ask(engine, LINES[0], loaded, **(how | {"seed": 12})).text(index) for index in range(3)] != texts
    assert all(other.finish() for other in others)
    engine.unload(loaded)


@pytest.mark.parametrize("quantise", ["8bit", "4bit"])
def test_over_a_quantised_base_lanes_share_the_weights(bases, tmp_path, quantise):
    base = bases("llama")
    lora, ia3 = trained(tmp_path / "lora", base), trained(tmp_path / "ia3", base, "ia3")
    engine = DecodingEngine(base, device=CPU, precision="fp32", quantise=quantise)
    try:
        mixed, own = engine.load(*lora), engine.load(*ia3)
        assert own.bytes < 10_000, "the base is not held twice"
        texts = [ask(engine, LINES[0], loaded).text() for loaded in (None, mixed, own, None, own)]
        assert texts[0] == texts[3] and texts[2] == texts[4] and len(set(texts)) == 3
    finally:
        engine.close()


def test_an_adapter_leaves_when_its_last_request_is_over(bases, engines, tmp_path):
    engine = engines("llama")
    loaded = engine.load(*trained(tmp_path / "leaving", bases("llama")))
    running = ask(engine, LINES[0], loaded, max_tokens=60)
    engine.unload(loaded)
    engine.unload(loaded)
    expected = offline(bases("llama"), tmp_path / "leaving").generate([LINES[0]], sampling_of(limits(max_tokens=60)))
    assert [[running.text()]] == expected
    with pytest.raises(Exception, match="is leaving memory"):
        ask(engine, LINES[0], loaded)
    again = engine.load(tmp_path / "leaving", loaded.adapter)
    assert ask(engine, LINES[0], again, max_tokens=60).text() == running.text()
    engine.unload(again)


def test_what_is_no_adapter_of_this_base_is_refused(bases, engines, tmp_path):
    engine = engines("llama")
    folder, adapter = trained(tmp_path / "other", bases("qwen2"))
    with pytest.raises(AdapterError, match="was trained on"):
        engine.load(folder, adapter)
    folder, adapter = trained(tmp_path / "damaged", bases("llama"))
    newer, _ = trained(tmp_path / "newer", bases("llama"), seed=1)
    with pytest.raises(AdapterError, match="have digest"):
        engine.load(newer, adapter)
    with (folder / "adapter_model.safetensors").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"torn")
    with pytest.raises(AdapterError, match="changed or damaged"):
        engine.load(folder, adapter)
    assert ask(engine, LINES[0]).text()


def test_bases_whose_rows_cannot_come_and_go_are_refused(bases):
    with pytest.raises(ModelError, match="encoder-decoder"):
        DecodingEngine(bases("t5"), device=CPU)


def test_virtual_tokens_need_a_cache_without_windows(bases, tmp_path):
    base = bases("qwen2", use_sliding_window=True, sliding_window=8, max_window_layers=1)
    engine = DecodingEngine(base, device=CPU, precision="fp32")
    try:
        with pytest.raises(AdapterError, match="sliding windows"):
            engine.load(*trained(tmp_path / "prefix", base, "prefix"))
        expected = offline(base).generate(list(LINES[:3]), sampling_of(limits()))
        assert [[ask(engine, line).text()] for line in LINES[:3]] == expected
    finally:
        engine.close()
