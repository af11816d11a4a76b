import numpy as np
import pytest

from tests.serving.fake_backend import BASE, DIMENSIONS

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore:.*ReadOnly.*:UserWarning")]


@pytest.fixture
def litellm(monkeypatch):
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else its import fetches a price list
    return pytest.importorskip("litellm")


@pytest.fixture
def options(served):
    return {"api_base": f"{served.url}/v1", "api_key": "none", "num_retries": 0}


MODEL = f"openai/{BASE}:java"
HI = [{"role": "user", "content": "say hello"}]


def test_embeddings(litellm, options):
    answer = litellm.embedding(model=MODEL, input=["a", "b c"], **options)
    assert np.shape([one["embedding"] for one in answer.data]) == (2, DIMENSIONS)
    assert answer.usage.total_tokens == 3


def test_chat_and_its_stream(litellm, options):
    assert litellm.completion(model=MODEL, messages=HI, **options).choices[0].message.content == "Hello big world"
    parts = litellm.completion(model=MODEL, messages=HI, stream=True, **options)
    assert "".join(part.choices[0].delta.content or "" for part in parts) == "Hello big world"


def test_completions(litellm, options):
    answer = litellm.text_completion(model=f"text-completion-openai/{BASE}:java", prompt="a", **options)
    assert answer.choices[0].text == "Hello big world"


def test_rerank(litellm, options):
    answer = litellm.rerank(
        model=f"hosted_vllm/{BASE}:java", query="copy file", documents=["none", "a file", "copy a file"], top_n=2,
        **options,
    )  # fmt: skip
    assert [one["index"] for one in answer.results] == [2, 1]


def test_an_unknown_model_is_its_own_error(litellm, options):
    with pytest.raises(litellm.NotFoundError, match="nobody"):
        litellm.embedding(model=f"openai/{BASE}:nobody", input=["a"], **options)
