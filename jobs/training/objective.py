"""InfoNCE over in-batch negatives. Pure functions of tensors.

N pairs in the batch over all workers, H hidden size.
"""

from __future__ import annotations

import torch


def false_negatives(query_ids_N: torch.Tensor, document_ids_N: torch.Tensor) -> torch.Tensor:
    """Mask (N, N), true where document j must not count as a negative of query i.

    That is where the two queries are the same text (so j's document answers i as well) or the two documents are
    (so the "negative" is the positive itself). The diagonal is false: the positive stays.
    """
    same = (query_ids_N[:, None] == query_ids_N[None, :]) | (document_ids_N[:, None] == document_ids_N[None, :])
    return same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)


def info_nce(
    queries_NH: torch.Tensor,
    documents_NH: torch.Tensor,
    mask_NN: torch.Tensor,
    *,
    temperature: float,
    symmetric: bool,
) -> torch.Tensor:
    """Mean cross-entropy of each query's own document among the batch's (van den Oord et al. 2018, eq. 4).

    Unit vectors, so the logits are cosine / temperature. `symmetric` averages with the same loss in the other
    direction (as CLIP does, Radford et al. 2021, fig. 3). Masked entries are left out of the softmax.
    """
    logits_NN = (queries_NH @ documents_NH.T / temperature).masked_fill(mask_NN, float("-inf"))
    target_N = torch.arange(len(logits_NN), device=logits_NN.device)
    loss = torch.nn.functional.cross_entropy(logits_NN, target_N)
    if symmetric:
        loss = (loss + torch.nn.functional.cross_entropy(logits_NN.T, target_N)) / 2
    return loss
