"""From sources to what the workers read: sets as JSONL, tokens of train and dev, the dev sample.

RUN/data/{train,dev}.jsonl, test/NAME.jsonl, problems/…   the sets
RUN/data/tokens/{train,dev}                               their tokens (jobs.training.tokenised)
RUN/data/dev_sample.jsonl                                 dev examples that are answered during training
RUN/data/left_out.jsonl                                   examples that exceed the context, and by how much
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.corpora.instructions.config import InstructionConfig
from common.corpora.instructions.load import InstructionSets, load_instructions, write_sets
from common.corpora.instructions.record import Example, write_examples
from common.corpora.splits import seeded_hash
from common.errors import ConfigError, DataError
from common.models.generator import GeneratorBase, load_generator_tokenizer
from common.prompts import Template, answer_of, render, template_for
from common.runs import Result, write_text
from jobs.codegen.config import TrainCodegenConfig
from jobs.training.tokenised import Tokens, TokenStore, encode

log = logging.getLogger(__name__)
TOKENS, SAMPLE, LEFT_OUT = "tokens", "dev_sample.jsonl", "left_out.jsonl"
SHOWN = 5


@dataclass(frozen=True)
class TooLong:
    """An example that exceeds the context."""

    split: str
    id: str
    tokens: int
    excess: int
    """Tokens too many."""


def template_of(config: TrainCodegenConfig, base: GeneratorBase) -> Template:
    """The prompt in force: as asked, or the sources' own where they agree."""
    seq2seq = base.kind == "seq2seq"
    if config.prompt:
        return template_for(config.prompt, seq2seq=seq2seq)
    return shared_template(config.data, seq2seq)


def shared_template(data: InstructionConfig, seq2seq: bool) -> Template:
    """The sources' own prompt; raises `ConfigError` where they have several."""
    own = {template.name: template for template in (template_for(name, seq2seq=seq2seq) for name in data.sources)}
    if len(own) > 1:
        raise ConfigError(
            f"the sources {', '.join(data.sources)} are asked in different ways ({', '.join(own)})",
            "one adapter learns one prompt: give --prompt",
        )
    return next(iter(own.values()))


def prepare(config: TrainCodegenConfig, base: GeneratorBase, folder: Path) -> Result:
    """Read the sources and write everything below `folder`; returns what the result says of the data.

    What exceeds the context is left out of training and dev, counted and named: nothing is ever cut. Raises `DataError`
    where nothing is left, or where the adapter is to be chosen by a metric that the dev examples cannot give.
    """
    sets = load_instructions(config.data)
    write_sets(folder, sets)
    template = template_of(config, base)
    tokenizer = load_generator_tokenizer(base)
    room = context(config, base)
    stores, long = {}, []
    for split, examples in (("train", sets.train), ("dev", sets.dev)):
        fitting, excess = tokenised(split, examples, template, tokenizer, base, room)
        long += excess
        if not fitting:
            raise DataError(
                folder / f"{split}.jsonl", None, None, f"no example fits into {room} tokens",
                "choose a base with a longer context, or raise --training.max-length",
            )  # fmt: skip
        stores[split] = TokenStore.write(folder / TOKENS / split, fitting)
    write_text(folder / LEFT_OUT, "".join(json.dumps(vars(one)) + "\n" for one in long))
    if long:
        log.warning("%s", told(long, room))
    sampled = _sample(config, sets, template, tokenizer, base, folder)
    train = stores["train"]
    return {
        "sources": list(config.data.sources),
        "template": template.name,
        "examples": len(train),
        "dev_examples": len(stores["dev"]),
        "dev_sample": sampled,
        "tokens": int(train.lengths.sum()),
        "answer_tokens": int(train.answers.sum()),
        "left_out": {"too_long": len(long), "first": [vars(one) for one in long[:SHOWN]]},
        "tests": {name: len(examples) for name, examples in sets.tests.items()},
        "tokens_digest": train.digest(),
        "fingerprint": sets.report.fingerprint,
        "report": sets.report.as_json(),
    }


def context(config: TrainCodegenConfig, base: GeneratorBase) -> int | None:
    """Most tokens of an example: the base's positions less virtual tokens, or what the recipe allows; None = no end."""
    virtual = config.peft.virtual_tokens or 0
    limits = [base.positions - virtual if base.positions else None, config.training.max_length]
    return min((limit for limit in limits if limit is not None), default=None)


def tokenised(
    split: str, examples: Sequence[Example], template: Template, tokenizer: Any, base: GeneratorBase, room: int | None
) -> tuple[list[Tokens], list[TooLong]]:
    """Tokens of what fits, and what does not. An encoder-decoder's prompt and answer each have the whole context."""
    fitting, long = [], []
    for example in examples:
        if not example.code:
            continue  # a problem without a known solution has nothing to learn from
        prompt = render(template, example, tokenizer=tokenizer)
        found = encode(tokenizer, example.id, prompt, answer_of(template, example), base.kind)
        size = len(found) if base.kind == "causal" else max(len(found.prompt), len(found.answer))
        if room is not None and size > room:
            long.append(TooLong(split, example.id, size, size - room))
        else:
            fitting.append(found)
    return fitting, long


def told(long: Sequence[TooLong], room: int | None) -> str:
    """Which examples were left out, and why, in a sentence."""
    first = "; ".join(f"{one.id} ({one.split}): {one.tokens} tokens, {one.excess} too many" for one in long[:SHOWN])
    return (
        f"{len(long)} examples exceed {room} tokens and are left out of training: {first}"
        f"{'; …' * (len(long) > SHOWN)} (all in data/{LEFT_OUT})"
    )


def _sample(
    config: TrainCodegenConfig, sets: InstructionSets, template: Template, tokenizer: Any, base: GeneratorBase,
    folder: Path,
) -> int:  # fmt: skip
    """Write the dev examples that are answered during training; returns how many there are."""
    from common.models.generation import prompt_ids

    how, select = config.training.generation, config.training.select
    if not how.examples:
        return 0
    room = context(config, base)
    answer = how.max_new_tokens if base.kind == "causal" else 0
    asked = [
        example for example in sets.dev
        if room is None
        or len(prompt_ids(tokenizer, render(template, example, tokenizer=tokenizer), base.kind)) + answer <= room
    ]  # fmt: skip
    chosen = sorted(asked, key=lambda example: seeded_hash(config.training.seed, example.id))[: how.examples]
    tested = {str(row["problem_id"]) for row in sets.problems.get("dev", ())}
    able = {
        "em": any(example.code for example in chosen),
        "codebleu": any(example.code for example in chosen),
        "pass@1": any(example.problem_id in tested for example in chosen),
    }
    if not chosen or not able.get(select, True):
        raise DataError(
            folder / "dev.jsonl", None, None, f"no dev example to answer can be scored by {select}",
            "choose the adapter by loss, or bring dev examples that have references, tests, and short enough prompts",
        )  # fmt: skip
    write_examples(folder / SAMPLE, chosen)
    return len(chosen)
