import json

import pytest

from serving.http.schemas.chat import ChatAnswer
from serving.http.schemas.completions import CompletionsAnswer
from tests.serving.fake_backend import BASE, DIGEST, FakeBackend
from tests.serving.http_client import client_of

JAVA = f"{BASE}:java"
HI = [{"role": "user", "content": "say hello"}]


@pytest.fixture
def backend():
    return FakeBackend()


@pytest.fixture
def complete(backend):
    client = client_of(backend)
    return lambda **body: client.post("/v1/completions", json={"model": JAVA, "prompt": "a b"} | body)


@pytest.fixture
def chat(backend):
    client = client_of(backend)
    return lambda **body: client.post("/v1/chat/completions", json={"model": JAVA, "messages": HI} | body)


def events_of(answer):
    """(name, data) of each event."""
    found = []
    for block in answer.text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields.get("event"), fields["data"]))
    return found


def chunks_of(answer):
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, last = events_of(answer)
    assert last == (None, "[DONE]")
    return [json.loads(data) for _, data in events]


def test_a_completion_has_its_answers_usage_and_adapter(complete, backend):
    answer = complete(prompt=["a b", "c"], n=2, stop="\n\n", seed=-1, temperature=0, top_p=0.5, max_tokens=9)
    body = answer.json()
    CompletionsAnswer.model_validate(body, strict=True)
    assert [(one["index"], one["text"], one["finish_reason"]) for one in body["choices"]] == [
        (index, "Hello big world", "stop") for index in range(4)
    ]
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 12, "total_tokens": 15}
    assert body["adapter"]["digest"] == answer.headers["x-adapter-digest"] == DIGEST
    limits = backend.requests[0].limits
    assert (limits.stop, limits.temperature, limits.top_p, limits.max_tokens) == (("\n\n",), 0.0, 0.5, 9)
    assert limits.seed >= 0
    assert (limits.n, limits.logprobs) == (2, None)


def test_a_length_that_was_reached_is_said(complete):
    (choice,) = complete(max_tokens=2).json()["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("Hello big", "length")


def test_without_a_seed_each_request_draws_another(complete, backend):
    complete(), complete()
    first, second = (request.limits.seed for request in backend.requests)
    assert first != second


def test_token_ids_are_a_prompt(complete, backend):
    assert complete(prompt=[[1, 2], [3]]).status_code == 200
    assert backend.requests[0].prompts == ((1, 2), (3,))


def test_logprobs_of_a_completion(complete):
    logprobs = complete(logprobs=2).json()["choices"][0]["logprobs"]
    assert logprobs["tokens"] == ["Hello", " big", " world"]
    assert logprobs["text_offset"] == [0, 5, 9]
    assert logprobs["top_logprobs"][0] == {"Hello": -0.5, " x": -1.0}
    assert complete(logprobs=0).json()["choices"][0]["logprobs"]["top_logprobs"] is None
    streamed = chunks_of(complete(logprobs=0, stream=True))
    assert [chunk["choices"][0]["logprobs"]["text_offset"] for chunk in streamed] == [[0], [5], [9]]


def test_a_stream_says_what_the_whole_answer_says(complete):
    chunks = chunks_of(complete(stream=True, n=2, stream_options={"include_usage": True}))
    *parts, last = chunks
    for index in range(2):
        of_it = [chunk["choices"][0] for chunk in parts if chunk["choices"][0]["index"] == index]
        assert "".join(one["text"] for one in of_it) == "Hello big world"
        assert [one["finish_reason"] for one in of_it] == [None, None, "stop"]
    assert all(chunk["usage"] is None for chunk in parts)
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 2, "completion_tokens": 6, "total_tokens": 8}
    assert {chunk["id"] for chunk in chunks} == {last["id"]}
    assert all(chunk["adapter"]["digest"] == DIGEST for chunk in chunks)
    assert "usage" not in chunks_of(complete(stream=True))[0]


def test_chat_whole_and_streamed(chat, backend):
    body = chat(logprobs=True, top_logprobs=2, max_completion_tokens=7).json()
    ChatAnswer.model_validate(body, strict=True)
    (choice,) = body["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Hello big world", "refusal": None}
    first = choice["logprobs"]["content"][0]
    assert (first["token"], first["bytes"], len(first["top_logprobs"])) == ("Hello", list(b"Hello"), 2)
    assert backend.requests[0].limits.max_tokens == 7
    chunks = chunks_of(chat(stream=True))
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == "Hello big world"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_messages_reach_the_model_as_text(chat, backend):
    spoken = [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "name": "me"},
        {"role": "assistant", "content": "c", "refusal": None, "annotations": []},
    ]
    assert chat(messages=spoken).status_code == 200
    told = [(one.role, one.content) for one in backend.requests[0].messages]
    assert told == [("system", "be brief"), ("user", "ab"), ("assistant", "c")]


def test_what_was_found_for_a_prompt_is_in_the_answer(chat, complete, backend):
    asked = {"index": "stdlib", "k": 2, "language": ["python"], "query": "copying"}
    context = chat(rag=asked).json()["context"]
    assert context["results"][0]["path"] == "src/files.py"
    assert (context["index"], context["model"], context["why"]) == ("stdlib", JAVA, "routed")
    rag = backend.requests[0].rag
    assert (rag.index, rag.k, rag.query, rag.filters.languages) == ("stdlib", 2, "copying", ("python",))
    chunks = chunks_of(complete(rag=asked, stream=True))
    assert chunks[0]["context"] == context
    assert "context" not in chunks[1]
    assert chat().json()["context"] is None


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"prompt": ""}, 400, "prompt"),
        ({"stop": ["a"] * 5}, 400, "stop"),
        ({"stop": [""]}, 400, "stop"),
        ({"temperature": 2.5}, 400, "temperature"),
        ({"temperature": True}, 400, "temperature"),
        ({"top_p": 0}, 400, "top_p"),
        ({"n": 0}, 400, "n"),
        ({"n": 17}, 413, "n"),
        ({"prompt": ["a"] * 17}, 413, "prompt"),
        ({"max_tokens": 2049}, 400, "max_tokens"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"logprobs": 6}, 400, "logprobs"),
        ({"echo": True}, 400, "echo"),
        ({"best_of": 2}, 400, "best_of"),
        ({"suffix": "x"}, 400, "suffix"),
        ({"presence_penalty": 0.5}, 400, "presence_penalty"),
        ({"logit_bias": {"5": 1}}, 400, "logit_bias"),
        ({"stream_options": {"include_usage": True}}, 400, "stream_options"),
        ({"stream": True, "stream_options": {"usage": True}}, 400, "stream_options.usage"),
        ({"rag": {"index": "stdlib"}, "prompt": ["a", "b"]}, 400, "rag"),
        ({"rag": {"index": "stdlib"}, "prompt": [1]}, 400, "rag"),
        ({"rag": {"index": "/etc/passwd"}}, 404, "rag.index"),
        ({"rag": {"index": "stdlib", "k": 101}}, 400, "rag.k"),
        ({"model": f"{BASE}:nobody", "stream": True}, 404, "model"),
        ({"max_token": 5}, 400, "max_token"),
    ],
)
def test_bad_completions_name_the_field(complete, body, status, param):
    answer = complete(**body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": None}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": "a", "image": 1}]}, "messages.0.image"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"max_tokens": 2, "max_completion_tokens": 3}, "max_tokens"),
        ({"prompt": "a"}, "prompt"),
        ({"rag": {"index": "stdlib"}, "messages": [{"role": "system", "content": "a"}]}, "rag.query"),
    ],
)
def test_bad_chats_name_the_field(chat, body, param):
    answer = chat(**body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_fields_of_openai_s_are_taken_where_they_say_nothing(complete, chat):
    neutral = {"presence_penalty": 0.0, "frequency_penalty": 0, "logit_bias": None, "user": "u", "metadata": {"a": "b"}}
    assert complete(**neutral, echo=False, best_of=1, suffix=None, stop=None, n=None).status_code == 200
    assert chat(**neutral, tools=[], response_format={"type": "text"}, store=False).status_code == 200


def test_an_error_within_a_stream_is_its_last_event(complete, backend):
    backend.break_at = 1
    *parts, last = events_of(complete(stream=True))
    assert len(parts) == 1
    assert last[0] == "error"
    assert json.loads(last[1])["error"] == {
        "message": "the replica has gone", "type": "server_error", "param": None, "code": "gone",
    }  # fmt: skip
    backend.break_with = ValueError("the secret prompt")
    assert json.loads(events_of(complete(stream=True))[-1][1])["error"]["code"] == "internal_error"
    assert complete().status_code == 500


def test_every_answer_s_generator_is_closed(complete, backend):
    complete()
    complete(stream=True)
    backend.break_at = 0
    complete()
    assert (backend.begun, backend.ended) == (3, 3)
