"""The whole over Ray Serve: what comes out is what the offline jobs give, and nothing else is told as an answer."""

from __future__ import annotations

import dataclasses
import json
import shutil
import threading

import numpy as np
import pytest

from common.corpora.instructions.record import Example
from common.models.encoder import Encoder
from common.prompts import TEMPLATES, render
from tests import models_zoo
from tests.models_zoo import LINES
from tests.serving.decoders import limits as some_limits
from tests.serving.decoders import offline, sampling_of

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def vectors(answer):
    return np.array([one["embedding"] for one in answer["data"]], dtype=np.float32)


def test_models_are_the_bases_and_the_adapters_with_what_is_known_of_them(server):
    models = {one["id"]: one for one in server.get("/v1/models")["data"]}
    assert {"tiny", "writer", "tiny:one", "tiny:two", "tiny:three", "writer:gen"} <= models.keys()
    assert models["tiny:one"]["method"] == "lora" and len(models["tiny:one"]["digest"]) == 64


@pytest.mark.parametrize("name", [None, "one", "two", "three"])
def test_vectors_are_those_of_offline_peft(server, name):
    answer = server.post("/v1/embeddings", model=f"tiny:{name}" if name else "tiny", input=list(LINES))
    folder = server.adapters / name if name else None
    expected = Encoder.load(server.encoder, adapter=folder, precision="fp32").encode(list(LINES), "document")
    assert (vectors(answer) * expected).sum(axis=1).min() >= 0.9999
    assert (answer["adapter"] or {}).get("name") == name


def test_requests_of_many_adapters_at_once_each_get_their_own(server):
    names = [None, "one", "two", "three"] * 6
    answers = [None] * len(names)

    def ask(place, name):
        model = f"tiny:{name}" if name else "tiny"
        answers[place] = server.post("/v1/embeddings", model=model, input=LINES[place % len(LINES)])

    threads = [threading.Thread(target=ask, args=each) for each in enumerate(names)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    encoders = {
        name: Encoder.load(server.encoder, adapter=server.adapters / name if name else None, precision="fp32")
        for name in dict.fromkeys(names)
    }
    for place, (name, answer) in enumerate(zip(names, answers, strict=True)):
        expected = encoders[name].encode([LINES[place % len(LINES)]], "document")
        assert (vectors(answer) * expected).sum() >= 0.9999, name


def test_token_ids_are_read_as_the_text_that_they_spell(server):
    encoder = Encoder.load(server.encoder, precision="fp32")
    ids = encoder.tokenizer(LINES[0], add_special_tokens=False)["input_ids"]
    by_ids, by_text = (server.post("/v1/embeddings", model="tiny", input=one) for one in (ids, LINES[0]))
    assert np.allclose(vectors(by_ids), vectors(by_text), atol=1e-5)


@pytest.mark.parametrize(
    ("model", "status"),
    [("tiny:absent", 404), ("absent", 404), ("tiny:one@9", 404), ("writer", 400), ("tiny:gen", 404)],
)
def test_a_model_that_is_not_there_is_an_error_and_never_the_base(server, model, status):
    told, error = server.post("/v1/embeddings", model=model, input="text")
    assert told == status and error["param"] == "model"


def test_too_long_a_text_is_refused_with_both_lengths(server):
    status, error = server.post("/v1/embeddings", model="tiny", input=" ".join(LINES * 5))
    assert status == 400 and "128" in error["message"] and error["code"] == "context_length_exceeded"


def test_ray_serve_s_proxy_hands_on_what_the_ingress_takes_itself(server):
    asked = {"model": "tiny:one", "input": LINES[0]}
    through = dataclasses.replace(server, address=server.proxy)
    assert through.post("/v1/embeddings", **asked)["data"] == server.post("/v1/embeddings", **asked)["data"]
    streamed = {"model": "writer:gen", "prompt": LINES[0], "max_tokens": 8, "temperature": 0, "stream": True}
    texts = []
    for one in (through, server):
        events = [line[6:] for line in one.post("/v1/completions", **streamed).splitlines() if line[:6] == "data: "]
        assert events.pop() == "[DONE]"
        texts.append("".join(choice["text"] for event in events for choice in json.loads(event)["choices"]))
    assert texts[0] == texts[1] != ""


@pytest.mark.parametrize("name", [None, "gen"])
def test_greedy_answers_are_those_of_the_offline_generator(server, name):
    limits = some_limits(max_tokens=10)
    prompts = list(LINES[:3])
    model = f"writer:{name}" if name else "writer"
    answer = server.post("/v1/completions", model=model, prompt=prompts, max_tokens=10, temperature=0)
    expected = offline(server.generator, server.adapters / name if name else None).generate(
        prompts, sampling_of(limits)
    )
    assert [one["text"] for one in answer["choices"]] == [texts[0] for texts in expected]


def test_chat_without_a_chat_template_asks_as_the_adapter_was_trained(server):
    answer = server.post(
        "/v1/chat/completions", model="writer:gen", max_tokens=5, temperature=0,
        messages=[{"role": "user", "content": "copy a folder"}],
    )  # fmt: skip
    template = TEMPLATES["study"]
    prompt = render(template, Example("asked", "copy a folder", "", form="call"))
    plain = server.post(
        "/v1/completions", model="writer:gen", prompt=prompt, max_tokens=5, temperature=0, stop=list(template.stops)
    )
    assert answer["adapter"]["name"] == "gen"
    assert answer["usage"]["prompt_tokens"] == plain["usage"]["prompt_tokens"]
    assert answer["choices"][0]["message"]["content"] == plain["choices"][0]["text"]


def test_search_finds_units_and_says_whose_vectors_found_them(server):
    found = server.post("/v1/search", query="copy a folder with all that is in it", top_k=2, model="tiny:one")
    first = found["results"][0]
    assert first["symbol"] == "copy_tree" and first["path"] == "files.py" and first["start_line"] == 2
    assert found["adapter"]["name"] == "one" and set(first["scores"]) == {"bm25", "dense"}
    assert server.post("/v1/search", query="copy", model="tiny")["adapter"] is None


def test_a_model_that_the_index_has_no_vectors_of_is_refused(server):
    status, error = server.post("/v1/search", query="copy", model="tiny:two")
    assert status == 400 and "tiny:one" in error["message"]


def test_an_unknown_index_and_an_unknown_language_are_named(server):
    assert server.post("/v1/search", query="copy", index="absent")[0] == 404
    status, error = server.post("/v1/search", query="copy", language=["klingon"])
    assert status == 400 and "klingon" in error["message"]


def test_retrieved_code_is_in_the_prompt_and_told(server):
    asked = {"model": "writer", "prompt": "copy a folder", "max_tokens": 4, "temperature": 0}
    plain = server.post("/v1/completions", **asked)
    found = server.post("/v1/completions", **asked, rag={"index": "code", "k": 1})
    assert [one["symbol"] for one in found["context"]["results"]] == ["copy_tree"]
    assert found["usage"]["prompt_tokens"] > plain["usage"]["prompt_tokens"]


def test_rerank_orders_by_the_models_own_cosines(server):
    answer = server.post("/v1/rerank", model="tiny", query=LINES[0], documents=[LINES[3], LINES[0]])
    assert answer["results"][0]["index"] == 1


def test_an_adapter_that_is_put_into_the_folder_can_be_asked_for(server):
    draft = server.adapters.parent / "late"
    models_zoo.adapter(draft, server.encoder, seed=9, name="late")
    assert server.post("/v1/embeddings", model="tiny:late", input="text")[0] == 404
    draft.rename(server.adapters / "late")
    answer = server.until(lambda: _answered(server.post("/v1/embeddings", model="tiny:late", input=LINES[0])))
    expected = Encoder.load(server.encoder, adapter=server.adapters / "late", precision="fp32")
    assert (vectors(answer) * expected.encode([LINES[0]], "document")).sum() >= 0.9999


def test_a_damaged_adapter_is_503_for_itself_alone(server):
    draft = server.adapters.parent / "torn"
    models_zoo.adapter(draft, server.encoder, seed=11, name="torn")
    draft.rename(server.adapters / "torn")
    server.until(lambda: any(one["id"] == "tiny:torn" for one in server.get("/v1/models")["data"]))
    weights = server.adapters / "torn" / "adapter_model.safetensors"
    whole = weights.read_bytes()
    try:
        weights.write_bytes(whole[:-40] + bytes(40))
        status, error = server.post("/v1/embeddings", model="tiny:torn", input="text")
        assert status == 503 and error["code"] == "adapter_unavailable" and "torn" in error["message"]
        told = [line for line in server.get("/metrics").splitlines() if "adapter_failures{" in line]
        assert [float(line.split()[-1]) >= 1 for line in told if 'adapter="torn"' in line] == [True]
        assert len(server.post("/v1/embeddings", model="tiny:one", input="text")["data"]) == 1
    finally:
        shutil.rmtree(server.adapters / "torn")


def test_metrics_name_adapters(server):
    server.post("/v1/embeddings", model="tiny:two", input="text")
    told = server.get("/metrics")
    assert "codeadapters_adapter_hits{" in told and 'adapter="two"' in told


def _answered(answer):
    return None if isinstance(answer, tuple) else answer
