"""From an example to its prompt and back from an answer to a program."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.instructions.record import Example
from common.errors import ConfigError, ModelError
from common.prompts import (
    TEMPLATES,
    answer_of,
    cut,
    program_of,
    render,
    stop_in_answer,
    stops_of,
    template_for,
)

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(str.strip)
STARTERS = ("", "def f(n):\n\t", "class Solution:\n    def f(self, n):\n        ")
EXAMPLES = st.builds(
    Example, id=st.just("a/1"), instruction=TEXT, code=TEXT, starter_code=st.sampled_from(STARTERS),
    form=st.sampled_from(["stdin", "call"]),
)  # fmt: skip
PLAIN = [template for template in TEMPLATES.values() if not template.chat]


class Talker:
    """A tokenizer with a chat template, as far as it is used."""

    chat_template = "there is one"

    def apply_chat_template(self, turns, *, tokenize, add_generation_prompt):
        assert not tokenize and add_generation_prompt
        return "<s>" + "".join(f"<{turn['role']}>{turn['content']}</{turn['role']}>" for turn in turns) + "<assistant>"


def double(**more):
    return Example(**{"id": "a/1", "instruction": "Double {n}.", "code": "def f(n):\n    return 2 * n\n", **more})


def prompt(template, example, shots=()):
    return render(template, example, shots, Talker())


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
@given(example=EXAMPLES, shots=st.lists(EXAMPLES, max_size=3))
def test_the_instruction_is_whole_and_comes_last(template, example, shots):
    bare, full = prompt(template, example), prompt(template, example, shots)
    assert example.instruction.strip() in bare
    if template.chat:
        assert full.endswith(bare.removeprefix("<s>"))
    else:
        assert full.endswith(bare)
    assert len(full) >= len(bare)
    assert (full == bare) == (not shots)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
@given(example=EXAMPLES, shots=st.lists(EXAMPLES, min_size=1, max_size=4))
def test_shots_keep_their_order_and_their_answers(template, example, shots):
    marked = [
        replace(shot, instruction=f"ask-{number}-{shot.instruction}", code=f"code-{number}-{shot.code}")
        for number, shot in enumerate(shots)
    ]
    text = prompt(template, example, marked)
    at = 0
    for shot in marked:
        for part in (shot.instruction.strip(), shot.code.rstrip()):
            assert part in text[at:]
            at = text.index(part, at) + len(part)


@pytest.mark.parametrize("template", PLAIN, ids=lambda template: template.name)
@given(example=EXAMPLES, shots=st.lists(EXAMPLES, max_size=3))
def test_a_block_is_the_prompt_of_its_shot_and_its_answer(template, example, shots):
    """So the model sees before the question what it is asked to go on with; starter code is in the prompt only."""
    bare = [replace(shot, starter_code="", form=shot.form) for shot in shots]
    text = render(template, example, bare)
    for shot in bare:
        said = render(template, shot)
        if template.name != "codet5p":
            assert text.startswith(said + shot.code.rstrip())
        assert text.startswith(said)
        text = text[len(template.example.format(**_values(shot))) :]
    assert text == render(template, example)


def _values(shot):
    forms = {"stdin": ("read from and write to standard IO", "Use Standard Input format")}
    guide, form = forms.get(shot.form, ("use the provided function signature", "Use Call-Based format"))
    return {"instruction": shot.instruction, "question": shot.instruction.strip(), "code": shot.code.rstrip(),
            "starter_line": "", "guide": guide, "form": form}  # fmt: skip


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
@given(example=EXAMPLES)
def test_the_answer_that_is_trained_on_is_the_program_again(template, example):
    """No stop string cuts into what the template itself writes; where one stands in the code it is said."""
    if (stop := stop_in_answer(template, example)) is not None:
        assert stop in example.code
        return
    if template.fence != "none" and "```" in example.code:
        return
    example = replace(example, starter_code="")
    program = program_of(template, example, answer_of(template, example))
    before = example.instruction if template.continues else ""
    assert program.rstrip() == (before + example.code).rstrip()


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
def test_no_stop_is_met_before_the_answer_begins(template):
    """A stop string must not begin in the prompt's end and end in the answer's start, nor be in the answer's frame."""
    frame = answer_of(template, double(code="x"))
    assert not any(stop in frame.split("x")[0] for stop in template.stops)
    assert cut("x = 1", template.stops) == "x = 1"


def test_the_study_s_prompt():
    assert render(TEMPLATES["study"], double()) == "### Instruction:\nDouble {n}.\n### Response:\n"
    shot = double(instruction="Add one.", code="n + 1\n")
    assert render(TEMPLATES["study"], double(), [shot]) == (
        "### Instruction:\nAdd one.\n### Response:\nn + 1\n\n### Instruction:\nDouble {n}.\n### Response:\n"
    )
    assert render(TEMPLATES["codet5p"], double()) == "Generate Python code: Double {n}."


def test_the_study_s_prompt_for_apps():
    apps = TEMPLATES["apps"]
    begin = (
        "[INST] Write a python code to solve the following coding problem that obeys the constraints and passes the "
        "example test cases. The output code needs to "
    )
    called = double(form="call", starter_code="def f(n):\n\t")
    assert render(apps, called) == (
        begin + "use the provided function signature:\nDouble {n}.\n[/INST]\n```python\ndef f(n):\n\t"
    )
    printed = double(form="stdin")
    assert render(apps, printed) == begin + (
        "read from and write to standard IO:\nDouble {n}.\n[/INST]\n```python\n"
    )  # fmt: skip
    assert answer_of(apps, printed) == "def f(n):\n    return 2 * n\n```"


def test_a_prompt_that_tells_the_form_needs_it():
    for name in ("apps", "apps-authors"):
        with pytest.raises(ConfigError, match=r"a/1 does not\n.*choose another prompt"):
            render(TEMPLATES[name], double())
        with pytest.raises(ConfigError, match="a/1 does not"):
            render(TEMPLATES[name], double(form="call"), [double()])
    assert "Double {n}." in prompt(TEMPLATES["chat"], double())


def test_an_answer_that_goes_on_from_starter_code_gets_it_back():
    apps = TEMPLATES["apps"]
    method = double(form="call", starter_code="class Solution:\n    def f(self, n):\n        ")
    assert program_of(apps, method, "return 2 * n\n```\nThis doubles it.") == (
        "class Solution:\n    def f(self, n):\n        return 2 * n\n"
    )
    whole = "import math\nclass Solution:\n    def f(self, n):\n        return n + n\n"
    assert program_of(apps, method, whole + "```") == whole
    assert program_of(TEMPLATES["apps-authors"], method, whole) == whole, "there the prompt does not end with it"
    assert program_of(TEMPLATES["complete"], double(instruction="def f(n):\n"), "    return 1\nprint(f(1))") == (
        "def f(n):\n    return 1"
    )


def test_code_out_of_a_talkative_answer():
    chat = TEMPLATES["chat"]
    assert program_of(chat, double(), "Sure:\n```python\nx = 1\n```\nIt sets x.\n```\ny\n```") == "x = 1\n"
    assert program_of(chat, double(), "```\nx = 1\nand it broke off") == "x = 1\nand it broke off"
    assert program_of(chat, double(), "x = 1") == "x = 1"


def test_a_chat_takes_turns():
    shot = double(instruction="Add one.", code="n + 1")
    assert prompt(TEMPLATES["chat"], double(form="stdin"), [shot]) == (
        "<s><user>Add one.</user><assistant>```python\nn + 1\n```</assistant>"
        "<user>Double {n}.\nUse Standard Input format</user><assistant>"
    )


def test_a_tokenizer_without_chat_template_is_refused():
    mute = SimpleNamespace(chat_template=None, name_or_path="some/model")
    with pytest.raises(ModelError, match=r"tokenizer of some/model has no chat template\n.*choose another prompt"):
        render(TEMPLATES["chat"], double(), tokenizer=mute)
    with pytest.raises(ValueError, match="needs the tokenizer"):
        render(TEMPLATES["chat"], double())


def test_a_real_tokenizer_s_chat_template():
    from tests.models_zoo import byte_level

    tokenizer = byte_level(["<|end|>"], "$A", eos_token="<|end|>")
    with pytest.raises(ModelError, match="no chat template"):
        render(TEMPLATES["chat"], double(), tokenizer=tokenizer)
    tokenizer.chat_template = (
        "{% for turn in messages %}[{{ turn.role }}]{{ turn.content }}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    assert render(TEMPLATES["chat"], double(), tokenizer=tokenizer) == "[user]Double {n}.[assistant]"


def test_a_reference_that_no_model_can_give_is_found():
    study, apps = TEMPLATES["study"], TEMPLATES["apps"]
    assert stop_in_answer(study, double()) is None
    assert stop_in_answer(study, double(code="x = '''\n### Response: 1'''")) == "\n### Response:"
    assert stop_in_answer(apps, double(code='"""```"""')) == "```"


def test_the_default_of_a_source():
    chosen = {name: template_for(name).name for name in ("conala", "stdlib", "jsonl", "apps", "microproblems", "chat")}
    assert chosen == {"conala": "study", "stdlib": "study", "jsonl": "study", "apps": "apps",
                      "microproblems": "apps-authors", "chat": "chat"}  # fmt: skip
    assert template_for("conala", seq2seq=True).name == "codet5p"
    assert template_for("study", seq2seq=True).name == "study", "a prompt that is asked for by name is taken"
    with pytest.raises(ConfigError, match=r"no prompt 'studdy', did you mean 'study'\?\n.*there are study, codet5p"):
        template_for("studdy")
    assert stops_of(TEMPLATES["apps"]) == TEMPLATES["apps"].stops
