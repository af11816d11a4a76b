"""From an example to its prompt and to the answer that is trained on, and from an answer to its program. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from common.corpora.instructions.record import Example, Form
from common.errors import ConfigError, ModelError
from common.prompts.snippets import Snippet, with_snippets
from common.prompts.template import Template

_GUIDE: dict[Form, str] = {
    "call": "use the provided function signature",
    "stdin": "read from and write to standard IO",
}
_FORM: dict[Form, str] = {"call": "Use Call-Based format", "stdin": "Use Standard Input format"}
_DEFINED = re.compile(r"^\s*(?:async\s+)?(?:class|def)\s+(\w+)", re.MULTILINE)
_FENCE = re.compile(r"```[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)


def render(
    template: Template, example: Example, shots: Sequence[Example] = (), tokenizer: Any = None,
    snippets: Sequence[Snippet] = (),
) -> str:  # fmt: skip
    """The prompt: the shots as solved blocks in their order (for retrieval the nearest first), then the example, with
    the snippets before its instruction.

    Nothing is ever cut. `tokenizer` is needed for a chat template only. Raises `ConfigError` where the template says
    whether a program or a function is wanted and the example does not, `ModelError` where the tokenizer has no chat
    template.
    """
    example = replace(example, instruction=with_snippets(template, example.instruction, snippets))
    if not template.chat:
        blocks = "".join(_filled(template, template.example, shot) for shot in shots)
        return blocks + _filled(template, template.text, example)
    if tokenizer is None:
        raise ValueError("a chat template needs the tokenizer")
    if not getattr(tokenizer, "chat_template", None):
        raise ModelError(
            f"the tokenizer of {getattr(tokenizer, 'name_or_path', '') or 'this model'} has no chat template",
            "choose another prompt (study, apps), or a model that was tuned for chat",
        )
    turns: list[dict[str, str]] = []
    for shot in shots:
        turns.append({"role": "user", "content": _filled(template, template.text, shot)})
        turns.append({"role": "assistant", "content": answer_of(template, shot)})
    turns.append({"role": "user", "content": _filled(template, template.text, example)})
    return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)


def answer_of(template: Template, example: Example) -> str:
    """What the model is trained to write after the prompt: the reference answer as the template has it."""
    return _filled(template, template.answer, example)


def program_of(template: Template, example: Example, answer: str) -> str:
    """The code that an answer stands for, cut at its stop strings or not.

    Out of a fence; below what it goes on from; and where the prompt ended with starter code that the answer does not
    write again, below that.
    """
    if template.fence == "whole":
        found = _FENCE.search(answer)
        return found[1] if found else answer
    code = cut(answer, template.stops)
    if template.continues:
        return example.instruction + code
    if template.text.endswith("{starter}") and (names := _DEFINED.findall(example.starter_code)):
        return code if names[0] in _DEFINED.findall(code) else example.starter_code + code
    return code


def stop_in_answer(template: Template, example: Example) -> str | None:
    """The stop string that would cut the reference answer short, so that no model can give it; None where none would.

    What closes the answer's own fence cuts nothing off.
    """
    code = example.code.rstrip()
    return next((stop for stop in template.stops if stop in code), None)


def cut(text: str, stops: Sequence[str]) -> str:
    """The text up to its first stop string."""
    ends = [at for stop in stops if (at := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def _filled(template: Template, text: str, example: Example) -> str:
    starter = example.starter_code.strip()
    values = {
        "instruction": example.instruction,
        "question": example.instruction.strip(),
        "starter": example.starter_code,
        "starter_line": f"\n{starter}" if starter else "",
        "form_line": f"\n{_FORM[example.form]}" if example.form else "",
        "code": example.code.rstrip(),
    }
    if "{guide}" in text or "{form}" in text:
        if example.form is None:
            raise ConfigError(
                f"the prompt {template.name} says whether a program or a function is wanted, and {example.id} does not",
                "choose another prompt, such as study, or give the examples a `form`: stdin or call",
            )
        values |= {"guide": _GUIDE[example.form], "form": _FORM[example.form]}
    return text.format(**values)
