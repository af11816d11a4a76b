import asyncio
import hashlib
import json
import threading

import pytest

from common.errors import ConfigError
from serving.http.app import create_app
from serving.http.keys import ENVIRONMENT, ApiKey, KeyRing, read_keys
from serving.http.settings import HttpSettings
from serving.names import parse_model
from serving.records import ServingError
from tests.serving.fake_backend import BASE, FakeBackend
from tests.serving.http_client import client_of


def key(secret="s3cret", **rights):
    return ApiKey(name=rights.pop("name", secret), sha256=hashlib.sha256(secret.encode()).hexdigest(), **rights)


def ask(client, secret="s3cret", model=f"{BASE}:java", **body):
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    return client.post("/v1/embeddings", json={"model": model, "input": "a"} | body, headers=headers)


def code_of(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_only_known_keys_are_answered():
    client = client_of(FakeBackend(), keys=(key(),))
    assert ask(client).status_code == 200
    assert code_of(ask(client, secret=None)) == (401, "missing_api_key")
    wrong = ask(client, secret="s3cre")
    assert code_of(wrong) == (401, "invalid_api_key")
    assert wrong.headers["www-authenticate"] == "Bearer"
    for path in ("/v1/models", "/v1/indexes", "/metrics"):
        assert client.get(path).status_code == 401
    for path in ("/health", "/ready", "/openapi.json"):
        assert client.get(path).status_code == 200


def test_no_key_at_all_is_not_the_same_as_no_keys():
    assert ask(client_of(FakeBackend(), keys=()), secret="any").status_code == 401
    assert ask(client_of(FakeBackend()), secret=None).status_code == 200


def test_a_key_may_use_its_adapters_only():
    backend = FakeBackend()
    client = client_of(backend, keys=(key(adapters=(f"{BASE}:ja*",)),))
    assert ask(client).status_code == 200
    for model in (BASE, f"{BASE}:grün"):
        assert code_of(ask(client, model=model)) == (403, "model_not_permitted")
    assert backend.begun == 1, "what is not permitted is not computed"
    headers = {"authorization": "Bearer s3cret"}
    assert [one["id"] for one in client.get("/v1/models", headers=headers).json()["data"]] == [f"{BASE}:java"]
    assert client.get(f"/v1/models/{BASE}:java", headers=headers).status_code == 200
    assert client.get(f"/v1/models/{BASE}", headers=headers).status_code == 403


@pytest.mark.parametrize("globs", [(f"{BASE}:grün",), (f"{BASE}:java@2",)])
def test_what_the_server_picks_is_held_to_the_key_as_well(globs):
    client = client_of(FakeBackend(), keys=(key(adapters=globs),))
    assert code_of(ask(client, model=f"{BASE}:auto")) == (403, "model_not_permitted")
    headers = {"authorization": "Bearer s3cret"}
    for path, body in (
        ("/v1/search", {"query": "q"}),
        ("/v1/search", {"query": "q", "adapter": "java"}),
        ("/v1/completions", {"model": f"{BASE}:java", "prompt": "a"}),
        ("/v1/completions", {"model": f"{BASE}:grün", "prompt": "a", "rag": {"index": "stdlib"}, "stream": True}),
    ):
        assert client.post(path, json=body, headers=headers).status_code == 403


def test_a_glob_with_a_version_permits_that_version():
    narrow = key(adapters=("b:a@3",))
    assert narrow.permits("b:a", "3")
    assert not narrow.permits("b:a", "4")
    assert narrow.may_permit(parse_model("b:a@production"))
    assert not narrow.may_permit(parse_model("b"))


def test_beyond_its_rate_a_key_is_told_when_to_come_again():
    now = [0.0]
    ring = KeyRing((key(requests_per_minute=6, burst=2), key("other")), lambda: now[0])
    for _ in range(2):
        ring.admit("Bearer s3cret")
    with pytest.raises(ServingError) as refused:
        ring.admit("bearer s3cret")
    assert (refused.value.status, refused.value.retry_after) == (429, pytest.approx(10))
    for _ in range(20):
        ring.admit("Bearer other")
    now[0] = 10.0
    ring.admit("Bearer s3cret")
    now[0] = 1000.0
    for _ in range(2):
        ring.admit("Bearer s3cret")
    with pytest.raises(ServingError):
        ring.admit("Bearer s3cret")


def test_retry_after_is_a_header_of_whole_seconds():
    client = client_of(FakeBackend(), keys=(key(requests_per_minute=1),))
    ask(client)
    refused = ask(client)
    assert code_of(refused) == (429, "rate_limit_exceeded")
    assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_keys_are_read_from_a_file_or_the_environment(tmp_path):
    digest = key().sha256
    file = tmp_path / "keys.yaml"
    file.write_text(f"keys:\n- name: team\n  sha256: {digest}\n  adapters: ['*:java']\n")
    (from_file,) = read_keys(file, {ENVIRONMENT: "keys: []"})
    assert (from_file.name, from_file.adapters) == ("team", ("*:java",))
    assert read_keys(None, {ENVIRONMENT: json.dumps({"keys": []})}) == ()
    assert read_keys(None, {}) is None
    for text in ("[", "keys", '{"keys": [{"name": "a", "sha256": "s3cret"}]}'):
        with pytest.raises(ConfigError):
            read_keys(None, {ENVIRONMENT: text})
    with pytest.raises(ConfigError):
        read_keys(tmp_path / "nothing.yaml", {})


def test_two_keys_of_one_name_are_refused():
    with pytest.raises(ValueError, match="same name"):
        HttpSettings(keys=(key("a", name="x"), key("b", name="x")))


def test_a_long_body_is_refused_whether_it_says_its_length_or_not():
    backend = FakeBackend()
    client = client_of(backend, max_body_bytes=1000)
    assert code_of(ask(client, input="a" * 1000)) == (413, "body_too_large")

    def parts():
        for _ in range(20):
            yield b" " * 100

    assert code_of(client.post("/v1/embeddings", content=parts())) == (413, "body_too_large")
    assert backend.requests == []


def test_other_origins_are_let_in_only_where_they_are_named():
    asked = {"origin": "https://a.example", "access-control-request-method": "POST"}
    closed = client_of(FakeBackend(), keys=(key(),))
    assert "access-control-allow-origin" not in closed.options("/v1/search", headers=asked).headers
    assert "access-control-allow-origin" not in closed.get("/health", headers=asked).headers
    opened = client_of(FakeBackend(), keys=(key(),), cors_origins=("https://a.example",))
    assert opened.options("/v1/search", headers=asked).headers["access-control-allow-origin"] == "https://a.example"
    other = opened.options("/v1/search", headers=asked | {"origin": "https://b.example"})
    assert "access-control-allow-origin" not in other.headers


def test_what_takes_too_long_is_cancelled():
    backend = FakeBackend(pause=60)
    client = client_of(backend, time_limit_s=0.05)
    assert code_of(ask(client)) == (504, "timeout")
    assert backend.cancelled == 1
    answer = client.post("/v1/completions", json={"model": BASE, "prompt": "a"})
    assert code_of(answer) == (504, "timeout")
    assert (backend.cancelled, backend.ended) == (2, 1)


def test_a_stream_that_takes_too_long_ends_with_an_error_event():
    backend = FakeBackend(pause=60)
    body = {"model": BASE, "prompt": "a", "stream": True}
    answer = client_of(backend, time_limit_s=0.05).post("/v1/completions", json=body)
    assert answer.status_code == 200
    assert answer.text.startswith("event: error\n")
    assert '"code":"timeout"' in answer.text
    assert (backend.cancelled, backend.ended) == (1, 1)


def scope_of(path, body):
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "server": ("test", 80),
        "client": ("test", 1), "headers": [(b"content-type", b"application/json")],
    }, [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]  # fmt: skip


async def leave_after(backend, path, body, enough, settings=None):
    """Send a request, and go when `enough(sent)` is true; what was sent."""
    scope, waiting = scope_of(path, body)
    sent = []
    go = asyncio.Event()

    async def receive():
        if waiting:
            return waiting.pop()
        await go.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    app = create_app(backend, settings or HttpSettings())
    task = asyncio.create_task(app(scope, receive, send))
    while not enough(sent):
        await asyncio.sleep(0.001)
    go.set()
    await task
    return sent


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_the_work(stream):
    backend = FakeBackend(words=["word "] * 1000, pause=0.005)
    body = {"model": f"{BASE}:java", "prompt": "a", "stream": stream, "max_tokens": 1000}
    sent = asyncio.run(
        leave_after(backend, "/v1/completions", body, lambda sent: len(sent) > 3 if stream else backend.begun)
    )
    assert (backend.cancelled, backend.ended) == (1, 1)
    assert len(sent) < 1000


def test_a_client_that_leaves_ends_an_embedding_too():
    backend = FakeBackend(pause=60)
    body = {"model": BASE, "input": "a"}
    sent = asyncio.run(leave_after(backend, "/v1/embeddings", body, lambda sent: backend.begun))
    assert (sent, backend.cancelled) == ([], 1)


def test_a_stream_is_given_up_where_its_server_is_cancelled():
    """Ray Serve cancels the task of a request; the client then reads nothing more."""
    backend = FakeBackend(words=["word "] * 1000)

    async def run():
        body = {"model": BASE, "prompt": "a", "stream": True, "max_tokens": 1000}
        scope, waiting = scope_of("/v1/completions", body)
        stuck = asyncio.Event()

        async def receive():
            return waiting.pop() if waiting else await asyncio.Future()

        async def send(message):
            if message["type"] == "http.response.body":
                stuck.set()
                await asyncio.Future()

        task = asyncio.create_task(create_app(backend, HttpSettings())(scope, receive, send))
        await stuck.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert (backend.begun, backend.ended) == (1, 1)


def test_a_reader_that_stops_reading_is_given_up_at_the_deadline():
    backend = FakeBackend(words=["word "] * 1000)

    async def run():
        body = {"model": BASE, "prompt": "a", "stream": True, "max_tokens": 1000}
        scope, waiting = scope_of("/v1/completions", body)

        async def receive():
            return waiting.pop() if waiting else await asyncio.Future()

        async def send(message):
            if message["type"] == "http.response.body":
                await asyncio.Future()

        await create_app(backend, HttpSettings(time_limit_s=0.05))(scope, receive, send)

    asyncio.run(run())
    assert (backend.begun, backend.ended) == (1, 1)


def test_a_body_that_does_not_come_gets_408():
    backend = FakeBackend()
    sent = []

    async def run():
        async def send(message):
            sent.append(message)

        settings = HttpSettings(body_time_limit_s=0.02)
        await create_app(backend, settings)(scope_of("/v1/embeddings", {})[0], asyncio.Future, send)

    asyncio.run(run())
    assert sent[0]["status"] == 408


def test_prompts_and_keys_are_in_no_log(caplog):
    caplog.set_level("DEBUG")
    client = client_of(FakeBackend(), keys=(key("s3cret"),))
    ask(client, input="the secret prompt")
    ask(client, input=["the secret prompt", ""])
    ask(client, secret="s3cret-wrong")
    client.post("/v1/completions", json={"model": BASE, "prompt": "the secret prompt", "stream": True})
    assert "s3cret" not in caplog.text
    assert "the secret prompt" not in caplog.text


def test_figures_by_model_hold_only_models_that_exist():
    backend = FakeBackend()
    client = client_of(backend)
    ask(client)
    for number in range(5):
        ask(client, model=f"{BASE}:invented-{number}")
    ask(client, model=f"{BASE}:torn")
    client.post("/v1/completions", json={"model": f"{BASE}:java", "prompt": "a b", "stream": True})
    backend.break_at = 1
    client.post("/v1/completions", json={"model": f"{BASE}:java", "prompt": "a b", "stream": True})
    text = client.get("/metrics").text
    java, torn = f'model="{BASE}:java"', f'model="{BASE}:torn"'
    requests = "codeadapters_http_requests_total"
    assert f'{requests}{{endpoint="/v1/embeddings",{java},status="200"}} 1.0' in text
    assert f'{requests}{{endpoint="/v1/embeddings",{torn},status="503"}} 1.0' in text
    assert f'{requests}{{endpoint="/v1/embeddings",model="",status="404"}} 5.0' in text
    assert f'{requests}{{endpoint="/v1/completions",{java},status="503"}} 1.0' in text
    assert f'codeadapters_tokens_total{{kind="completion",{java}}} 4.0' in text
    assert f'codeadapters_tokens_total{{kind="prompt",{java}}} 5.0' in text
    assert 'codeadapters_http_first_token_seconds_count{endpoint="/v1/completions"} 2.0' in text
    assert f'codeadapters_adapters_loaded{{base="{BASE}"}} 2.0' in text
    assert "invented" not in text


def test_more_requests_than_are_answered_at_a_time_are_told_to_come_again():
    backend = FakeBackend()
    client = client_of(backend, max_in_flight=1)
    inside, go = threading.Event(), threading.Event()

    async def held():
        inside.set()
        await asyncio.to_thread(go.wait)

    backend._work = held
    first = []
    thread = threading.Thread(target=lambda: first.append(ask(client, secret=None)))
    thread.start()
    inside.wait()
    second = ask(client, secret=None)
    assert code_of(second) == (429, "overloaded") and second.headers["retry-after"] == "1"
    assert client.get("/health").status_code == 200
    go.set()
    thread.join()
    assert first[0].status_code == 200 and client.get("/v1/models").status_code == 200
