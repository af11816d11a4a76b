"""From messages, or a prompt, and the code found for it to what a model reads. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from common.corpora.instructions.record import Example
from common.prompts import TEMPLATES, Snippet, Template, render, with_snippets
from serving.http.backend import Message
from serving.records import ServingError

INSTRUCT = "study"
"""The template for a model without a chat template, and without an adapter that says with which it was trained."""


def template_of(adapter_prompts: dict[str, str] | None) -> Template:
    """The template of a conversation with a model that has no chat template: its adapter's, where that is one that can
    be asked for by an instruction alone."""
    name = (adapter_prompts or {}).get("template", INSTRUCT)
    found = TEMPLATES.get(name, TEMPLATES[INSTRUCT])
    return TEMPLATES[INSTRUCT] if found.chat or found.continues else found


def completion(prompt: str, snippets: Sequence[Snippet]) -> str:
    """A prompt to go on from, with what was found before it."""
    return with_snippets(TEMPLATES["complete"], prompt, snippets)


def conversation(
    messages: Sequence[Message], snippets: Sequence[Snippet], tokenizer: Any, template: Template
) -> tuple[str, tuple[str, ...]]:
    """The prompt for the next turn, and the texts that end it.

    A model with a chat template gets that. Another gets `template`: earlier questions with their answers as solved
    examples, what the system says before the last question. Raises `ServingError` (400) where the last message is not
    the user's.
    """
    if not messages or messages[-1].role != "user":
        raise ServingError(400, "the last message must be the user's", param="messages")
    if getattr(tokenizer, "chat_template", None):
        turns = [{"role": one.role, "content": one.content} for one in messages]
        turns[-1]["content"] = with_snippets(TEMPLATES["chat"], turns[-1]["content"], snippets)
        try:
            prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        except Exception as error:  # templates raise what their authors wrote, of roles that they do not know
            reason = " ".join(str(error).split())[:200]
            raise ServingError(400, f"the model's chat template refuses: {reason}", param="messages") from error
        return prompt, ()
    system = [one.content for one in messages if one.role == "system"]
    turns_left = [one for one in messages if one.role != "system"]
    asked = Example("asked", "\n\n".join([*system, turns_left[-1].content]), "", form="call")
    return render(template, asked, _shots(turns_left[:-1]), snippets=snippets), template.stops


def _shots(turns: Sequence[Message]) -> list[Example]:
    """Questions with their answers, in order."""
    shots: list[Example] = []
    for turn in turns:
        if turn.role == "user":
            shots.append(Example("turn", turn.content, "", form="call"))
        elif shots:
            shots[-1] = replace(shots[-1], code=shots[-1].code + turn.content)
    return shots
