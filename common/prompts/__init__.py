"""Prompts, shared by training, evaluation and serving.

Comes in: a `Template` by name, examples, code that was found for them, for chat the tokenizer. Goes out: the prompt,
the answer that is trained on, the texts that end an answer, and the program that an answer stands for.

    template.py      Template, TEMPLATES, template_for
    rendering.py     render, answer_of, program_of
    snippets.py      Snippet, with_snippets: code that was found for a question, before it
    problems.py      prompt_of, stops_of: what a problem with tests is asked by default

May import: common.errors, common.config, common.corpora. No torch, no ray, no transformers.
"""

from common.prompts.problems import example_of, prompt_of, stops_of, template_of
from common.prompts.rendering import answer_of, cut, program_of, render, stop_in_answer
from common.prompts.snippets import Snippet, with_snippets
from common.prompts.template import TEMPLATES, Template, template_for

__all__ = [
    "TEMPLATES", "Snippet", "Template", "answer_of", "cut", "example_of", "program_of", "prompt_of", "render",
    "stop_in_answer", "stops_of", "template_for", "template_of", "with_snippets",
]  # fmt: skip
