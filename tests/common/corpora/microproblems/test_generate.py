import hashlib
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from common.corpora.microproblems import generate, microproblems
from common.corpora.microproblems.draws import lines, numbers
from common.corpora.microproblems.families import FAMILIES
from common.corpora.microproblems.family import Family, Stdin, label
from common.corpora.microproblems.generate import EVAL_FAMILIES, EVAL_INSTANCES, SPLITS, TRAIN, choose, held_out
from common.errors import UserError
from tests.common.corpora.microproblems.answers import held_tests, passes, passes_as_script, tokens

ROOT = Path(__file__).parents[4]
APPS = ["problem_id", "question", "solutions", "input_output", "difficulty", "url", "starter_code"]

SUM = Family(
    name="sum",
    difficulty="introductory",
    form=Stdin("One line of integers.", "One integer."),
    parameters={"k": range(8)},
    wordings=("Add up and add $k.",),
    solutions=("print(sum(map(int, input().split())) + $k)",),
    draw=lambda r, p: lines(numbers(r, 0, 99)),
    edges=lambda p: [lines(0)],
)


@pytest.fixture(scope="module")
def made():
    return microproblems(seed=1, instances=4)


def rows_of(made):
    return [*made.train, *made.eval_instances, *made.eval_families]


def digest(made):
    return hashlib.sha256(json.dumps(rows_of(made)).encode()).hexdigest()


def test_rows_look_like_the_hub_s(made):
    assert [row["problem_id"] for row in rows_of(made)] == list(range(4 * len(FAMILIES)))
    for row in rows_of(made):
        assert list(row) == [*APPS, "family", "split"]
        assert row["difficulty"] in ("introductory", "interview", "competition")
        assert row["url"] == ""
        assert "$" not in row["question"]
        solutions = json.loads(row["solutions"])
        assert len(solutions) >= 2
        assert all(isinstance(source, str) and "$" not in source for source in solutions)
        fn_name, inputs, outputs = held_tests(row)
        assert 6 <= len(inputs) == len(outputs) <= 10
        assert len({json.dumps(given) for given in inputs}) == len(inputs)
        assert all(isinstance(given, list if fn_name else str) for given in inputs)
        assert set(json.loads(row["input_output"])) == {"inputs", "outputs"} | ({"fn_name"} if fn_name else set())


def test_function_problems_say_what_to_define(made):
    starts: Counter[bool] = Counter()
    for row in rows_of(made):
        fn_name, _, _ = held_tests(row)
        if not fn_name:
            assert row["starter_code"] == ""
            continue
        assert f"{fn_name}(" in row["question"]
        method = row["starter_code"].startswith("class Solution:")
        assert f"def {fn_name}({'self, ' if method else ''}" in row["starter_code"]
        assert all(("class Solution:" in source) == method for source in json.loads(row["solutions"]))
        starts[method] += 1
    assert min(starts[True], starts[False]) > 30


def test_the_examples_of_a_question_are_tests(made):
    for row in rows_of(made):
        fn_name, inputs, outputs = held_tests(row)
        shown = repr(outputs[0]) if fn_name else f"{inputs[0]}\nOutput\n{outputs[0]}".rstrip("\n")
        assert shown in row["question"]


def test_all_solutions_pass_all_tests(made):
    for row in rows_of(made):
        assert all(passes(source, row) for source in json.loads(row["solutions"])), row["family"]


def test_solutions_pass_as_scripts(made, tmp_path):
    for row in made.train[::18]:
        for source in json.loads(row["solutions"]):
            assert passes_as_script(source, row, tmp_path), row["family"]


def test_no_constant_answer_passes(made):
    for row in rows_of(made):
        outputs = Counter(json.dumps(tokens(output)) for output in held_tests(row)[2])
        assert len(outputs) >= 2, row["family"]
        assert outputs.most_common(1)[0][1] <= 0.75 * outputs.total(), row["family"]


def test_the_program_of_another_problem_of_the_family_fails(made):
    """A quarter of a family's problems is held out for this: what was learnt by heart is of no use there."""
    tried = lucky = 0
    for row in made.eval_instances:
        for other in made.train:
            fn_names = held_tests(row)[0], held_tests(other)[0]
            if other["family"] == row["family"]:
                source = json.loads(other["solutions"])[0].replace(str(fn_names[1]), str(fn_names[0]))
                lucky += passes(source, row)
                tried += 1
    assert tried >= 150
    assert lucky / tried <= 0.03


def test_whole_families_are_held_out(made):
    families = {split: {row["family"] for row in getattr(made, split)} for split in SPLITS}
    assert families[TRAIN] == families[EVAL_INSTANCES]
    assert not families[TRAIN] & families[EVAL_FAMILIES]
    assert 0.2 < len(families[EVAL_FAMILIES]) / len(FAMILIES) < 0.3
    assert {row["split"] for row in made.eval_families} == {EVAL_FAMILIES}
    for kind in (True, False):
        assert sum((held_tests(row)[0] is None) is kind for row in made.eval_families) >= 40


def test_no_parameters_are_in_two_splits_whatever_the_seed():
    away = held_out(FAMILIES)
    for family in FAMILIES:
        places: dict[str, str] = {}
        for seed in range(6):
            drawn = [(split, label(p)) for split, p in choose(family, seed, 20, away=family.name in away)]
            assert len({parameters for _, parameters in drawn}) == len(drawn)
            for split, parameters in drawn:
                assert places.setdefault(parameters, split) == split
        assert len(places) >= 20


def test_no_question_and_no_program_comes_twice(made):
    assert len({row["question"] for row in rows_of(made)}) == len(rows_of(made))
    assert len({(row["family"], row["solutions"]) for row in rows_of(made)}) == len(rows_of(made))


def test_the_seed_decides(made):
    assert digest(microproblems(1, 4)) == digest(made)
    other = microproblems(2, 4)
    assert {row["question"] for row in rows_of(other)} != {row["question"] for row in rows_of(made)}
    assert {row["family"] for row in other.train} == {row["family"] for row in made.train}


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_another_process_makes_the_same_bytes(made, hash_seed):
    script = (
        "import json, sys; from common.corpora.microproblems import microproblems; made = microproblems(1, 4)\n"
        "sys.stdout.write(json.dumps([*made.train, *made.eval_instances, *made.eval_families]))"
    )
    environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert hashlib.sha256(done.stdout).hexdigest() == digest(made)


def test_another_machine_makes_the_same_bytes():
    """What was made once for a family that only this test has."""
    assert digest(microproblems(0, 8, [SUM])) == ("a26d9d66be91fa0bc2d68f61cf2f064fe7cee81991e191d392f9d4e2112c0351")


def test_the_first_rows_cover_the_families(made):
    families = len({row["family"] for row in made.train})
    assert len({row["family"] for row in made.train[:families]}) == families


def test_a_family_that_cannot_give_enough_is_reported():
    made = microproblems(0, 40, [SUM])
    assert made.short == {"sum": 8}
    assert (len(made.train), len(made.eval_instances), len(made.eval_families)) == (6, 2, 0)
    assert microproblems(0, 8, [SUM]).short == {}


def test_one_instance_cannot_be_split():
    with pytest.raises(UserError, match="1 instances"):
        microproblems(0, 1)


def test_a_family_with_one_answer_is_refused():
    with pytest.raises(ValueError, match="1 different answers"):
        microproblems(0, 2, [replace(SUM, solutions=("print($k)",))])


def test_one_question_for_two_problems_is_refused(monkeypatch):
    monkeypatch.setattr(generate, "question", lambda *_: "Add up.")
    with pytest.raises(ValueError, match=r"problems 0 and 1 \(sum\) are the same"):
        microproblems(0, 2, [SUM])


def test_splits_are_written_and_read_back(made, tmp_path):
    files = made.write(tmp_path / "new" / "folder")
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {f"{split}.jsonl" for split in SPLITS}
    for split, path in files.items():
        assert tuple(map(json.loads, path.read_text("utf-8").splitlines())) == getattr(made, split)


def test_a_write_that_fails_leaves_the_old_file(made, tmp_path, monkeypatch):
    made.write(tmp_path)
    before = (tmp_path / "train.jsonl").read_bytes()

    def full(row):
        if row is made.train[5]:
            raise OSError("no space left")
        return "{}"

    monkeypatch.setattr(generate, "as_json", full)
    with pytest.raises(OSError, match="no space"):
        made.write(tmp_path)
    assert (tmp_path / "train.jsonl").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == len(SPLITS)
