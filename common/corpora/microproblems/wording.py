"""The text of a question: the task in one of the family's wordings, with a story's names, in one of several layouts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from common.corpora.microproblems.family import Family, Parameters, Stdin, prose

PERSONS = ("Ada", "Boris", "Chen", "Dalia", "Emeka", "Farah", "Goran", "Hana", "Ines", "Jonas", "Kofi", "Lena")
THINGS = ("coins", "marbles", "tickets", "stamps", "books", "shells", "tiles", "keys", "apples", "cards", "beads")
STDIN_HEADINGS = (
    "-----{}-----",
    "{}:",
    "## {}",
    "{}\n" + "-" * 6,
)
FUNCTION_LAYOUTS = (
    "{task}\n\nWrite a function `{call}` that returns {returns}.\n\n{examples}",
    "Complete the function `{call}`.\n\n{task}\n\nReturn {returns}.\n\n{examples}",
    "# Task\n{task}\n\n# Input\n{arguments}\n\n# Output\nThe function `{name}` returns {returns}.\n\n{examples}",
    "{task} Implement `{call}` so that it returns {returns}.\n\n{examples}",
)
EXAMPLES = 2


def question(
    rng: Random, family: Family, parameters: Parameters, fn_name: str | None, tests: Sequence[tuple[Any, Any]]
) -> str:
    """The question, with the first tests as its examples."""
    task = rng.choice(family.wordings)
    story = {"person": rng.choice(PERSONS), "things": rng.choice(THINGS)}
    shown = tests[: rng.randint(1, EXAMPLES)]
    if isinstance(family.form, Stdin):
        heading = rng.choice(STDIN_HEADINGS).format
        texts = (task, family.form.reads, family.form.prints)
        told, reads, prints = (prose(text, parameters, **story) for text in texts)
        parts = [told, f"{heading('Input')}\n{reads}", f"{heading('Output')}\n{prints}"]
        parts += [f"{heading('Example')}\nInput\n{given}\nOutput\n{expected}" for given, expected in shown]
        return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"
    arguments = ", ".join(family.form.arguments)
    return rng.choice(FUNCTION_LAYOUTS).format(
        task=prose(task, parameters, **story),
        name=fn_name,
        call=f"{fn_name}({arguments})",
        arguments=arguments,
        returns=prose(family.form.returns, parameters, **story),
        examples="\n".join(_example(rng, str(fn_name), given, expected) for given, expected in shown),
    )


def _example(rng: Random, fn_name: str, arguments: Sequence[Any], expected: Any) -> str:
    call = f"{fn_name}({', '.join(map(repr, arguments))})"
    return rng.choice(("{} == {!r}", "{} should return {!r}", "Example: {} -> {!r}")).format(call, expected)


def starter(family: Family, fn_name: str | None, *, method: bool) -> str:
    """What a solution starts with: nothing for a program, the function's head or a class with the method's head."""
    if isinstance(family.form, Stdin):
        return ""
    arguments = ", ".join(family.form.arguments)
    if method:
        return f"class Solution:\n    def {fn_name}(self, {arguments}):\n        "
    return f"def {fn_name}({arguments}):\n\t"


def as_json(value: Any) -> str:
    """JSON text, the same on every machine."""
    return json.dumps(value, ensure_ascii=False)
