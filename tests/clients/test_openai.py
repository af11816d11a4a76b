import asyncio

import numpy as np
import pytest

from tests.serving.fake_backend import BASE, DIGEST, DIMENSIONS, vector_of

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.clients
JAVA = f"{BASE}:java"
HI = [{"role": "user", "content": "say hello"}]


@pytest.fixture
def client(served):
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("form", [{}, {"encoding_format": "float"}])
def test_embeddings(client, form):
    answer = client.embeddings.create(model=JAVA, input=["a b", "c"], dimensions=4, **form)
    expected = vector_of("c")[:4]
    np.testing.assert_allclose(answer.data[1].embedding, expected / np.linalg.norm(expected), rtol=1e-6)
    assert answer.usage.total_tokens == 3
    assert answer.adapter["digest"] == DIGEST


def test_embeddings_of_token_ids_and_of_the_bare_base(client):
    answer = client.embeddings.create(model=BASE, input=[[1, 2], [3]])
    assert [len(one.embedding) for one in answer.data] == [DIMENSIONS] * 2
    assert answer.adapter is None


def test_models(client):
    assert [model.id for model in client.models.list()][:2] == [BASE, JAVA]
    assert client.models.retrieve(JAVA).method == "lora"


def test_completions(client):
    answer = client.completions.create(model=JAVA, prompt="a", n=2, logprobs=2, max_tokens=2, seed=1)
    assert [(one.text, one.finish_reason) for one in answer.choices] == [("Hello big", "length")] * 2
    assert answer.choices[0].logprobs.token_logprobs == [-0.5, -0.5]
    assert (
        "".join(chunk.choices[0].text for chunk in client.completions.create(model=JAVA, prompt="a", stream=True))
        == "Hello big world"
    )


def test_chat_and_its_stream(client):
    answer = client.chat.completions.create(model=JAVA, messages=HI, logprobs=True, top_logprobs=1)
    assert answer.choices[0].message.content == "Hello big world"
    assert answer.choices[0].logprobs.content[0].token == "Hello"
    said = [*HI, answer.choices[0].message]
    chunks = list(
        client.chat.completions.create(model=JAVA, messages=said, stream=True, stream_options={"include_usage": True})
    )
    assert "".join(chunk.choices[0].delta.content for chunk in chunks[:-1]) == "Hello big world"
    assert chunks[-1].usage.completion_tokens == 3
    with client.chat.completions.stream(model=JAVA, messages=HI) as stream:
        assert stream.get_final_completion().choices[0].message.content == "Hello big world"


def test_retrieved_context(client):
    answer = client.chat.completions.create(model=JAVA, messages=HI, extra_body={"rag": {"index": "stdlib"}})
    assert answer.context["results"][0]["path"] == "src/files.py"


def test_errors_are_the_client_s_own(client, served):
    with pytest.raises(openai.NotFoundError) as missing:
        client.embeddings.create(model=f"{BASE}:nobody", input="a")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as wrong:
        client.completions.create(model=JAVA, prompt="a", extra_body={"top_k": 3})
    assert wrong.value.param == "top_k"
    served.backend.break_at = 1
    with pytest.raises(openai.APIError, match="the replica has gone"):
        list(client.completions.create(model=JAVA, prompt="a", stream=True))


def test_async_requests_and_a_stream_that_is_left(served):
    served.backend.words, served.backend.pause = ["word "] * 500, 0.01

    async def run():
        async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as client:
            answers = await asyncio.gather(
                *(client.embeddings.create(model=JAVA, input=str(number)) for number in range(8))
            )
            stream = await client.completions.create(model=JAVA, prompt="a", stream=True, max_tokens=500)
            async for _ in stream:
                break
            await stream.close()
            while not served.backend.cancelled:
                await asyncio.sleep(0.01)
            return answers

    answers = asyncio.run(run())
    for number, answer in enumerate(answers):
        expected = vector_of(str(number))
        np.testing.assert_allclose(answer.data[0].embedding, expected / np.linalg.norm(expected), rtol=1e-6)
    assert served.backend.ended == 1
