"""RUN/sample.md: random pairs and random rejects, for a person to judge the rules by."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from common.corpora.mining.functions import Function
from common.corpora.mining.languages import parse_file
from common.corpora.mining.rules import RULES
from common.corpora.pair_store import PairStore
from common.corpora.selection import place
from common.corpora.splits import seeded_hash
from common.runs import write_text
from jobs.mining.config import MinePairsConfig
from jobs.mining.shards import ShardTask

LINES, CHARACTERS = 40, 2000


def write_sample(target: Path, config: MinePairsConfig, tasks: Sequence[ShardTask], found: Sequence[Any]) -> None:
    """Write `config.sample` training pairs and as many rejects, these spread over the rules that dropped any."""
    text = ["# Sample\n", f"seed {config.corpus.seed}; what is long is cut\n", "## Kept\n"]
    text += _kept(target.parent / "train.jsonl", config)
    text += ["## Rejected\n", *_rejected(config, tasks, found)]
    write_text(target, "\n".join(text))


def _kept(train: Path, config: MinePairsConfig) -> Iterator[str]:
    store = PairStore.open(train)
    ranked = ((seeded_hash(config.corpus.seed, f"sample {row}"), row) for row in range(len(store)))
    for number, (_, row) in enumerate(heapq.nsmallest(config.sample, ranked), start=1):
        pair = store.read([row])[0]
        yield f"### {number}. {place(pair)} `{pair.extra['symbol']}`\n\n> {pair.query}\n"
        yield _block(pair.document, pair.language)


def _rejected(config: MinePairsConfig, tasks: Sequence[ShardTask], found: Sequence[Any]) -> Iterator[str]:
    rules = [rule.name for rule in RULES if any(rule.name in account["rejects"] for account in found)]
    number = 0
    for position, rule in enumerate(rules):
        quota = config.sample // len(rules) + (position < config.sample % len(rules))
        every = (tuple(reject) for account in found for reject in account["rejects"].get(rule, ()))
        for _, file, line in heapq.nsmallest(quota, every):
            function = _function(tasks, file, line)
            if function is None:  # the file has changed since
                continue
            number += 1
            yield f"### {number}. {rule}: {function.path}:{line} `{function.symbol}`\n"
            yield _block(function.documentation, "")
            yield _block(function.code, function.language)


def _function(tasks: Sequence[ShardTask], position: int, line: int) -> Function | None:
    task = next(task for task in reversed(tasks) if task.first_file <= position)
    file = task.files[position - task.first_file]
    parsed = parse_file((task.root / file.path).read_bytes(), file.path, file.language)
    return next((function for function in parsed.functions if function.start_line == line), None)


def _block(text: str, language: str) -> str:
    """A fenced block, cut where it is long; the fence is longer than any in the text."""
    lines = text[:CHARACTERS].splitlines()
    cut = lines[:LINES] + ["…"] * (len(lines) > LINES or len(text) > CHARACTERS)
    fence = "`" * (3 + max((len(line) - len(line.lstrip("`")) for line in cut), default=0))
    return "\n".join([fence + language, *cut, fence, ""])
