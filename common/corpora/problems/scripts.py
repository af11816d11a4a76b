"""Problems whose tests are scripts, which run below the candidate and raise where it is wrong.

HumanEval (Chen et al. 2021): `task_id, prompt, entry_point, canonical_solution, test`. The candidate goes on from the
prompt; the test defines `check(candidate)`. One problem, one test.

MBPP (Austin et al. 2021), in both editions: the full one has `task_id, text, code, test_list, test_setup_code,
challenge_test_list`, the sanitised one `task_id, prompt, code, test_list, test_imports`. Every assertion of `test_list`
is a test, below the set-up. `challenge_test_list` is left aside: the published figures do not use it. The name of the
function stands in the assertions only, so they belong to the question, as in the paper.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from keyword import iskeyword
from typing import Any

from common.corpora.lines import why_not_text
from common.corpora.problems.record import CodeProblem, Note, Unusable, needed, optional


def parse_humaneval(key: str, record: Mapping[str, Any], note: Note) -> CodeProblem:
    """The problem that a line of HumanEval says; raises `Unusable`."""
    prompt, function, test = needed(record, "prompt"), needed(record, "entry_point"), optional(record, "test")
    if not function.isidentifier() or iskeyword(function):
        raise Unusable("entry_point", f"{function!r} is no name that a function can have")
    if test.strip() and not re.search(r"^def check\(", test, re.MULTILINE):
        raise Unusable("test", "it defines no check(candidate)")
    solution = optional(record, "canonical_solution")
    return CodeProblem(
        id=key,
        question=prompt,
        kind="script",
        inputs=(f"{test}\n\ncheck({function})\n",) if test.strip() else (),
        outputs=(),
        fn_name=function,
        starter_code="",
        difficulty="",
        solutions=(solution,) if solution else (),
        prompt_prefix=prompt,
    )


def parse_mbpp(key: str, record: Mapping[str, Any], note: Note) -> CodeProblem:
    """The problem that a record of MBPP says, of either edition; raises `Unusable`."""
    text = needed(record, "prompt" if "prompt" in record else "text")
    assertions = _texts(record, "test_list")
    setup = "\n".join([*_texts(record, "test_imports"), optional(record, "test_setup_code")]).strip()
    solution = optional(record, "code")
    asked = f"{text}\n\nThe code has to pass these tests:\n\n" + "\n".join(assertions) if assertions else text
    return CodeProblem(
        id=key,
        question=asked,
        kind="script",
        inputs=tuple(f"{setup}\n{assertion}\n" if setup else f"{assertion}\n" for assertion in assertions),
        outputs=(),
        fn_name=None,
        starter_code="",
        difficulty="",
        solutions=(solution,) if solution else (),
    )


def _texts(record: Mapping[str, Any], field: str) -> list[str]:
    value = record.get(field) if record.get(field) is not None else []
    if not isinstance(value, list):
        raise Unusable(field, "a list of texts is needed")
    for i, text in enumerate(value):
        if reason := why_not_text({field: text}, field):
            raise Unusable(field, f"[{i}]: {reason}")
    return value
