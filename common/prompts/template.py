"""What a model is asked, as small declarative templates. Describes only.

The places in a template: `{instruction}` as it is and `{question}` without outer white space; `{starter}` the starter
code as it is and `{starter_line}` on a line of its own, where there is some; `{guide}` and `{form}` say whether a
program or a function is wanted, and `{form_line}` does where that is known; `{code}` is the answer. In front of the
instruction may stand code that was found for it: `{snippets}`, each with `{place}`, `{symbol}`, `{source}` and
`{fence}`, backticks enough to enclose the source.
"""

from __future__ import annotations

from typing import Literal

from common.config import Config, nearest
from common.errors import ConfigError

ENDS = ("<|endoftext|>", "</s>")
"""Ends of a text that some tokenizers know as ordinary text."""
FUNCTION_ENDS = ("\ndef ", "\nclass ", "\nif __name__", "\nprint(", "\nassert ", "\n#")
"""Where the function that a model goes on with is over."""


class Template(Config):
    """How an example is put to a model."""

    name: str
    """Its name."""
    text: str
    """The prompt; with `chat` what the user says."""
    example: str = ""
    """A solved example, put before the prompt (in-context learning, retrieval); with `chat` shots are turns instead."""
    answer: str = "{code}"
    """What the model is trained to write after the prompt, before the end of the text."""
    context: str = "Code that may be of use:\n\n{snippets}"
    """What stands before the instruction where code was found for it."""
    snippet: str = "# {place} {symbol}\n{source}\n\n"
    """One piece of that code."""
    stops: tuple[str, ...] = ENDS
    """Texts that end an answer."""
    chat: bool = False
    """The tokenizer's chat template puts the roles around it; the prompt then holds the special tokens already, so it
    is tokenised without adding any."""
    fence: Literal["none", "open", "whole"] = "none"
    """Code fences: none; open: the prompt opens one, which the answer closes; whole: the answer opens and closes it."""
    continues: bool = False
    """The answer goes on from the instruction, which is the beginning of the program."""


_STUDY = "### Instruction:\n{instruction}\n### Response:\n"
_STUDY_APPS = (
    "[INST] Write a python code to solve the following coding problem that obeys the constraints and passes the example"
    " test cases. The output code needs to {guide}:\n{instruction}\n[/INST]\n```python\n"
)
_AUTHORS = "\nQUESTION:\n{question}{starter_line}\n{form}\nANSWER:\n"
_CODET5P = "Generate Python code: {instruction}"

TEMPLATES: dict[str, Template] = {
    template.name: template
    for template in (
        # Weyssow et al. (2308.10462); blocks as in their package, a blank line between them
        Template(
            name="study",
            text=_STUDY,
            example=_STUDY + "{code}\n\n",
            stops=("\n### Instruction:", "\n### Response:", *ENDS),
        ),
        Template(name="codet5p", text=_CODET5P, example=_CODET5P + "\n{code}\n\n"),
        # the study's for APPS, after Code Llama's; the answer is a whole program, though starter code stands there
        Template(
            name="apps",
            text=_STUDY_APPS + "{starter}",
            example=_STUDY_APPS + "{code}\n```\n\n",
            answer="{code}\n```",
            stops=("```", *ENDS),
            fence="open",
        ),
        # Hendrycks et al. 2021, section 4 and their released code
        Template(
            name="apps-authors",
            text=_AUTHORS,
            example=_AUTHORS + "{code}\n",
            stops=("\nQUESTION:", "\n-----", *ENDS),
        ),
        Template(
            name="chat",
            text="{instruction}{starter_line}{form_line}",
            answer="```python\n{code}\n```",
            snippet="{place} {symbol}\n{fence}\n{source}\n{fence}\n\n",
            chat=True,
            fence="whole",
        ),
        # HumanEval (Chen et al. 2021): the instruction is a function's head
        Template(
            name="complete",
            text="{instruction}",
            example="{instruction}{code}\n\n\n",
            context="{snippets}",
            snippet="# {place} {symbol}\n{source}\n\n\n",
            stops=FUNCTION_ENDS,
            continues=True,
        ),
    )
}

_OF_SOURCE = {
    "conala": "study",
    "codealpaca": "study",
    "stdlib": "study",
    "jsonl": "study",
    "apps": "apps",
    "microproblems": "apps-authors",
}


def template_for(name: str, *, seq2seq: bool = False) -> Template:
    """The template of that name, or the default for a source of instructions: `study` for tasks, prompts that say the
    form of the program for problems with tests. For an encoder–decoder the study's `codet5p` takes the place of `study`
    as a default. Raises `ConfigError` for a name that is neither."""
    if name in TEMPLATES:
        return TEMPLATES[name]
    if name in _OF_SOURCE:
        chosen = _OF_SOURCE[name]
        return TEMPLATES["codet5p" if seq2seq and chosen == "study" else chosen]
    guess = nearest(name, [*TEMPLATES, *_OF_SOURCE])
    raise ConfigError(
        f"there is no prompt {name!r}" + (f", did you mean {guess!r}?" if guess else ""),
        f"there are {', '.join(TEMPLATES)}",
    )
