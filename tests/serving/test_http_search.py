import pytest

from common.retrieval.filters import Filters
from serving.http.schemas.models import ModelList, ModelObject
from serving.http.schemas.rerank import RerankAnswer
from serving.http.schemas.search import SearchAnswer
from serving.names import ModelName
from tests.serving.fake_backend import BASE, DIGEST, FakeBackend
from tests.serving.http_client import client_of


@pytest.fixture
def backend():
    return FakeBackend()


@pytest.fixture
def client(backend):
    return client_of(backend)


def error_of(answer):
    return answer.status_code, answer.json()["error"]["param"]


def test_a_search_says_what_was_found_where_and_by_which_adapter(client, backend):
    answer = client.post("/v1/search", json={"query": "copy files", "top_k": 3})
    body = answer.json()
    SearchAnswer.model_validate(body, strict=True)
    (result,) = body["results"]
    assert (result["path"], result["start_line"], result["end_line"]) == ("src/files.py", 10, 12)
    marked = [result["snippet"][span["start"] : span["end"]] for span in result["highlights"]]
    assert marked == ["copy", "file", "copy"]
    assert body["adapter"]["digest"] == DIGEST
    assert body["why"] == "the query looks like java"
    assert (body["index"], answer.headers["x-adapter"]) == ("stdlib", "java@3")
    asked = backend.requests[0]
    assert (asked.model, asked.adapter, asked.top_k, asked.legs) == (None, None, 3, ("bm25", "dense"))
    assert asked.filters == Filters()


def test_filters_legs_and_the_model_reach_the_search(client, backend):
    body = {
        "query": "q", "index": "stdlib", "model": f"{BASE}:java@3", "language": ["python", "go"], "path": ["src/*"],
        "kind": ["class"], "tests": True, "legs": ["dense", "dense"],
    }  # fmt: skip
    assert client.post("/v1/search", json=body).status_code == 200
    asked = backend.requests[0]
    assert asked.filters == Filters(languages=("python", "go"), paths=("src/*",), kinds=("class",), tests=True)
    assert (asked.index, asked.model, asked.legs) == ("stdlib", ModelName(BASE, "java", "3"), ("dense",))
    client.post("/v1/search", json={"query": "q", "adapter": "grün"})
    assert (backend.requests[1].model, backend.requests[1].adapter) == (None, "grün")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"query": ""}, (400, "query")),
        ({"query": "x" * 20_001}, (400, "query")),
        ({"query": "q", "top_k": 0}, (400, "top_k")),
        ({"query": "q", "top_k": 101}, (400, "top_k")),
        ({"query": "q", "legs": []}, (400, "legs")),
        ({"query": "q", "legs": ["sparse"]}, (400, "legs.0")),
        ({"query": "q", "kind": ["file"]}, (400, "kind.0")),
        ({"query": "q", "model": BASE, "adapter": "java"}, (400, "adapter")),
        ({"query": "q", "index": "../../etc"}, (404, "index")),
        ({"query": "q", "adapter": "nobody"}, (404, "model")),
        ({"query": "q", "languages": ["go"]}, (400, "languages")),
    ],
)
def test_bad_searches_name_the_field(client, body, expected):
    assert error_of(client.post("/v1/search", json=body)) == expected


def test_rerank_orders_and_keeps_ties_in_their_order(client):
    documents = ["nothing", "a file", {"text": "copy a file"}, "none"]
    asked = {"model": BASE, "query": "copy file", "documents": documents}
    body = client.post("/v1/rerank", json=asked).json()
    RerankAnswer.model_validate(body, strict=True)
    assert [one["index"] for one in body["results"]] == [2, 1, 0, 3]
    assert "document" not in body["results"][0]
    short = client.post("/v1/rerank", json=asked | {"top_n": 1, "return_documents": True}).json()
    assert short["results"] == [{"index": 2, "relevance_score": 2.0, "document": {"text": "copy a file"}}]


def test_bad_rankings_name_the_field(backend):
    client = client_of(backend, max_documents=2)
    asked = {"model": BASE, "query": "q", "documents": ["a", "b", "c"]}
    assert error_of(client.post("/v1/rerank", json=asked)) == (413, "documents")
    assert error_of(client.post("/v1/rerank", json=asked | {"documents": []})) == (400, "documents")
    assert error_of(client.post("/v1/rerank", json=asked | {"query": ""})) == (400, "query")


def test_models_show_method_digest_run_and_scores(client):
    body = client.get("/v1/models").json()
    ModelList.model_validate(body, strict=True)
    by_id = {one["id"]: one for one in body["data"]}
    java = by_id[f"{BASE}:java"]
    assert (java["method"], java["digest"], java["run_id"], java["scores"]) == ("lora", DIGEST, "r1", {"mrr": 0.5})
    assert (java["adapter"], java["version"], java["language"], java["created"]) == ("java", "3", "java", 1)
    assert by_id[BASE]["adapter"] is None
    one = client.get(f"/v1/models/{BASE}:java@production")
    assert ModelObject.model_validate(one.json()).digest == DIGEST
    assert error_of(client.get(f"/v1/models/{BASE}:nobody")) == (404, "model")
    assert error_of(client.get(f"/v1/models/{BASE}:auto")) == (404, "model")


def test_indexes_are_listed(client):
    (index,) = client.get("/v1/indexes").json()["data"]
    assert (index["id"], index["models"], index["units"]) == ("stdlib", [BASE, f"{BASE}:java"], 7)


def test_ready_says_what_is_missing_and_health_does_not_ask(client, backend):
    assert client.get("/ready").json() == {"status": "ready", "missing": []}
    backend.missing = ("embedding: its base is loading",)
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["missing"]) == (503, ["embedding: its base is loading"])
    assert client.get("/health").json() == {"status": "ok"}


def test_the_page_s_files_are_sent_and_no_others(backend, tmp_path):
    for name in ("index.html", "app.js", "style.css", "secret.txt"):
        (tmp_path / name).write_text(name)
    client = client_of(backend, page=tmp_path)
    for path, name in (("/", "index.html"), ("/app.js", "app.js"), ("/style.css", "style.css")):
        answer = client.get(path)
        assert answer.text == name
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    for path in ("/secret.txt", "/index.html", "/../secret.txt", "/%2e%2e/secret.txt"):
        assert client.get(path).status_code == 404
    assert client_of(backend, page=tmp_path / "nothing").get("/").status_code == 404
