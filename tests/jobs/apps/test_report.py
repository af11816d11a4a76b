"""Tables for the terminal and the file, from a result alone."""

import io
import os
import sys

import pytest

from jobs.apps import report
from jobs.apps.plot import plot_failures
from jobs.apps.summary import agreement, isolation, summarise
from jobs.execution.actor import ActorRecord
from jobs.execution.sandbox.host import Isolation
from tests.jobs.apps.test_summary import OUTCOMES, PROBLEMS, outcome


def result(**changed):
    reference = {**OUTCOMES, ("b", 0): outcome(2, 2)}
    modes = {"strict": OUTCOMES, "reference": reference}
    summaries = {mode: summarise(PROBLEMS, outcomes, mode, 0) for mode, outcomes in modes.items()}
    none = {"count": 0, "first": []}
    isolations = [Isolation("full", 7, 0, own_user=True, python="3.11", packages={})]
    return {
        "problems_from": "microproblems, seed 0", "candidates_from": "c.jsonl", "mode": "both", "kinds": ["stdin"],
        **summaries["strict"], "modes": summaries, "agreement": agreement(OUTCOMES, reference),
        "left_out": dict.fromkeys(report.LEFT_OUT, none), "notices": none, "given_up": none,
        "isolation": isolation([ActorRecord("node1", 1, each) for each in isolations]),
        "speed": {"verdicts": 10, "verdicts_from_before": 4, "seconds": 2.0, "candidates_per_second": 2.5,
                  "tests_per_second": 12.0},
        "verdicts": {"strict": "verdicts.jsonl", "reference": "verdicts.reference.jsonl"}, "run_dir": "/runs/one",
    } | changed  # fmt: skip


@pytest.mark.parametrize("write", [report.render, report.markdown])
def test_both_reports_have_the_figures_and_the_facts(write):
    text = write(result())
    for told in ("introductory", "interview", "pass@2", "16.7", "exception ValueError", "wrong answer",
                 "20.0 %", "only reference passes", "no cgroup", "node1", "4 were there",
                 "verdicts.reference.jsonl"):  # fmt: skip
        assert told in text, told


def test_what_is_not_whole_is_told():
    left_out = {**result()["left_out"], "problem": {"count": 3, "first": ["p.jsonl:7: not JSON"]}}
    given_up = {"count": 2, "first": ["problem a, sample 1, strict"]}
    levels = {"level": None, "levels": ["full", "reduced"], "kinds": []}
    text = report.render(result(left_out=left_out, given_up=given_up, isolation=levels))
    assert "3 problems that cannot be used" in text and "p.jsonl:7" in text
    assert "2 candidates count as killed because their actors died" in text
    assert "different levels of isolation: full, reduced" in text


@pytest.mark.parametrize("columns", [200, 70])
def test_the_tables_fit_the_terminal(monkeypatch, columns):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((columns, 24)))
    text = report.render(result())
    figures = text[: text.index("why candidates fail")].splitlines()
    assert max(map(len, figures)) <= columns
    assert ("…" in figures[6]) == (columns == 200), "intervals go first where there is no room"


def test_rare_failures_share_a_row():
    many = {f"E{n}Error": 1 for n in range(30)}
    block = result()["modes"]["strict"]
    crowded = {**block, "failures": {"all": {"passed": 5, **many}, "by_difficulty": {"interview": many}}}
    text = report.render(result(modes={"strict": crowded}, agreement=None))
    assert "19 others" in text and "E25Error" not in text


def test_the_picture_is_drawn(tmp_path):
    plot_failures(result(), tmp_path / "failures.png")
    assert (tmp_path / "failures.png").read_bytes().startswith(b"\x89PNG")
