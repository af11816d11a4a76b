"""The Generate tab in headless Chromium."""

import pytest

from serving.names import ModelName
from tests.serving.page.page_backend import WRITER

pytestmark = pytest.mark.clients
STATUS = "document.getElementById('generate-status').innerText"


@pytest.fixture
def writer(page):
    """The tab with a prompt in it, the focus on the prompt."""
    page.value("document.activeElement.blur()")
    page.press("g")
    page.type("copy a file")
    return page


def generations(backend):
    return [one for one in backend.requests if hasattr(one, "limits")]


def test_an_answer_is_streamed_and_its_code_highlighted(writer, backend):
    backend.pause = 0.2
    writer.press("Enter", ctrl=True)
    seen = []
    while not seen or "tokens/s" not in writer.value(STATUS):
        text = writer.value("document.getElementById('written').innerText")
        if text not in seen:
            seen.append(text)
    assert len(seen) > 2  # it grew
    assert writer.texts(".prose") == ["Copied:"]
    assert writer.texts("#written .code") == ["def copy(a):\n    return 1"]
    assert writer.texts("#written .t-keyword") == ["def", "return"]
    assert "3 tokens read, 4 written · " in writer.value(STATUS)
    (asked,) = generations(backend)
    assert (asked.model, asked.messages[0].content, asked.rag) == (ModelName(WRITER), "copy a file", None)
    assert (asked.limits.temperature, asked.limits.n) == (0, 1)
    assert writer.said == []


def test_limits_and_the_endpoint_are_sent(writer, backend):
    for field, value in (("max-tokens", "2"), ("seed", "7"), ("temperature", "0.5"), ("endpoint", "completions")):
        writer.choose(field, value)
    writer.press("Enter", ctrl=True)
    writer.until(f"{STATUS}.includes('cut at max tokens')")
    (asked,) = generations(backend)
    assert (asked.prompts, asked.messages) == (("copy a file",), ())
    assert (asked.limits.max_tokens, asked.limits.seed, asked.limits.temperature) == (2, 7, 0.5)
    assert writer.texts("#written .code")[0].startswith("Copied:\n```python")


@pytest.mark.parametrize("how", ["Escape", "Stop"])
def test_stop_gives_the_work_up_and_keeps_what_is_written(writer, backend, how):
    backend.words, backend.pause = ["word "] * 2000, 0.05
    writer.press("Enter", ctrl=True)
    writer.until("document.getElementById('written').innerText.includes('word word')")
    if how == "Stop":
        writer.value("document.getElementById('stop').click()")
    else:
        writer.press("Escape")
    writer.until(f"{STATUS}.startsWith('Stopped after')")
    while not backend.cancelled:
        writer.value("1")
    assert backend.ended == 1
    assert "word word" in writer.texts("#written")[0]
    assert writer.value("document.getElementById('stop').disabled")
    writer.value("document.activeElement.blur()")
    backend.words = ["again"]
    writer.value("document.getElementById('generate').click()")
    writer.until(f"{STATUS}.includes('tokens/s')")
    assert writer.texts("#written") == ["again"]


def test_retrieved_context_is_shown_with_path_and_line(writer, backend):
    writer.value("document.getElementById('rag').click()")
    writer.choose("rag-k", "2")
    writer.press("Enter", ctrl=True)
    writer.until(f"{STATUS}.includes('tokens/s')")
    (asked,) = generations(backend)
    assert (asked.rag.index, asked.rag.k) == ("stdlib", 2)
    assert writer.texts("#context .place") == ["src/files.py:10–12"]
    assert writer.texts("#context .told")[0].split("\n")[:2] == ["stdlib", "acme/tiny:java"]
    assert writer.texts("#context mark")[:2] == ["copy", "file"]
    writer.value("document.activeElement.blur()")
    writer.press("j", "o")
    assert writer.texts("#context .snippet") == []


def test_errors_before_and_within_an_answer_are_shown_in_one_line(writer, backend):
    failed = "document.querySelector('#generate-status.failed')?.innerText"
    backend.break_at = 1
    writer.press("Enter", ctrl=True)
    assert writer.until(failed) == "the replica has gone"
    assert "Copied:" in writer.texts("#written")[0]

    backend.busy = True
    writer.press("Enter", ctrl=True)
    writer.until(f"{failed}?.startsWith('429')")
    assert writer.value(failed) == "429: the queue is full – try again in 2 s"
