"""Examples before a question: which ones, how many fit, and that the question is never cut."""

import pytest

from common.corpora.instructions.record import Example
from common.prompts import TEMPLATES, Snippet, render
from jobs.codegen.context import drawn, fit, retrieved
from jobs.codegen.evaluate_config import RagConfig

STUDY = TEMPLATES["study"]
TRAIN = [Example(f"train-{n}", f"Return the number {n}.", f"return {n}") for n in range(12)]
QUESTION = Example("question", "Add two numbers.", "a + b")


def length(text):
    return len(text)


def test_all_examples_stand_before_the_question_where_there_is_room():
    found = fit(STUDY, QUESTION, TRAIN[:3], None, length)
    assert found.prompt == render(STUDY, QUESTION, TRAIN[:3])
    assert found.prompt.index("number 0") < found.prompt.index("number 1") < found.prompt.index("Add two")
    assert (found.shots, found.dropped, found.excess) == (("train-0", "train-1", "train-2"), 0, 0)
    assert found.tokens == len(found.prompt)


def test_what_does_not_fit_is_dropped_from_the_end():
    room = len(render(STUDY, QUESTION, TRAIN[:2]))
    assert fit(STUDY, QUESTION, TRAIN[:4], room, length).shots == ("train-0", "train-1")
    short = fit(STUDY, QUESTION, TRAIN[:4], room - 1, length)
    assert (short.shots, short.dropped, short.excess) == (("train-0",), 3, 0)
    assert short.prompt == render(STUDY, QUESTION, TRAIN[:1])


def test_a_question_that_does_not_fit_alone_is_whole_and_told():
    whole = render(STUDY, QUESTION)
    found = fit(STUDY, QUESTION, TRAIN[:2], len(whole) - 7, length)
    assert found.prompt == whole and (found.dropped, found.excess, found.shots) == (2, 7, ())


def test_code_is_dropped_from_the_end_like_examples():
    code = [Snippet(f"a.py:{n}", f"f{n}", f"def f{n}(): ...") for n in range(4)]
    whole = fit(STUDY, QUESTION, (), None, length, snippets=code)
    assert (whole.snippets, whole.dropped, whole.shots) == (4, 0, ())
    room = len(render(STUDY, QUESTION, snippets=code[:2]))
    assert fit(STUDY, QUESTION, (), room, length, snippets=code).prompt == render(STUDY, QUESTION, snippets=code[:2])
    short = fit(STUDY, QUESTION, (), room - 1, length, snippets=code)
    assert (short.snippets, short.dropped, short.excess) == (1, 3, 0)
    alone = fit(STUDY, QUESTION, (), 5, length, snippets=code)
    assert alone.prompt == render(STUDY, QUESTION) and (alone.snippets, alone.dropped) == (0, 4)


def test_random_examples_are_the_same_for_a_seed_and_more_of_them_begin_alike():
    assert drawn(TRAIN, 4, 1) == drawn(TRAIN, 4, 1) == drawn(TRAIN, 8, 1)[:4]
    assert drawn(TRAIN, 4, 1) != drawn(TRAIN, 4, 2)
    assert len({one.id for one in drawn(TRAIN, 12, 3)}) == 12 and drawn(TRAIN, 0, 1) == []


@pytest.mark.usefixtures("one_thread")
def test_the_nearest_instructions_come_first():
    train = [
        Example("sort", "Sort a list of numbers in descending order.", "x"),
        Example("mail", "Send an e-mail with an attachment.", "x"),
        Example("order", "Order the numbers of a list.", "x"),
    ]
    asked = {"a": "Sort a list of numbers in descending order!", "b": "How to attach a file to an e-mail?"}
    found = retrieved(asked, train, RagConfig(k=2))
    assert found["a"] == [0, 2]
    assert found["b"][0] == 1
