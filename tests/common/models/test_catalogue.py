import pytest

from common.errors import ModelError
from common.models.catalogue import CATALOGUE, default_targets, lookup, suggestion


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.alias)
def test_every_model_is_found_by_both_its_names_in_any_case(spec):
    for name in (spec.alias, spec.id, spec.id.lower(), spec.alias.upper(), spec.id.upper()):
        assert lookup(name) is spec


def test_no_name_stands_for_two_models():
    names = [name.lower() for spec in CATALOGUE for name in (spec.alias, spec.id)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", ["", "bert", "all-MiniLM-L6-v2", "minilm "])
def test_other_names_are_not_known(name):
    assert lookup(name) is None


@pytest.mark.parametrize(
    ("alias", "query", "document"),
    [
        ("unixcoder", "<encoder-only></s>", "<encoder-only></s>"),
        ("e5-base", "query: ", "passage: "),
        ("bge-small", "Represent this sentence for searching relevant passages: ", ""),
        ("minilm", "", ""),
    ],
)
def test_documented_prompts(alias, query, document):
    spec = lookup(alias)
    assert (spec.query_prompt, spec.document_prompt) == (query, document)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("minilmm", "minilm"), ("unixcodr", "unixcoder"), ("microsoft/unixcoder_base", "microsoft/unixcoder-base")],
)
def test_a_mistyped_name_gets_a_suggestion(name, meant):
    assert suggestion(name) == f"did you mean {meant!r}? "


@pytest.mark.parametrize("name", ["MINILMM", "baai/bge-small-en-v1.6"])
def test_a_suggestion_does_not_mind_case(name):
    assert suggestion(name)


def test_nothing_is_suggested_for_something_else():
    assert suggestion("zzzzqqqq") == ""


def test_targets_by_architecture():
    assert default_targets("bert") == default_targets("roberta") == ("query", "value")
    assert default_targets("qwen3") == ("q_proj", "v_proj")
    with pytest.raises(ModelError, match=r"'mamba'.*\n.*--peft\.targets"):
        default_targets("mamba")
