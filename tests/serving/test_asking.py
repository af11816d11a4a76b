"""What a model is asked for messages or a prompt, with and without code that was found."""

import pytest

from common.prompts import TEMPLATES, Snippet
from serving.deployments.asking import completion, conversation, template_of
from serving.http.backend import Message
from serving.records import ServingError

STUDY = TEMPLATES["study"]
FOUND = (Snippet("src/tree.py:3", "copy_tree", "def copy_tree(a, b): ..."), Snippet("src/io.py:9", "read", "x = {1}"))


class Plain:
    """A tokenizer without a chat template."""

    chat_template = None


class Chat:
    """One that has one, and takes no system message where it is `strict`."""

    chat_template = "…"

    def __init__(self, strict=False):
        self.strict = strict

    def apply_chat_template(self, turns, *, tokenize, add_generation_prompt):
        assert tokenize is False and add_generation_prompt is True
        if self.strict and turns[0]["role"] == "system":
            raise ValueError("System role\n   not supported" + "!" * 500)
        return "".join(f"<{one['role']}>{one['content']}" for one in turns) + "<assistant>"


def said(*turns):
    """Messages from `u text`, `a text` and `s text`."""
    roles = {"u": "user", "a": "assistant", "s": "system"}
    return [Message(roles[turn[0]], turn[2:]) for turn in turns]


def asked(*turns, found=(), tokenizer=None, template=STUDY):
    return conversation(said(*turns), found, tokenizer or Plain(), template)


def test_a_question_is_put_as_the_template_has_it():
    assert asked("u copy a tree") == ("### Instruction:\ncopy a tree\n### Response:\n", STUDY.stops)


def test_earlier_turns_are_solved_examples_in_order():
    prompt, _ = asked("u one", "a 1", "u two", "a 2", "u three")
    assert prompt == (
        "### Instruction:\none\n### Response:\n1\n\n### Instruction:\ntwo\n### Response:\n2\n\n"
        "### Instruction:\nthree\n### Response:\n"
    )


def test_answers_in_parts_are_one_and_an_answer_to_nothing_is_left_out():
    prompt, _ = asked("a hello", "u one", "a 1", "a 2", "u two")
    assert prompt == "### Instruction:\none\n### Response:\n12\n\n### Instruction:\ntwo\n### Response:\n"


def test_the_system_speaks_before_the_last_question():
    prompt, _ = asked("s be short", "u one", "a 1", "s in python", "u two")
    assert prompt.endswith("### Instruction:\nbe short\n\nin python\n\ntwo\n### Response:\n")
    assert prompt.startswith("### Instruction:\none\n### Response:\n1")


def test_found_code_stands_before_the_last_question_alone():
    prompt, _ = asked("u one", "a 1", "u two {braces}", found=FOUND)
    first, last = prompt.split("\n\n### Instruction:\n")
    assert "copy_tree" not in first
    assert last.index("src/tree.py:3 copy_tree") < last.index("x = {1}") < last.index("two {braces}")


def test_a_chat_template_is_used_where_there_is_one_and_says_itself_where_an_answer_ends():
    prompt, stops = asked("s be short", "u one", "a 1", "u two", tokenizer=Chat())
    assert prompt == "<system>be short<user>one<assistant>1<user>two<assistant>"
    assert stops == ()


def test_found_code_goes_into_the_last_turn_of_a_chat():
    messages = said("u one", "a 1", "u two")
    prompt, _ = conversation(messages, FOUND, Chat(), STUDY)
    start, last = prompt.rsplit("<user>", 1)
    assert start == "<user>one<assistant>1"
    assert last.endswith("two<assistant>") and last.index("copy_tree") < last.index("x = {1}")
    assert messages[-1].content == "two"


def test_what_a_chat_template_refuses_is_the_requests_fault_in_one_short_line():
    with pytest.raises(ServingError) as caught:
        asked("s be short", "u one", tokenizer=Chat(strict=True))
    error = caught.value
    assert (error.status, error.param) == (400, "messages")
    assert "System role not supported" in error.message and len(error.message) < 300


@pytest.mark.parametrize("turns", [(), ("u one", "a 1"), ("s be short",)])
@pytest.mark.parametrize("tokenizer", [Plain(), Chat()])
def test_the_user_has_the_last_word(turns, tokenizer):
    with pytest.raises(ServingError, match="the user's") as caught:
        asked(*turns, tokenizer=tokenizer)
    assert (caught.value.status, caught.value.param) == (400, "messages")


@pytest.mark.parametrize("name", ["apps", "apps-authors", "codet5p", "study"])
def test_an_adapter_is_asked_as_it_was_trained(name):
    template = template_of({"template": name})
    assert template is TEMPLATES[name]
    prompt, stops = asked("u one", "a 1", "u two", template=template)
    assert "one" in prompt and "1" in prompt and "two" in prompt and stops == template.stops


@pytest.mark.parametrize("prompts", [None, {}, {"template": "chat"}, {"template": "complete"}, {"template": "unknown"}])
def test_without_a_template_that_takes_an_instruction_it_is_the_studys(prompts):
    assert template_of(prompts) is STUDY


def test_a_prompt_to_go_on_from_ends_as_it_was_given():
    assert completion("def add(a, b):\n    ", ()) == "def add(a, b):\n    "
    prompt = completion("def add(a, b):\n    ", FOUND)
    assert prompt.endswith("def add(a, b):\n    ")
    assert prompt.startswith("# src/tree.py:3 copy_tree\ndef copy_tree(a, b): ...\n") and "x = {1}" in prompt
