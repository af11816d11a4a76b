import io

import pytest
from rich.console import Console

from tests.tuning.report.sweeps import realistic, sweep, trial
from tuning.report.terminal import MOST_ROWS, render, trials_table


def shown(table, width=100):
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(table)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_running_trials_stand_among_the_others():
    done = [trial({"peft.rank": 8}, metric=0.4), trial({"peft.rank": 16}, metric=0.6)]
    live = [trial({"peft.rank": 32}, metric=0.5, trained_steps=40), trial({"peft.rank": 64}, metric=None)]
    head, *rows = shown(trials_table(done, "dev_mrr", "max", live))
    assert head.split() == ["trial", "rank", "dev_mrr", "steps", "status"]
    assert [(row.split()[1], row.split()[-1]) for row in rows] == [
        ("16", "finished"), ("32", "running"), ("8", "finished"), ("64", "running"),
    ]  # fmt: skip
    assert "40 / 100" in rows[1]
    rows = shown(trials_table(done, "dev_loss", "min", live))
    assert [row.split()[1] for row in rows[1:]] == ["8", "32", "16", "64"]


def test_what_is_the_same_in_all_stands_below():
    trials = [trial({"model": "minilm", "peft.rank": rank}) for rank in (8, 16)]
    head, *_, last = shown(trials_table(trials, "dev_mrr", "max"))
    assert "model" not in head
    assert last == "same in all: model=minilm"


@pytest.mark.parametrize("keys", [1, 5, 6, 14])
def test_a_hundred_columns_hold_every_figure(keys):
    config = {f"training.some_long_name_{key}": "a long value" for key in range(keys)}
    others = dict.fromkeys(config, "another [bold]value")
    trials = [trial(config, metric=0.1234), trial(others, metric=0.5678, steps=1_000_000)]
    text = shown(trials_table(trials, "dev_mrr", "max"))
    assert max(map(len, text)) <= 100
    assert ("configuration" in text[0]) == (keys > 5), "columns of three letters tell nothing"
    for one, metric in zip(trials, ("0.1234", "0.5678"), strict=True):
        row = next(line for line in text if one.id[:12] in line)
        assert metric in row
        assert row.endswith(f"{one.trained_steps:,} / {one.steps:,}  finished")


def test_markup_in_the_data_is_text():
    trials = [trial({"[bold]key": value}) for value in ("[red]x[/red]", "y")]
    text = "\n".join(shown(trials_table(trials, "[i]dev", "max")))
    assert "[bold]key" in text
    assert "[red]x[/red]" in text
    assert "[i]dev" in text


def test_the_end_of_a_sweep():
    found = sweep(*realistic(), command="python -m jobs.train_search --peft.rank 64")
    lines = render(found).splitlines()
    best = found.best()
    assert lines[0] == "codesearch-minilm: 23 finished, 11 stopped, 1 failed, 1 refused"
    assert lines[1].split() == ["best", best.id[:12], "dev_mrr", f"{best.metric:.4f}"]
    assert lines[2].strip() == "method=dora, rank=64, alpha=16, learning_rate=0.001"
    assert lines[3] == "trained   26,340 of the trials' 35,000 steps (75%)"
    assert lines[4].endswith("--peft.rank 64")
    rows = [line for line in lines if line[:12] in {one.id[:12] for one in found.trials}]
    assert len(rows) == MOST_ROWS
    assert rows[0].startswith(best.id[:12])
    assert lines[-1] == f"… and {36 - MOST_ROWS} more"
    assert max(map(len, lines[5:])) <= 100


def test_an_end_without_a_result():
    failed = [trial({"rank": rank}, metric=None, status="failed") for rank in (8, 16)]
    assert "best      none: no trial has dev_mrr" in render(sweep(*failed))
    assert render(sweep()).splitlines() == ["codesearch-minilm: no trials", "best      none: no trial has dev_mrr"]
