"""Scoring predictions from a file, plans, tables, and what is refused; nothing here needs a cluster."""

import contextlib
import io
import json

import pytest

from common.cli import run
from common.errors import DataError
from jobs.codegen.answering import Asked, units
from jobs.codegen.decoding import CHEAP
from jobs.codegen.evaluate_inputs import read_predictions
from jobs.codegen.evaluate_table import render
from jobs.evaluate_codegen import JOB
from tests.decoders_zoo import llama

GOOD = [
    {"reference": "return a + b", "candidates": ["return a  +  b", "x"]},
    {"id": 7, "reference": "print(x)", "candidates": ["print(y)", "print(x)"]},
]
BAD = [
    ("{cut", None),
    ('{"candidates": ["a"]}', "reference"),
    ('{"reference": 3, "candidates": ["a"]}', "reference"),
    ('{"reference": "a", "candidates": []}', "candidates"),
    ('{"reference": "a", "candidates": ["b", 3]}', "candidates[1]"),
    ('{"reference": "a", "candidates": ["b"], "id": "7"}', "id"),
]


def evaluate(*flags):
    """Exit status, output and errors of the command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(JOB, [str(flag) for flag in flags])
    return status, out.getvalue(), err.getvalue()


@pytest.fixture
def predictions(tmp_path):
    file = tmp_path / "predictions.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in GOOD) + "".join(f"{line}\n" for line, _ in BAD))
    return file


def test_bad_lines_are_kept_out_and_named_with_line_and_field(predictions):
    found = read_predictions(predictions)
    assert [one.id for one in found.good] == ["1", "7"]
    assert [(one.line, one.field) for one in found.bad] == [(n, field) for n, (_, field) in enumerate(BAD, start=3)]
    assert str(found.bad[1]).startswith(f"{predictions}:4: field 'reference'")


def test_a_file_without_one_good_line_says_its_first_bad_one(tmp_path):
    file = tmp_path / "p.jsonl"
    file.write_text('{"reference": "a"}\n')
    with pytest.raises(DataError, match=r"p\.jsonl:1: field 'candidates': missing \(no usable prediction"):
        read_predictions(file)
    file.write_text("")
    with pytest.raises(DataError, match="the file is empty"):
        read_predictions(file)


def test_predictions_are_scored_and_bad_lines_told(predictions, tmp_path):
    status, out, err = evaluate("--predictions", predictions, "--run-dir", tmp_path / "run")
    assert status == 0, err
    result = json.loads((tmp_path / "run" / "result.json").read_text("utf-8"))
    assert result["metrics"]["em@1"]["value"] == 0.5 and "em@10" not in result["metrics"]
    parts = {f"codebleu/{part}" for part in ("ngram", "weighted_ngram", "syntax", "dataflow")}
    assert {"codebleu", "chrf", *parts} <= result["metrics"].keys()
    assert result["left_out"]["count"] == len(BAD) and ":3:" in result["left_out"]["first"][0]
    assert "EM@1" in out and "50.0" in out and "left out: 6 lines" in out


def test_sets_of_a_file_have_a_table_each(tmp_path):
    file = tmp_path / "p.jsonl"
    rows = [{**row, "set": name, "id": n} for n, row in enumerate(GOOD) for name in ("conala", "mine")]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    status, out, err = evaluate("--predictions", file, "--run-dir", tmp_path / "run", "--ks", "1", "--ks", "2")
    assert status == 0, err
    assert "conala: 2 items" in out and "mine: 2 items" in out and "EM@2" in out
    assert out.count("CodeLlama-7B LoRA") == 1, "the study's figures stand beside its own set only"


def test_a_dry_run_says_what_would_be_asked_and_writes_nothing(tmp_path, predictions):
    status, out, _ = evaluate("--predictions", predictions, "--run-dir", tmp_path / "run", "--dry-run")
    assert status == 0 and "2 items" in out and "field 'reference'" in out
    folder = llama(tmp_path / "llama", positions=200)
    file = tmp_path / "train.jsonl"
    rows = [{"instruction": f"Return {'very ' * 150 * (n == 3)}{n}.", "code": f"return {n}"} for n in range(40)]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    data = (
        "--data.sources",
        "jsonl",
        "--data.jsonl.train",
        file,
        "--data.jsonl.tests",
        file,
        "--no-data.decontaminate",
    )
    flags = ("--model", folder, *data, "--icl.examples", 6, "--decoding.max-new-tokens", 16)
    status, out, err = evaluate(*flags, "--run-dir", tmp_path / "run", "--dry-run")
    assert status == 0, err
    assert "train: 40 items, prompt study; 1 answers each of at most 16 tokens" in out
    assert "examples do not fit" in out and "too long    train-4: by" in out
    assert not (tmp_path / "run").exists()
    status, _, err = evaluate(*flags, "--decoding.max-new-tokens", 300, "--dry-run")
    assert status == 2 and "leaves no room for a question in 200" in err
    status, _, err = evaluate(*flags, "--icl.examples", 50, "--dry-run")
    assert status == 2 and "50 examples are wanted and" in err
    status, _, err = evaluate(*flags, "--sets", "other", "--dry-run")
    assert status == 2 and "there is no test set 'other'" in err and "there are train" in err


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ((), "give either predictions, a JSONL file, or model"),
        (("--predictions", "p", "--model", "m"), "give either predictions"),
        (("--predictions", "p", "--icl.examples", "2"), "icl goes with model"),
        (("--model", "m", "--icl.examples", "2", "--rag.k", "2"), "give one"),
        (("--model", "m", "--rag.encoder", "minilm"), "go with rag.k"),
        (("--model", "m", "--rag.index", "i"), "go with rag.k"),
        (("--model", "m", "--rag.index", "i", "--rag.k", "2", "--rag.encoder", "minilm"), "for training examples"),
        (("--model", "m", "--rag.index", "i", "--rag.k", "2", "--icl.examples", "1"), "give one"),
        (("--predictions", "p", "--rag.index", "i"), "rag goes with model"),
        (("--model", "m", "--decoding.beams", "2", "--decoding.samples", "3"), "cannot be returned of 2 beams"),
        (("--model", "m", "--ks", "0"), "numbers from 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_loaded(flags, complaint):
    status, _, err = evaluate(*flags)
    assert status == 2 and complaint in err


def test_units_hold_items_of_like_length_and_one_kind_of_decoding():
    beams = CHEAP.model_copy(update={"beams": 4, "samples": 2})
    items = [(Asked(("s", str(n)), "p", n, 0), beams if n % 2 else CHEAP) for n in range(20)]
    made = units(items, 8)
    assert sorted(item.key for unit in made for item in unit.items) == sorted(item.key for item, _ in items)
    for unit in made:
        assert len(unit.items) * unit.sampling.beams <= 8
        lengths = [item.tokens for item in unit.items]
        assert lengths == sorted(lengths, reverse=True)


def test_the_table_names_model_method_and_examples():
    figure = {"value": 0.25, "low": 0.2, "high": 0.3}
    levels = {"introductory": {"pass@1": figure}, "interview": {"pass@1": figure}}
    tests = {"pass@1": figure, "avg_tests_passed": figure, "problems": 2, "by_difficulty": levels}
    metrics = {"em@1": figure, "codebleu": figure}
    block = {"source": "apps", "items": 2, "metrics": metrics, "context": {}, "tests": tests}
    shown = render({
        "model": {"id": "org/small"}, "adapter": {"method": "lora", "name": "x"}, "icl": {"examples": 0},
        "rag": {"k": 4}, "sets": {"apps": block}, "run_dir": "R", "memory": None,
    })  # fmt: skip
    assert "small lora RAG 4 " in shown and "20.0–30.0" in shown and "interview" in shown
    assert "CodeLlama-7B-Instruct, introductory" in shown and "arXiv 2308.10462" in shown
