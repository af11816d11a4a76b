import base64

import numpy as np
import pytest

from serving.http.schemas.embeddings import EmbeddingsAnswer
from serving.names import ModelName
from tests.serving.fake_backend import BASE, DIGEST, DIMENSIONS, FakeBackend, vector_of
from tests.serving.http_client import client_of


@pytest.fixture
def backend():
    return FakeBackend()


@pytest.fixture
def ask(backend):
    client = client_of(backend)
    return lambda **body: client.post("/v1/embeddings", json={"model": f"{BASE}:java"} | body)


def unit(text, dimensions=DIMENSIONS):
    vector = vector_of(text)[:dimensions]
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("one text", ["one text"]),
        (["first", "second text"], ["first", "second text"]),
        ([5, 6, 7], [(5, 6, 7)]),
        ([[5, 6], [7]], [(5, 6), (7,)]),
    ],
)
def test_each_form_of_input_comes_back_in_its_order(ask, backend, given, texts):
    answer = ask(input=given)
    assert answer.status_code == 200
    body = answer.json()
    EmbeddingsAnswer.model_validate(body, strict=True)
    assert [one["index"] for one in body["data"]] == list(range(len(texts)))
    for one, text in zip(body["data"], texts, strict=True):
        np.testing.assert_allclose(one["embedding"], unit(text), rtol=1e-6)
    assert backend.requests == [(ModelName(BASE, "java"), texts, "document", None)]


def test_base64_says_the_same_as_floats(ask):
    plain = ask(input=["a", "b"], encoding_format="float").json()["data"]
    coded = ask(input=["a", "b"], encoding_format="base64").json()["data"]
    for one, other in zip(plain, coded, strict=True):
        np.testing.assert_allclose(np.frombuffer(base64.b64decode(other["embedding"]), "<f4"), one["embedding"])


def test_dimensions_and_the_kind_of_text_reach_the_model(ask, backend):
    answer = ask(input="a", dimensions=3, input_type="query").json()
    np.testing.assert_allclose(answer["data"][0]["embedding"], unit("a", 3), rtol=1e-6)
    assert backend.requests[0][2:] == ("query", 3)
    refused = ask(input="a", dimensions=DIMENSIONS + 1)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "dimensions")


def test_the_answer_says_which_adapter_it_is_of(ask):
    answer = ask(input="a b c", model=f"{BASE}:java@production")
    assert answer.json()["adapter"] == {"name": "java", "version": "3", "digest": DIGEST}
    assert answer.json()["model"] == f"{BASE}:java"
    assert (answer.headers["x-adapter"], answer.headers["x-adapter-digest"]) == ("java@3", DIGEST)
    assert answer.json()["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    bare = ask(input="a", model=BASE)
    assert bare.json()["adapter"] is None
    assert "x-adapter" not in bare.headers
    assert ask(input="a", model=f"{BASE}:grün").headers["x-adapter"] == "gr%C3%BCn@3"


@pytest.mark.parametrize(
    ("body", "status", "param", "said"),
    [
        ({"input": ""}, 400, "input", "empty"),
        ({"input": []}, 400, "input", "empty"),
        ({"input": ["a", ""]}, 400, "input", "text 1 is empty"),
        ({"input": [[1], []]}, 400, "input", "text 1 is empty"),
        ({"input": ["a", 1]}, 400, "input", "must be a string"),
        ({"input": [True]}, 400, "input", "must be a string"),
        ({"input": [-1]}, 400, "input", "must be a string"),
        ({"input": None}, 400, "input", "must be a string"),
        ({}, 400, "input", "required"),
        ({"input": "a", "dimensions": "3"}, 400, "dimensions", "integer"),
        ({"input": "a", "dimensions": 0}, 400, "dimensions", "greater"),
        ({"input": "a", "encoding_format": "int8"}, 400, "encoding_format", "base64"),
        ({"input": "a", "imput": "a"}, 400, "imput", "did you mean input?"),
        ({"input": "a", "model": 3}, 400, "model", "string"),
        ({"input": "a", "model": "a:b:c"}, 400, "model", "is no model"),
        ({"input": "a", "model": f"{BASE}:nobody"}, 404, "model", "nobody"),
        ({"input": "a", "model": f"{BASE}:java@9"}, 404, "model", "9"),
        ({"input": "a", "model": "other"}, 404, "model", "other"),
        ({"input": ["a"] * 2049}, 413, "input", "2048"),
        ({"input": "a", "model": f"{BASE}:torn"}, 503, None, "torn"),
    ],
)
def test_bad_requests_name_the_field(ask, backend, body, status, param, said):
    answer = ask(**body)
    error = answer.json()["error"]
    assert answer.status_code == status
    assert set(error) == {"message", "type", "param", "code"}
    assert error["param"] == param
    assert said in error["message"]
    assert backend.begun == 0, "nothing was computed"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"model": ', "not JSON"),
        (b'{"model": "\xff"}', "pars"),
        (b"[1, 2]", "object"),
        (b"", "empty"),
        (b'{"model": "acme/tiny", "input": "\\ud800"}', "input"),
        (b'{"model": "\\ud800", "input": "a"}', "model"),
        (b'{"\\ud800": 1}', "unknown field"),
        (b"[" * 100_000, ""),
        (b'{"model": "acme/tiny", "input": [' + b"9" * 5000 + b"]}", ""),
    ],
)
def test_bodies_that_are_no_request_get_400(backend, content, said):
    answer = client_of(backend).post("/v1/embeddings", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_a_mistake_of_the_server_s_says_nothing_of_the_request(ask, backend, caplog):
    backend.fails = ValueError("the secret prompt")
    answer = ask(input="the secret prompt")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "secret" not in caplog.text
    assert "ValueError" in caplog.text
    assert "fake_backend.py" in caplog.text
