"""The Hub is never reached: a loader with the documented columns, and a cache with the documented files."""

import json

import datasets
import pytest

from common.errors import DataError
from tests.common.corpora.sources.layouts import answers, function, jsonl, parts, split, write
from tests.common.corpora.sources.test_cosqa import CODES, row


@pytest.fixture
def loader(monkeypatch):
    """repository → rows; the calls are noted."""
    rows, calls = {}, []

    def load_dataset(repository, config, *, split, revision, streaming):
        calls.append((repository, config, split, revision, streaming))
        return iter(rows[repository])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return rows, calls


def test_cleaned_codesearchnet(loader):
    rows, calls = loader
    rows["google/code_x_glue_ct_code_to_text"] = [{"id": n, **function(n, "go")} for n in (1, 2)]
    found = parts("codesearchnet", languages=("go",))
    assert not calls, "nothing is asked for before it is read"
    part = found["go"]
    assert [pair.query for pair in part.train()] == [f"Adds the number {n} to it." for n in (1, 2)]
    assert len(part.test()[0].queries) == 2
    part.dev()
    assert [call[1:3] for call in calls] == [("go", "train"), ("go", "test"), ("go", "validation")]


def test_raw_codesearchnet_with_the_hub_s_columns(loader):
    rows, calls = loader
    source = function(1)
    body = f'    """{source["docstring"]}"""\n'
    rows["code-search-net/code_search_net"] = [{
        "repository_name": "owner/r", "func_path_in_repository": "m.py", "func_name": "f1", "language": "python",
        "whole_func_string": "not this", "func_code_string": source["code"].replace(":\n", ":\n" + body, 1),
        "func_code_tokens": ["def"], "func_documentation_string": source["docstring"],
        "func_documentation_tokens": ["Adds"], "split_name": "train", "func_code_url": "https://u",
    }]  # fmt: skip
    (pair,) = parts("codesearchnet", release="raw")["python"].train()
    assert (pair.query, pair.document) == ("Adds the number 1 to it.", source["code"])
    assert dict(pair.extra) == {"repo": "owner/r", "path": "m.py", "func_name": "f1", "url": "https://u"}
    assert calls[0][3] == "refs/convert/parquet"
    (pair,) = parts("codesearchnet", release="raw", text="tokens")["python"].train()
    assert (pair.query, pair.document) == ("Adds", "def")


def test_codetrans_and_advtest(loader):
    rows, _ = loader
    rows["google/code_x_glue_cc_code_to_code_trans"] = [{"id": 0, "java": "int a();", "cs": "int A();"}]
    rows["google/code_x_glue_tc_nl_code_search_adv"] = [{"id": n, **function(n)} for n in (3, 4)]
    assert answers(parts("codetrans")["csharp-java"].test()[0]) == {"int A();": ["int a();"]}
    assert list(parts("advtest")["python"].test()[0].documents) == ["3", "4"]


def test_streaming_where_there_is_a_connection(loader, monkeypatch):
    rows, calls = loader
    rows["google/code_x_glue_ct_code_to_text"] = [function(1)]
    list(parts("codesearchnet")["go"].train())
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    list(parts("codesearchnet")["go"].train())
    assert [call[-1] for call in calls] == [False, True]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A function that puts a file of a repository where the Hub's client keeps it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path))

    def put(repository, name):
        folder = tmp_path / f"datasets--{repository.replace('/', '--')}"
        write(folder / "refs/main", "0" * 40)
        return folder / "snapshots" / ("0" * 40) / name

    return put


def test_cosqa_from_the_cache(cache):
    write(cache("Denis641/CosQa", "code_idx_map.txt"), json.dumps(CODES))
    for name, number in (("train-19604", 0), ("dev-500", 1), ("test-500", 2)):
        write(cache("Denis641/CosQa", f"cosqa-retrieval-{name}.json"), json.dumps([row(number, number)]))
    part = parts("cosqa")["python"]
    assert len(split(part.train())[0]) == 1
    assert [len(read()[0].queries) for read in (part.dev, part.test)] == [1, 1]


def test_humaneval_x_from_the_cache(cache):
    for name in ("go", "js"):
        record = {"task_id": f"X/{1}", "declaration": f"{name} f\n", "canonical_solution": "return"}
        jsonl(cache("zai-org/humaneval-x", f"data/{name}/data/humaneval.jsonl"), [record])
    found = parts("humaneval-x")
    assert len(found) == 20
    assert answers(found["go-javascript"].test()[0]) == {"go f\nreturn": ["js f\nreturn"]}


@pytest.mark.parametrize("name", ["codesearchnet", "cosqa", "codetrans", "advtest", "humaneval-x"])
def test_what_cannot_be_had_says_what_to_give(name, cache):
    with pytest.raises(DataError, match=r"cannot be had from the Hub: \S.*\n.*give a local copy as path: \S"):
        next(iter(parts(name).values())).test()
