"""From texts to parameter gradients of a loss over the whole batch, whatever memory and workers there are.

Each worker embeds its share of the batch in chunks of like length. The vectors are gathered, every worker computes
the loss over all of them, and takes the gradient at its own vectors back through its own chunks. Summed over workers,
that is the gradient of one big batch, so W workers with 1/W of it each train as one does.

Where the chunks' activations fit the token budget, they are kept between the two halves. Where they do not, vectors
are computed without activations first and each chunk again for its backward pass (GradCache; Gao et al. 2021,
arXiv 2101.06983), so the batch is bound by nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist

from common.models.batching import Chunk
from common.models.encoder import Encoder


def backward(
    encoder: Encoder,
    ids: Sequence[Sequence[int]],
    chunks: Sequence[Chunk],
    loss: Callable[[torch.Tensor], torch.Tensor],
    *,
    seed: int,
    kept_tokens: int,
) -> float:
    """Accumulate gradients of `loss(vectors)` for this worker's texts; returns the loss.

    `loss` takes this worker's vectors (len(ids), H), a leaf, and returns the whole batch's loss. Up to `kept_tokens`
    tokens of activations are held. Dropout draws from a generator seeded by `seed` and the chunk's position, so a
    chunk's second forward pass repeats its first.
    """
    keep = sum(len(chunk.rows) * chunk.length for chunk in chunks) <= kept_tokens
    parts: list[torch.Tensor] = []
    with torch.set_grad_enabled(keep):
        parts = [_embed(encoder, ids, chunk, seed + position) for position, chunk in enumerate(chunks)]
    vectors = torch.empty(len(ids), encoder.hidden_size, device=encoder.device)
    for chunk, part in zip(chunks, parts, strict=True):
        vectors[list(chunk.rows)] = part.detach()
    vectors.requires_grad_(True)
    value = loss(vectors)
    value.backward()
    assert vectors.grad is not None
    gradients = [vectors.grad[list(chunk.rows)] for chunk in chunks]
    if keep and parts:  # a worker has none where the last batch is smaller than the number of workers
        torch.autograd.backward(parts, gradients)
    else:
        for position, (chunk, gradient) in enumerate(zip(chunks, gradients, strict=True)):
            _embed(encoder, ids, chunk, seed + position).backward(gradient)
    return value.item()


def _embed(encoder: Encoder, ids: Sequence[Sequence[int]], chunk: Chunk, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return encoder.embed(ids, chunk)


def gather(mine: torch.Tensor, shares: Sequence[Sequence[int]], rank: int) -> torch.Tensor:
    """All workers' rows in the batch's order; gradients flow to this worker's rows only.

    `shares[r]` are the batch positions of worker r's rows. Shapes: (len(shares[rank]), H) → (batch, H).
    """
    if len(shares) == 1:
        rows = mine
    else:
        most = max(len(share) for share in shares)
        padded = mine.new_zeros(most, mine.shape[1])  # gloo gathers equal shapes only
        padded[: len(mine)] = mine.detach()
        received = [torch.empty_like(padded) for _ in shares]
        dist.all_gather(received, padded)
        rows = torch.cat([mine if r == rank else received[r][: len(share)] for r, share in enumerate(shares)])
    order = torch.tensor([position for share in shares for position in share], device=mine.device)
    return torch.empty_like(rows).index_copy(0, order, rows)


def sum_gradients(parameters: Sequence[torch.nn.Parameter], figures: Sequence[float] = ()) -> list[float]:
    """Add up the workers' gradients, and `figures` of each worker, in one message; returns the sums of those.

    An adapter's gradients are a few megabytes at most.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return list(figures)
    device = parameters[0].device if parameters else "cuda" if dist.get_backend() == "nccl" else "cpu"
    extra = torch.tensor(figures, dtype=torch.float32, device=device)
    flat = torch.cat([*(_grad(parameter).flatten() for parameter in parameters), extra])
    dist.all_reduce(flat)
    start = 0
    for parameter in parameters:
        parameter.grad = flat[start : start + parameter.numel()].view_as(parameter)
        start += parameter.numel()
    return flat[start:].tolist()


def _grad(parameter: torch.nn.Parameter) -> torch.Tensor:
    return parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
