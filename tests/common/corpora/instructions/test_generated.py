"""The microproblems for tuning."""

import json
from dataclasses import replace

import pytest

from common.corpora.instructions import generated
from common.corpora.microproblems import microproblems
from common.errors import ConfigError
from tests.common.corpora.instructions.sets import accounts_for_all, everything, load, notices


@pytest.fixture(scope="module")
def made():
    return load("microproblems", microproblems={"instances": 4})


def families(examples):
    return {example.extra["family"] for example in examples}


def test_the_splits_are_the_generator_s(made):
    tests = made.tests
    assert list(tests) == ["eval_instances", "eval_families"]
    assert families(tests["eval_instances"]) == families(made.train) == families(made.dev)
    assert not families(tests["eval_families"]) & families(made.train)
    assert len(made.train) == 2 * len(made.dev) == 2 * len(tests["eval_instances"])
    assert accounts_for_all(made.report.sources["microproblems"])
    ids = [example.id for example in everything(made)]
    assert len(ids) == len(set(ids))
    codes = [{example.code for example in its} for its in (made.train, made.dev, tests["eval_instances"])]
    assert not codes[0] & codes[1] and not codes[0] & codes[2], "held out by parameters"


def test_near_copies_of_one_family_stay_in_training(made):
    """Problems of one family differ in a parameter: that is what is to be learnt."""
    assert not any(made.report.contaminated.values())
    raw = load("microproblems", microproblems={"instances": 4}, decontaminate=False)
    assert raw.report.fingerprint == made.report.fingerprint


def test_every_scored_example_has_its_problem(made):
    for name, examples in {"dev": made.dev, **made.tests}.items():
        rows = {str(row["problem_id"]): row for row in made.problems[name]}
        assert len(rows) == len(examples) == made.report.problems[name]
        for example in examples:
            row = rows[example.problem_id]
            assert example.code == json.loads(row["solutions"])[0]
            assert example.instruction == row["question"]
            assert (example.form == "call") == ("fn_name" in json.loads(row["input_output"]))
            assert example.starter_code == row["starter_code"]


def test_more_solutions_are_for_training_only(made):
    more = load("microproblems", microproblems={"instances": 4, "solutions": 9})
    assert len(more.train) >= 2 * len(made.train)
    assert [e.id for e in more.dev] == [e.id for e in made.dev]
    assert [e for e in more.train if "#" not in e.id] == list(made.train)


def test_families_and_levels_can_be_chosen(made):
    chosen = sorted(families(made.train))[:3] + sorted(families(made.tests["eval_families"]))[:1]
    sets = load("microproblems", microproblems={"instances": 4, "families": chosen})
    assert families(everything(sets)) == set(chosen)
    assert families(sets.tests["eval_families"]) == {chosen[-1]}, "which are held out is no matter of choice"
    easy = load("microproblems", microproblems={"instances": 4, "difficulties": ["introductory"]})
    assert {e.extra["difficulty"] for e in everything(easy)} == {"introductory"}
    with pytest.raises(ConfigError, match=r"no family 'shift_cypher', did you mean 'shift_cipher'\?"):
        load("microproblems", microproblems={"families": ["shift_cypher"]})


def test_the_seed_decides(made):
    assert load("microproblems", microproblems={"instances": 4}).report.fingerprint == made.report.fingerprint
    assert load("microproblems", microproblems={"instances": 4}, seed=1).report.fingerprint != made.report.fingerprint


def test_a_family_that_is_short_is_reported(monkeypatch):
    made = replace(microproblems(42, 3), short={"stairs": 2, "walks": 1})
    monkeypatch.setattr(generated, "microproblems", lambda seed, instances: made)
    sets = load("microproblems", microproblems={"instances": 3})
    assert notices(sets, "microproblems") == [
        "microproblems: family stairs has 2 problems only",
        "microproblems: family walks has 1 problems only",
    ]
    families = ["stairs", next(row["family"] for row in made.eval_families)]
    chosen = load("microproblems", microproblems={"instances": 3, "families": families})
    assert len(notices(chosen, "microproblems")) == 1
