"""The dev split during training: encoded by all workers, scored by each."""

from __future__ import annotations

import torch

from common.corpora.beir import RetrievalSet
from common.metrics.ranking import Pool, evaluate_block
from common.models.batching import split_evenly
from common.models.encoder import Encoder
from jobs.training.gradients import gather
from jobs.training.pair_tokens import PairTokens, dev_ids


class DevSplit:
    """The dev set, tokenised once; all workers encode a share of it and score the whole."""

    def __init__(self, retrieval: RetrievalSet, encoder: Encoder, tokens: PairTokens | None = None) -> None:
        self.queries = list(retrieval.queries)
        self.pool = Pool.of(list(retrieval.documents))
        self.qrels = retrieval.qrels
        self.ids = tokens.dev.rows(range(len(tokens.dev))) if tokens else dev_ids(retrieval, encoder.tokenize)
        self.lengths = [len(row) for row in self.ids]

    def mrr(self, encoder: Encoder, rank: int, world: int) -> float:
        """MRR over the whole pool, the same number on every worker."""
        shares = split_evenly(self.lengths, world)
        mine = [self.ids[position] for position in shares[rank]]
        vectors = torch.from_numpy(encoder.encode_ids(mine)).to(encoder.device)
        everyone = gather(vectors, shares, rank).cpu().numpy()
        queries, documents = everyone[: len(self.queries)], everyone[len(self.queries) :]
        return float(evaluate_block(queries @ documents.T, self.queries, self.pool, self.qrels)["mrr"].mean())
