import csv
import json
import re

import pytest

from tests.tuning.report.sweeps import realistic, sweep, trial
from tuning.report import files, write_report
from tuning.report.importance import importance
from tuning.report.markdown import markdown
from tuning.report.spreadsheet import comma_separated


def rows(text):
    return list(csv.DictReader(text.splitlines()))


def tables(text):
    """Each table of a Markdown file: lines of cells, escapes undone."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("| ")]
    return [[[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in block] for block in blocks]


def test_the_three_files(tmp_path):
    write_report(sweep(*realistic()), tmp_path / "new")
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["report.html", "report.md", "trials.csv"]


def test_each_is_written_as_a_whole_file(tmp_path, monkeypatch):
    written = {}
    monkeypatch.setattr(files, "write_text", lambda path, text: written.update({path.name: text}))
    write_report(sweep(trial()), tmp_path)
    assert sorted(written) == ["report.html", "report.md", "trials.csv"]
    assert list(tmp_path.iterdir()) == []


def test_a_row_a_trial_with_unrounded_figures():
    trials = realistic()
    found = rows(comma_separated(sweep(*trials)))
    assert [row["id"] for row in found] == [one.id for one in trials]
    for row, one in zip(found, trials, strict=True):
        assert row["metric"] == ("" if one.metric is None else repr(one.metric))
        swept = {key: row[key] for key in row if "." in key and row[key]}
        assert swept == {k: v if isinstance(v, str) else json.dumps(v) for k, v in one.config.items()}


def test_values_keep_their_kind():
    config = {"a": None, "b": True, "c": ["query", 'va"l,ue'], "d": "two\nlines", "status": "mine", "e": 1e-5}
    text = comma_separated(sweep(trial(config), trial({})))
    head, one, other = csv.reader(text.splitlines(keepends=True))
    assert one[2:8] == ["null", "true", '["query", "va\\"l,ue"]', "two\nlines", "mine", "1e-05"]
    assert other[2:8] == [""] * 6
    assert head[:8] == ["id", "status", "a", "b", "c", "d", "status", "e"]


def test_markdown_has_every_section_and_its_tables():
    trials = realistic()
    found = sweep(*trials, importance=importance(trials, "max"), command="python -m jobs.train_search")
    text = markdown(found)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "Heat map", "Curves", "Pareto front", "Importance", "All trials", "Failed and refused trials",
    ]  # fmt: skip
    found_tables = tables(text)
    for table in found_tables:
        assert {len(line) for line in table} == {len(table[0])}
        assert set(table[1]) == {"---"}
    by_corner = {table[0][0]: table for table in found_tables}
    lora = by_corner["lora: peft.alpha ↓ peft.rank →"]
    assert lora[0][1:] == ["8", "16", "32", "64"]
    assert [line[0] for line in lora[2:]] == ["16", "32", "64", "128"]
    assert lora[5][3] == "–", "the failed one"
    assert max(float(cell) for line in by_corner["dora: peft.alpha ↓ peft.rank →"][2:] for cell in line[1:]) == 0.4638
    every = next(table for table in found_tables if len(table) == 2 + len(trials))
    assert every[2][0] == found.best().id[:12]
    assert "```\npython -m jobs.train_search\n```" in text


@pytest.mark.parametrize("trials", [(), (trial(),), (trial({"a": 1}, status="failed", metric=None),)])
def test_markdown_of_little(trials):
    text = markdown(sweep(*trials))
    assert text.count("\n## ") == 6
    assert all(part.strip() for part in re.split(r"^#+ .*$", text, flags=re.MULTILINE)[1:]), "each has a sentence"


def test_markdown_is_not_broken_by_the_data():
    evil = "a|b\nc <b>*x*</b> `y` [z](https://example.org)"
    failed = trial({"key": evil}, status="failed", metric=None, reason=evil)
    text = markdown(sweep(trial({"key": evil}), failed, name=evil, command="echo ```"))
    for table in tables(text):
        assert {len(line) for line in table} == {len(table[0])}
    assert "<b>" not in text
    assert not re.search(r"(?<!\\)\[z", text)
    assert "\n````\necho ```\n````\n" in text
    escaped = r"a\|b c &lt;b&gt;\*x\*&lt;/b&gt; \`y\` \[z\](https://example.org)"
    assert text.startswith(f"# Sweep {escaped}\n")


def test_many_steps_are_thinned_out_to_the_last():
    curve = tuple((step, step / 1e4) for step in range(10, 1000, 10))
    curves = next(table for table in tables(markdown(sweep(trial({"a": 1}, curve=curve)))) if table[0][1] == "status")
    assert curves[0][2] == "10 steps"
    assert curves[0][-1] == "990 steps"
    assert len(curves[0]) == 12
