"""The actor's own part of work stealing, without Ray: what is begun stays, the rest goes back, once."""

import pickle
import threading

import pytest

from common.errors import UserError
from jobs.execution.actor import Actor
from jobs.execution.sandbox.host import SandboxError
from tests.jobs.execution.judges import Obedient, waited, work


@pytest.fixture
def actor():
    made = Actor(Obedient)
    made.start()
    return made


def run(actor, number, piece, seconds=1e9):
    return actor.run(number, piece.items, {piece.problem.id: pickle.dumps(piece.problem)}, seconds)


def judged(results):
    return [verdict.sample for verdict, _ in results]


def test_a_unit_is_judged_in_order(actor):
    assert judged(run(actor, 0, work("p", "", "", ""))) == [0, 1, 2]


def test_a_unit_that_takes_too_long_stops_after_at_least_one(actor):
    assert judged(run(actor, 0, work("p", "", "", ""), seconds=0)) == [0]


def test_what_is_not_begun_goes_back_while_a_candidate_runs(actor, tmp_path):
    begun, go = tmp_path / "begun", tmp_path / "go"
    results = []
    unit = work("p", "", f"mark {begun}; wait {go}", "", "")
    thread = threading.Thread(target=lambda: results.extend(run(actor, 3, unit)))
    thread.start()
    assert waited(begun)
    assert actor.give_back([3, 4]) == {3: 2, 4: 0}
    assert actor.give_back([3]) == {}, "there is nothing left to give"
    go.touch()
    thread.join()
    assert judged(results) == [0, 1]
    assert run(actor, 4, work("q", "", "")) == [], "it was given back before it had begun"
    assert judged(run(actor, 5, work("q", ""))) == [0]


def test_a_unit_that_is_over_is_not_given_back(actor):
    run(actor, 0, work("p", ""))
    assert actor.give_back([0]) == {}


def test_the_node_is_named_where_no_sandbox_can_be_made():
    def refuse():
        raise SandboxError("no namespaces", "ask for them")

    with pytest.raises(SandboxError, match=r"node \S+: no namespaces") as raised:
        Actor(refuse).start()
    assert isinstance(raised.value, UserError) and raised.value.remedy == "ask for them"
