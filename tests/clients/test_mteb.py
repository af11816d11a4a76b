"""mteb scores what `/v1/embeddings` answers as it scores our encoder itself."""

from functools import cached_property

import numpy as np
import pytest

from common.models.suites import MtebEncoder
from tests.common.models.test_suites import PLAIN, mteb_scores  # noqa: F401 - a fixture

openai = pytest.importorskip("openai")
pytestmark = [pytest.mark.clients, pytest.mark.ray, pytest.mark.slow]
SCORES = ("main_score", "ndcg_at_5", "mrr_at_1000", "map_at_10", "recall_at_5", "recall_at_10")


class HttpEncoder:
    """mteb's `EncoderProtocol` over a client of openai-python."""

    def __init__(self, client, model):
        self.client, self.model = client, model

    @cached_property
    def mteb_model_meta(self):
        from mteb.models import ModelMeta

        return ModelMeta.create_empty({"name": f"served/{self.model}", "similarity_fn_name": "cosine"})

    def encode(self, inputs, *, prompt_type, **_):
        asked = {"model": self.model, "extra_body": {"input_type": prompt_type.value}}
        answers = [self.client.embeddings.create(input=batch["text"], **asked) for batch in inputs]
        return np.array([one.embedding for answer in answers for one in answer.data], dtype=np.float32)

    def similarity(self, embeddings1, embeddings2):
        return embeddings1 @ embeddings2.T

    def similarity_pairwise(self, embeddings1, embeddings2):
        return (embeddings1 * embeddings2).sum(axis=1)


def test_scores_through_http_are_those_of_the_encoder_itself(server, mteb_scores):  # noqa: F811
    seen = {}
    with openai.OpenAI(base_url=f"{server.address}/v1", api_key="none", max_retries=0) as client:
        for model, folder in {"tiny": None, "tiny:one": server.adapters / "one"}.items():
            served = mteb_scores(HttpEncoder(client, model), PLAIN)
            itself = mteb_scores(MtebEncoder(server.encoder, folder, precision="fp32"), PLAIN)
            seen[model] = {score: served[score] for score in SCORES}
            assert seen[model] == pytest.approx({score: itself[score] for score in SCORES}, abs=1e-4), model
    apart = {score: abs(seen["tiny"][score] - seen["tiny:one"][score]) for score in ("main_score", "mrr_at_1000")}
    assert min(apart.values()) > 1e-3, "else neither would show that it was the adapter's"
