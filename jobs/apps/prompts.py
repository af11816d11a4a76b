"""What a model is asked for a problem. Pure.

APPS: the prompt of its authors (Hendrycks et al. 2021, section 4 and their released code): question, starter code,
the input format, and `ANSWER:`. HumanEval: the function's head, which the model goes on with. MBPP has its test
assertions in the question.
"""

from __future__ import annotations

from common.corpora.problems.record import CodeProblem

STOP = ("\nQUESTION:", "\n-----", "<|endoftext|>", "</s>")
STOP_FUNCTION = ("\ndef ", "\nclass ", "\nif __name__", "\nprint(", "\nassert ", "\n#")
"""Where the function that a model goes on with is over."""
_STDIN, _CALL = "Use Standard Input format", "Use Call-Based format"


def prompt_of(problem: CodeProblem) -> str:
    """The text that the model continues."""
    if problem.prompt_prefix:
        return problem.prompt_prefix
    starter = f"\n{problem.starter_code.strip()}" if problem.starter_code.strip() else ""
    return f"\nQUESTION:\n{problem.question.strip()}{starter}\n{_form(problem)}\nANSWER:\n"


def stops_of(problem: CodeProblem) -> tuple[str, ...]:
    """Texts that end an answer."""
    return STOP_FUNCTION if problem.prompt_prefix else STOP


def _form(problem: CodeProblem) -> str:
    return _STDIN if problem.kind == "stdin" else _CALL
