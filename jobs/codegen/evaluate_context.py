"""How the questions of an evaluation fitted, and what stood before them: for the log, the result, each line."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from jobs.codegen.evaluate_config import EvaluateCodegenConfig
from jobs.codegen.evaluate_inputs import SHOWN, Item
from jobs.codegen.evaluate_ledger import PREDICTIONS

log = logging.getLogger(__name__)


def context_of(items: Sequence[Item]) -> dict[str, Any]:
    """How the questions of a set fitted."""
    long = [item for item in items if item.fitted.excess]
    shown = [f"{item.example.id}: {item.fitted.excess} tokens too many" for item in long[:SHOWN]]
    found = [item.found for item in items if item.found]
    dropped = sum(item.fitted.dropped for item in items)
    touched = sum(item.fitted.dropped > 0 for item in items)
    told: dict[str, Any] = {"prompt_tokens": sum(item.fitted.tokens for item in items)}
    if found:
        told |= {
            "snippets": sum(item.fitted.snippets for item in items),
            "snippets_dropped": dropped,
            "items_with_dropped_snippets": touched,
            "items_without_snippets": sum(not one.units for one in found),
            "units_with_answer_left_out": sum(one.with_answer for one in found),
            "questions_shortened_for_the_encoder": sum(one.shortened for one in found),
            "questions_without_reference": sum(not item.example.code.strip() for item in items),
        }
    else:
        told |= {
            "shots": sum(len(item.fitted.shots) for item in items),
            "shots_dropped": dropped,
            "items_with_dropped_shots": touched,
        }
    return told | {"too_long": {"count": len(long), "first": shown}}


def context_row(item: Item) -> dict[str, Any]:
    """What an item's line of predictions says of its context."""
    fitted = item.fitted
    if item.found:
        return {
            "snippets": [{"place": unit.place(), "symbol": unit.symbol} for unit in item.snippets],
            "snippets_dropped": fitted.dropped,
            "units_with_answer_left_out": item.found.with_answer,
        }
    return {"shots": list(fitted.shots), "shots_dropped": fitted.dropped} if fitted.shots or fitted.dropped else {}


def notes(context: dict[str, Any]) -> list[str]:
    """What people should know of a set's context, a clause each."""
    lines = []
    for what, many in (("shots", "examples"), ("snippets", "units of code")):
        if context.get(f"{what}_dropped"):
            lines.append(f"{context[f'{what}_dropped']:,} {many} do not fit before "
                         f"{context[f'items_with_dropped_{what}']:,} questions")  # fmt: skip
    for name, sentence in (
        ("items_without_snippets", "no code was found for {:,} questions"),
        ("units_with_answer_left_out", "{:,} units of code hold the reference answer and were left out"),
        ("questions_without_reference", "{:,} questions have no reference answer that the code could be compared with"),
        (
            "questions_shortened_for_the_encoder",
            "{:,} questions are too long for the encoder, which read their beginning",
        ),
    ):
        lines += [sentence.format(context[name])] if context.get(name) else []
    if count := context.get("too_long", {}).get("count"):
        lines.append(f"{count:,} questions are too long (first: {context['too_long']['first'][0]})")
    return lines


def tell_long(config: EvaluateCodegenConfig, items: Sequence[Item]) -> None:
    """Say which examples, units of code and questions do not fit."""
    short = [item for item in items if item.fitted.dropped and not item.fitted.excess]
    if short:
        log.warning("%d %s before %d questions do not fit and are left out, the last ones first; %s says which",
                    sum(item.fitted.dropped for item in short), "units of code" if config.rag.index else "examples",
                    len(short), PREDICTIONS)  # fmt: skip
    long = [item for item in items if item.fitted.excess]
    for item in long[:SHOWN]:
        log.warning("%s: the question of %d tokens is %d too long for the model: %s", item.example.id,
                    item.fitted.tokens, item.fitted.excess,
                    "its answer is empty" if config.too_long == "empty" else "left out")  # fmt: skip
    if len(long) > SHOWN:
        log.warning("%d questions more are too long", len(long) - SHOWN)
