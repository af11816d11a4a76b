"""InfoNCE over in-batch and hard negatives, and the pull back to the base. Pure functions of tensors.

N pairs in the batch over all workers, M = N documents + hard negatives, H hidden size.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def false_negatives(keys: Sequence[torch.Tensor], pairs: int) -> torch.Tensor:
    """Mask (N, M), true where document j must not count as a negative of query i.

    Each of `keys` is (M,) int: what pair or negative j has in common with others, such as its query's text (then j's
    document answers i as well), its document's text (then the "negative" is the positive itself), or its problem.
    The diagonal is false: the positive stays.
    """
    same = torch.zeros(pairs, len(keys[0]), dtype=torch.bool)
    for key_M in keys:
        same |= key_M[:pairs, None] == key_M[None, :]
    return same & ~torch.eye(*same.shape, dtype=torch.bool)


def info_nce(
    queries_NH: torch.Tensor,
    documents_MH: torch.Tensor,
    mask_NM: torch.Tensor,
    *,
    temperature: float,
    symmetric: bool,
) -> torch.Tensor:
    """Mean cross-entropy of each query's own document among all (van den Oord et al. 2018, eq. 4).

    Unit vectors, so the logits are cosine / temperature. `symmetric` averages with the same loss in the other
    direction (as CLIP does, Radford et al. 2021, fig. 3), where hard negatives have no part: they answer no query
    here. Masked entries are left out of the softmax.
    """
    logits_NM = (queries_NH @ documents_MH.T / temperature).masked_fill(mask_NM, float("-inf"))
    target_N = torch.arange(len(logits_NM), device=logits_NM.device)
    loss = torch.nn.functional.cross_entropy(logits_NM, target_N)
    if symmetric:
        loss = (loss + torch.nn.functional.cross_entropy(logits_NM[:, : len(logits_NM)].T, target_N)) / 2
    return loss


def drift(vectors_BH: torch.Tensor, base_BH: torch.Tensor) -> torch.Tensor:
    """Mean cosine distance of the batch's vectors from those of the bare base: what was learnt before must cost."""
    return (1 - (vectors_BH * base_BH).sum(1)).mean()
