"""Code that was found for a question: where it stands in a prompt, and that nothing of it is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.instructions.record import Example
from common.prompts import TEMPLATES, Snippet, program_of, render, with_snippets
from tests.common.prompts.test_rendering import EXAMPLES, Talker

ADD = Snippet("lib/add.py:3", "add", "def add(a, b):\n    return a + b\n")
METHOD = Snippet("lib/box.py:7", "Box.get", '    def get(self):\n        return {"it": self.it}\n')
SNIPPETS = st.lists(st.builds(Snippet, st.just("a.py:1"), st.just("f"), st.text("ab{}` \n", max_size=20)), max_size=3)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
def test_the_nearest_stands_first_and_the_question_after_all_of_them(template):
    example = Example("q", "Sum up {all} of it.", "sum(x)", form="call")
    prompt = render(template, example, (), Talker(), [ADD, METHOD])
    places = [
        prompt.index(part) for part in ("lib/add.py:3 add", "return a + b", "lib/box.py:7 Box.get", "Sum up {all}")
    ]
    assert places == sorted(places)
    assert '\ndef get(self):\n    return {"it": self.it}\n' in prompt, "without the indentation of its class"


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
@given(example=EXAMPLES, snippets=SNIPPETS)
def test_a_prompt_with_snippets_is_the_one_without_plus_the_snippets(template, example, snippets):
    asked = with_snippets(template, example.instruction, snippets)
    assert asked.endswith(example.instruction) and (asked == example.instruction) == (not snippets)
    assert render(template, example, (), Talker(), []) == render(template, example, (), Talker())


def test_what_goes_on_from_a_head_does_not_take_the_snippets_into_its_program():
    complete = TEMPLATES["complete"]
    example = Example("q", "def double(n):\n", "    return 2 * n\n")
    assert render(complete, example, snippets=[ADD]).endswith("return a + b\n\n\ndef double(n):\n")
    assert program_of(complete, example, "    return 2 * n\n") == "def double(n):\n    return 2 * n\n"


def test_a_fence_in_the_source_does_not_close_the_one_around_it():
    source = 'TEXT = """\n````\nx\n````\n"""'
    assert f"\n`````\n{source}\n`````\n" in with_snippets(
        TEMPLATES["chat"], "Why?", [Snippet("a.py:1", "TEXT", source)]
    )
