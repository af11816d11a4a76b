"""What a server may be told, and what is refused before anything starts."""

import pytest

from common.config import dump_yaml, validate
from common.errors import ConfigError
from serving.config import EmbeddingConfig, GenerationConfig, ReplicaConfig, ServingConfig


def refused(**told):
    with pytest.raises(ConfigError) as caught:
        validate(ServingConfig, told)
    return caught.value.message


def test_a_base_is_called_as_it_is_named_a_folder_by_its_last_part(tmp_path, monkeypatch):
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    assert EmbeddingConfig().served_as == "minilm"
    assert EmbeddingConfig(model="hub/some-base").served_as == "hub/some-base"
    assert EmbeddingConfig(model=str(tmp_path / "models" / "tiny")).served_as == "tiny"
    assert GenerationConfig(model=str(tmp_path / "models" / "tiny"), name="coder").served_as == "coder"
    monkeypatch.chdir(tmp_path / "models")
    assert EmbeddingConfig(model="tiny/").served_as == "tiny"
    monkeypatch.chdir("tiny")
    assert EmbeddingConfig(model=".").served_as == "tiny"


@pytest.mark.parametrize("task", ["embedding", "generation"])
def test_two_bases_of_one_name_are_refused_unless_one_is_named_otherwise(task, tmp_path):
    for place in ("a", "b"):
        (tmp_path / place / "tiny").mkdir(parents=True)
    one, two = ({"model": str(tmp_path / place / "tiny")} for place in ("a", "b"))
    assert "two bases are called tiny" in refused(**{task: [one, two]})
    served = getattr(validate(ServingConfig, {task: [one, two | {"name": "other"}]}), task)
    assert [base.served_as for base in served] == ["tiny", "other"]


def test_a_name_for_vectors_and_for_writing_is_one_base():
    one, two = {"model": "hub/one", "name": "base"}, {"model": "hub/two", "name": "base"}
    assert "two bases are called base" in refused(embedding=[one], generation=[two])
    assert validate(ServingConfig, {"embedding": [one], "generation": [one]}).generation[0].served_as == "base"


@pytest.mark.parametrize("name", ["a:b", "a@1", "my base", ""])
def test_a_name_that_no_request_could_say_is_refused(name):
    assert "a name has letters" in refused(embedding=[{"name": name}])
    assert "a name has letters" in refused(search={"indexes": {name: "folder"}})


def test_a_replica_scales_up_and_never_below_its_start():
    assert "max_replicas (1) is less than replicas (3)" in refused(ingress={"replicas": 3})
    assert ReplicaConfig(replicas=2, max_replicas=2).max_replicas == 2


def test_a_slip_of_the_keys_is_told_with_what_was_meant():
    assert "did you mean 'registry'" in refused(registri="sqlite:///x.db")
    assert "adapter_bytes" in refused(embedding=[{"adapter_byte": 3}])


@pytest.mark.parametrize(
    "told", [{"refresh_s": 0}, {"embedding": [{"loads": 0}]}, {"generation": [{"quantise": "2bit"}]}]
)
def test_a_value_out_of_its_range_is_named(told):
    assert next(iter(told)) in refused(**told)


def test_what_is_written_down_is_read_back(tmp_path):
    import yaml

    told = {
        "registry": "sqlite:///x.db", "folders": [tmp_path], "search": {"indexes": {"code": tmp_path}},
        "embedding": [{"preload": ["docsearch@production"]}], "generation": [{"quantise": "4bit"}],
    }  # fmt: skip
    config = validate(ServingConfig, told)
    assert validate(ServingConfig, yaml.safe_load(dump_yaml(config))) == config
