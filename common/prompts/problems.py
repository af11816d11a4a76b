"""What a model is asked for a problem with tests, whatever set it is of. Pure.

APPS as its authors ask it; HumanEval: the function's head, which the model goes on with; MBPP has its test assertions
in the question.
"""

from __future__ import annotations

from common.corpora.instructions.record import Example
from common.corpora.problems.record import CodeProblem
from common.prompts.rendering import render
from common.prompts.template import TEMPLATES, Template


def template_of(problem: CodeProblem) -> Template:
    """The template that a problem is asked with by default."""
    return TEMPLATES["complete" if problem.prompt_prefix else "apps-authors"]


def example_of(problem: CodeProblem) -> Example:
    """The problem as a task, with its first known solution."""
    return Example(
        id=problem.id,
        instruction=problem.prompt_prefix or problem.question,
        code=problem.solutions[0] if problem.solutions else "",
        starter_code=problem.starter_code,
        form="stdin" if problem.kind == "stdin" else "call",
        problem_id=problem.id if problem.tested else None,
    )


def prompt_of(problem: CodeProblem) -> str:
    """The text that the model continues."""
    return render(template_of(problem), example_of(problem))


def stops_of(asked: Template | CodeProblem) -> tuple[str, ...]:
    """Texts that end an answer, to a template or to a problem that is asked by default."""
    return (asked if isinstance(asked, Template) else template_of(asked)).stops
