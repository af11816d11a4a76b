import pytest

from common.errors import ModelError
from common.models.architectures import ARCHITECTURES, of_kind
from common.models.catalogue import CATALOGUE, default_targets, lookup, suggestion
from tests import decoders_zoo, models_zoo

CODE_QUERY = "Given a web search query, retrieve relevant code that can help answer the query."
NOMIC = "Represent this query for searching relevant code: "
JINA = "Find the most relevant code snippet given the following query:\n"
BGE = "Represent this sentence for searching relevant passages: "
QWEN3 = f"Instruct: {CODE_QUERY}\nQuery:"


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
    ("alias", "pooling", "length", "query", "document"),
    [
        ("minilm", "mean", 256, "", ""),
        ("codebert", "mean", 512, "", ""),
        ("graphcodebert", "mean", 512, "", ""),
        ("unixcoder", "mean", 512, "<encoder-only></s>", "<encoder-only></s>"),
        ("starencoder", "last", 1024, "", ""),
        ("codet5p", "cls", 512, "", ""),
        ("coderankembed", "cls", 2048, NOMIC, ""),
        ("jina-v2-code", "mean", 8192, "", ""),
        ("jina-code-0.5b", "last", 8192, JINA, "Candidate code snippet:\n"),
        ("jina-code-1.5b", "last", 8192, JINA, "Candidate code snippet:\n"),
        ("nomic-embed-code", "last", 8192, NOMIC, ""),
        ("bge-code", "last", 4096, f"<instruct>{CODE_QUERY}\n<query>", ""),
        ("gte-small", "mean", 512, "", ""),
        ("gte-base", "mean", 512, "", ""),
        ("gte-modernbert", "cls", 8192, "", ""),
        ("gte-base-v1.5", "cls", 8192, "", ""),
        ("bge-small", "cls", 512, BGE, ""),
        ("bge-base", "cls", 512, BGE, ""),
        ("e5-base", "mean", 512, "query: ", "passage: "),
        ("multilingual-e5", "mean", 512, "query: ", "passage: "),
        ("qwen3-embedding", "last", 8192, QWEN3, ""),
        ("qwen3-embedding-4b", "last", 8192, QWEN3, ""),
        ("qwen3-embedding-8b", "last", 8192, QWEN3, ""),
    ],
)
def test_what_is_documented(alias, pooling, length, query, document):
    spec = lookup(alias)
    assert (spec.pooling, spec.max_length) == (pooling, length)
    assert (spec.query_prompt, spec.document_prompt) == (query, document)


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.alias)
def test_every_model_has_a_source_and_an_architecture_that_tests_run(spec):
    assert spec.source
    assert spec.remote_code or spec.architecture in ARCHITECTURES


def test_every_architecture_is_in_the_zoo():
    assert set(of_kind("encoder")) == set(models_zoo.ARCHITECTURES)
    assert set(of_kind("causal")) | set(of_kind("seq2seq")) == set(decoders_zoo.FAMILIES)


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
