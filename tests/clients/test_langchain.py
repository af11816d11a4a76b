import numpy as np
import pytest

from tests.serving.fake_backend import BASE, DIMENSIONS

pytest.importorskip("langchain_openai")
pytestmark = pytest.mark.clients


@pytest.fixture
def made(served, monkeypatch):
    """langchain-openai counts tokens with tiktoken, which would fetch its vocabulary; here a token is a character."""
    import tiktoken
    from langchain_openai import OpenAIEmbeddings

    encoding = tiktoken.Encoding(
        "bytes", pat_str=r"[\s\S]", mergeable_ranks={bytes([i]): i for i in range(256)}, special_tokens={}
    )
    monkeypatch.setattr(tiktoken, "encoding_for_model", lambda name: encoding)
    monkeypatch.setattr(tiktoken, "get_encoding", lambda name: encoding)

    def make(**options):
        return OpenAIEmbeddings(model=f"{BASE}:java", base_url=f"{served.url}/v1", api_key="none", **options)

    return make


def test_embeddings_sent_as_token_ids(made, served):
    vectors = made().embed_documents(["ab", "c"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert served.backend.requests[0][1] == [(97, 98), (99,)]
    assert len(made().embed_query("a question")) == DIMENSIONS


def test_embeddings_sent_as_texts(made, served):
    made(check_embedding_ctx_length=False, dimensions=4).embed_documents(["ab", "c"])
    assert served.backend.requests[0][1:] == (["ab", "c"], "document", 4)


def test_chat_and_its_stream(served):
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(model=f"{BASE}:java", base_url=f"{served.url}/v1", api_key="none", temperature=0, max_tokens=9)
    assert chat.invoke("say hello").content == "Hello big world"
    assert "".join(part.content for part in chat.stream("say hello")) == "Hello big world"
