"""What stands before a question, examples or code: which examples, and how much fits. The question is never cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from common.corpora.instructions.record import Example
from common.prompts import Snippet, Template, render

if TYPE_CHECKING:
    from jobs.codegen.evaluate_config import RagConfig


@dataclass(frozen=True)
class Fitted:
    """A prompt as the model gets it."""

    prompt: str
    tokens: int
    shots: tuple[str, ...]
    """Ids of the examples in it."""
    snippets: int
    """Pieces of code in it, the first ones of those given."""
    dropped: int
    """Examples or pieces that did not fit."""
    excess: int
    """Tokens by which the question alone is too long; the prompt then cannot be asked."""


def fit(
    template: Template,
    example: Example,
    shots: Sequence[Example],
    room: int | None,
    count: Callable[[str], int],
    tokenizer: Any = None,
    snippets: Sequence[Snippet] = (),
) -> Fitted:
    """The prompt with as many of the shots, or of the snippets, as `room` tokens hold; the last ones, the farthest, are
    dropped first. One of the two is empty."""
    given = len(shots) + len(snippets)
    for kept in range(given, -1, -1):
        prompt = render(template, example, shots[:kept], tokenizer, snippets[:kept])
        tokens = count(prompt)
        if room is None or tokens <= room:
            ids = tuple(shot.id for shot in shots[:kept])
            return Fitted(prompt, tokens, ids, kept if snippets else 0, given - kept, 0)
    return Fitted(prompt, tokens, (), 0, given, tokens - (room or 0))


def drawn(train: Sequence[Example], count: int, seed: int) -> list[Example]:
    """`count` examples, the same ones for every item; all where there are fewer. More of them begin with the same."""
    return Random(seed).sample(list(train), len(train))[:count]


def retrieved(questions: Mapping[str, str], train: Sequence[Example], config: RagConfig) -> dict[str, list[int]]:
    """Item id → places in `train` of the examples with the nearest instructions by cosine, the nearest first.

    Raises `ModelError` where the encoder cannot be had, `AdapterError` where the adapter is none or for another base.
    """
    import numpy as np

    from common.adapters.folder import check
    from common.adapters.manifest import read_manifest
    from common.models.encoder import Encoder
    from common.models.loading import resolve
    from common.retrieval.vector_index import VectorIndex
    from common.retrieval.vector_rules import EXACT
    from common.search.embedder import adapter_folder

    adapter = adapter_folder(config.adapter) if config.adapter else None
    base = resolve(config.encoder or (read_manifest(adapter).base.id if adapter else "minilm"))
    if adapter:
        check(adapter, base)
    encoder = Encoder.load(base, adapter=adapter)
    # both sides are instructions, so both are embedded as queries
    known = encoder.encode([one.instruction for one in train], "query", label="training examples")
    index = VectorIndex.build(np.arange(len(train)), known, EXACT)
    vectors = encoder.encode(list(questions.values()), "query", label="questions")
    places, _ = index.top(vectors, min(config.k, len(train)))
    return {name: row.tolist() for name, row in zip(questions, places, strict=True)}
