"""Figures, failures and the comparison of modes from outcomes alone."""

from hypothesis import given
from hypothesis import strategies as st

from jobs.apps.inputs import Known
from jobs.apps.ledger import Outcome
from jobs.apps.plot import EXCEPTIONS, REST, segments
from jobs.apps.summary import agreement, isolation, summarise
from jobs.execution.actor import ActorRecord
from jobs.execution.sandbox.host import Isolation

PROBLEMS = {
    "a": Known("stdin", "interview", 4, (0, 1)),
    "b": Known("stdin", "introductory", 2, (0,)),
    "c": Known("call", "", 1, (0, 1)),
    "none": Known("stdin", "interview", 3, ()),
}


def outcome(tests, of, failure=None):
    return Outcome(tests == of, tests, failure, 0.1)


OUTCOMES = {
    ("a", 0): outcome(4, 4),
    ("a", 1): outcome(1, 4, "ValueError"),
    ("b", 0): outcome(1, 2, "wrong answer"),
    ("c", 0): outcome(0, 1, "syntax error"),
    ("c", 1): outcome(0, 1, "timeout"),
}


def test_the_figures_are_means_over_problems():
    found = summarise(PROBLEMS, OUTCOMES, "strict", 0)
    assert (found["problems"], found["samples"]) == (3, 5)
    assert abs(found["avg_tests_passed"]["value"] - (0.625 + 0.5 + 0) / 3) < 1e-12
    assert abs(found["strict_accuracy"]["value"] - 0.5 / 3) < 1e-12
    assert found["pass@1"]["n"] == 3 and found["pass@2"] == {**found["pass@2"], "value": 0.5, "n": 2}
    assert found["left_out"]["pass@2"] == 1 and "pass@5" not in found
    for name in ("avg_tests_passed", "strict_accuracy", "pass@1"):
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]


def test_by_difficulty_in_the_usual_order():
    found = summarise(PROBLEMS, OUTCOMES, "strict", 0)["by_difficulty"]
    assert list(found) == ["introductory", "interview", "unnamed"]
    assert found["interview"]["strict_accuracy"]["value"] == 0.5 and found["interview"]["problems"] == 1


def test_the_reference_gives_no_pass_at_k_where_a_problem_has_too_few_samples():
    assert "pass@2" not in summarise(PROBLEMS, OUTCOMES, "reference", 0)


def test_every_candidate_is_counted_once_among_passed_and_failures():
    found = summarise(PROBLEMS, OUTCOMES, "strict", 0)["failures"]
    assert found["all"] == {"passed": 1, "ValueError": 1, "wrong answer": 1, "syntax error": 1, "timeout": 1}
    assert found["by_difficulty"]["interview"] == {"passed": 1, "ValueError": 1}
    assert sum(sum(part.values()) for part in found["by_difficulty"].values()) == len(OUTCOMES)


def test_the_modes_side_by_side():
    strict = {("a", n): outcome(passed, 1) for n, passed in enumerate((1, 1, 0, 0, 0))}
    reference = {("a", n): outcome(passed, 1) for n, passed in enumerate((1, 0, 1, 1, 0))}
    assert agreement(strict, reference) == {
        "candidates": 5, "same": 2, "both_pass": 1, "neither_passes": 1,
        "only_strict": {"count": 1, "first": [["a", 1]]}, "only_reference": {"count": 2, "first": [["a", 2], ["a", 3]]},
    }  # fmt: skip


def test_isolation_counts_actors_that_are_alike_and_tells_levels_apart():
    full = Isolation("full", 7, 2, own_user=True, python="3.11", packages={})
    bare = Isolation("full", 0, 2, own_user=True, python="3.11", packages={})
    weak = Isolation("reduced", 7, 0, own_user=False, python="3.11", packages={})
    actors = [ActorRecord("n1", 1, full), ActorRecord("n1", 2, full), ActorRecord("n2", 3, bare)]
    found = isolation(actors)
    assert found["level"] == "full" and [kind["actors"] for kind in found["kinds"]] == [2, 1]
    assert found["kinds"][1]["nodes"] == ["n2"] and found["kinds"][1]["landlock"] == 0
    mixed = isolation([*actors, ActorRecord("n3", 4, weak)])
    assert mixed["level"] is None and mixed["levels"] == ["full", "reduced"]


NAMES = ["passed", "wrong answer", "timeout", "syntax error", "killed", *(f"E{n}Error" for n in range(9))]


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), st.integers(1, 50), min_size=1), min_size=1, max_size=4))
def test_the_bars_are_whole(bars):
    found = segments(bars)
    for place in range(len(bars)):
        assert abs(sum(values[place] for values in found.values()) - 100) < 1e-9
    raised = [kind for kind in found if kind.endswith("Error")]
    assert len(raised) <= EXCEPTIONS and (REST in found) <= (len(raised) == EXCEPTIONS)
    assert all(any(values) for values in found.values())
