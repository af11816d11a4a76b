import json
import re
from html.parser import HTMLParser

import pytest

from tests.tuning.report.sweeps import realistic, sweep, trial
from tuning.report.importance import importance
from tuning.report.page import page

EVIL = "</script><script>alert('x')</script><img src=https://example.org/x.png>\"'`"
SECTIONS = [
    "headline", "heat-map", "curves", "parallel-coordinates", "pareto-front", "importance", "all-trials",
    "failed-and-refused-trials",
]  # fmt: skip
FIGURES = {"figure-heat", "figure-curves", "figure-parallel", "figure-front", "figure-importance"}


class Parsed(HTMLParser):
    """What a browser would find in the page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.open, self.text = [], [], [], {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag == "section":
            self.open.append(attributes["id"])
        if "id" in attributes:
            self.ids.append(attributes["id"])

    def handle_endtag(self, tag):
        if tag == "section":
            self.open.pop()

    def handle_data(self, data):
        if self.open:
            self.text[self.open[-1]] = self.text.get(self.open[-1], "") + data

    def figures(self):
        return {name for name in self.ids if name.startswith("figure-")}

    def count(self, tag):
        return sum(name == tag for name, _ in self.tags)


@pytest.fixture(scope="module")
def whole():
    trials = realistic()
    return page(sweep(*trials, importance=importance(trials, "max"), command="python -m jobs.train_search --a 1"))


def test_every_section_has_its_figure(whole):
    parsed = Parsed(whole)
    assert [name for name in parsed.ids if name in SECTIONS] == SECTIONS
    assert parsed.figures() == FIGURES
    assert "0.4638 dev_mrr" in parsed.text["headline"]
    assert "python -m jobs.train_search --a 1" in parsed.text["headline"]
    assert "copy" in parsed.ids
    assert "the worker was killed for memory at step 40" in parsed.text["failed-and-refused-trials"]
    assert "9.4 M parameters: the limit is 5 M" in parsed.text["failed-and-refused-trials"]
    for figure in ("1.19 M", "3.72 GB", "210 s", "1,000 / 1,000"):
        assert figure in parsed.text["all-trials"]


def test_nothing_is_fetched(whole):
    fetching = {"src", "href", "srcset", "data", "action", "poster"}
    parsed = Parsed(whole)
    assert [(tag, attributes) for tag, attributes in parsed.tags if fetching & attributes.keys()] == []
    assert "link" not in {tag for tag, _ in parsed.tags}
    policy = next(a["content"] for _, a in parsed.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    assert "http" not in policy
    assert "@import" not in re.search(r"<style>(.*?)</style>", whole, re.DOTALL).group(1)


def test_no_button_uploads(whole):
    """plotly's own row of buttons ends in one that sends the figure to its maker's server."""
    settings = re.findall(r'"modeBarButtons": ?(\[\[.*?\]\])', whole)
    assert settings == ['[["toImage"]]'] * len(FIGURES)


def test_the_library_is_there_once(whole):
    assert whole.count("* plotly.js v") == 1


def test_data_stays_text():
    trials = [
        trial({f"peft.{EVIL}": value, "peft.method": f"{EVIL}{value}", "b": value % 3}, metric=value / 10, reason=EVIL,
              status="failed" if value == 5 else "finished", curve=((1, 0.1), (2, 0.2)),
              trainable_parameters=1000 * (1 + value), peak_bytes=10**9, seconds=1.0)
        for value in range(6)
    ]  # fmt: skip
    found = sweep(
        *trials, name=EVIL, job=EVIL, metric=EVIL, scheduler=EVIL, command=EVIL, importance={f"peft.{EVIL}": 1.0}
    )
    parsed, plain = Parsed(page(found)), Parsed(page(sweep(*realistic(), importance={"peft.rank": 1.0})))
    assert parsed.figures() == FIGURES
    assert parsed.count("img") == 0
    assert parsed.count("script") == plain.count("script")
    assert EVIL in parsed.text["headline"]


def test_plotly_reads_no_tags_in_the_data():
    config = {"peft.method": "<a href='https://example.org'>x</a>", "peft.rank": 8, "peft.alpha": 16}
    trials = [trial({**config, "peft.rank": r, "peft.alpha": a}, metric=r / 10 + a) for r in (8, 16) for a in (1, 2)]
    trials.append(trial({**config, "peft.method": "lora"}, metric=0.1))
    drawn = [json.loads(f'"{text}"') for text in re.findall(r'"text":"((?:[^"\\]|\\.)*)"', page(sweep(*trials)))]
    assert "&lt;a href='https://example.org'&gt;x&lt;/a&gt;" in drawn, "the panel's title"
    assert not any("<a" in text for text in drawn)


@pytest.mark.parametrize(
    ("trials", "figures", "sentence"),
    [
        ([], set(), "The sweep has no trials."),
        ([trial({"peft.rank": 8}, curve=((1, 0.4),))], {"figure-curves"}, "A Pareto front needs two trials"),
        (
            [trial({"peft.rank": r}, status="failed", metric=None, reason="no memory") for r in (8, 16)],
            set(),
            "No trial has dev_mrr, so none is the best.",
        ),
        (
            [trial({"rate": r, "batch": b}, metric=r + b, curve=((1, r),)) for r in (1, 2, 3) for b in (8, 16)],
            {"figure-heat", "figure-curves", "figure-parallel"},
            "trainable parameters: there are none here",
        ),
        (
            [trial({"seed": 1}, metric=0.4), trial({"seed": 1}, metric=0.5)],
            set(),
            "No swept key takes several values",
        ),
    ],
    ids=["empty", "one", "all failed", "no rank", "nothing varies"],
)
def test_a_section_without_anything_says_why(trials, figures, sentence):
    parsed = Parsed(page(sweep(*trials)))
    assert parsed.figures() == figures
    assert sentence in " ".join(parsed.text.values())
    assert list(parsed.text) == SECTIONS


def test_a_large_sweep_keeps_every_row():
    trials = [
        trial({"rank": i, "alpha": i % 7, "seed": i}, metric=i / 60, curve=((1, 0.0), (2, i / 60))) for i in range(60)
    ]
    table = page(sweep(*trials)).partition('<section id="all-trials">')[2]
    order = re.findall(r'<tr[^>]*><td data-order="(\w+)">', table)
    assert order == [one.id for one in reversed(trials)]
