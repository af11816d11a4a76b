"""The pool over Ray, with evaluators that do what candidates say: who judges what, in which order, and after what."""

import itertools
import os
import signal
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from common.errors import UserError
from jobs.execution.pool import ACTOR_DIED, Pool, PoolConfig
from tests.jobs.execution.judges import Obedient, waited, work
from tests.jobs.ray.processes import wait_for

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]
TWO = PoolConfig(num_workers=2)


def run(pieces, config=TWO, make=Obedient, **more):
    with closing(Pool(config, make, **more).run(pieces)) as verdicts:
        return list(verdicts)


def keys(verdicts):
    return [(verdict.problem_id, verdict.sample, verdict.mode) for verdict in verdicts]


def test_every_verdict_comes_once_and_both_actors_work(tmp_path):
    actors = []
    a, b = tmp_path / "a", tmp_path / "b"
    pieces = [work(name, *[""] * 7, modes=("strict", "reference")) for name in range(12)]
    pieces.append(work("at once", f"mark {a}; wait {b}", f"mark {b}; wait {a}"))
    again = [work(3, "", ""), work("empty")]
    verdicts = run(iter([*pieces, *again]), on_start=actors.append)
    assert sorted(keys(verdicts)) == sorted(item.key for piece in pieces for item in piece.items)
    assert {verdict.error for verdict in verdicts} <= {str(actor.pid) for actor in actors}
    assert len(actors) == 2 and all(verdict.passed for verdict in verdicts)


def test_without_work_nothing_is_started():
    assert run([], make=None) == []


def test_large_tests_arrive_whole():
    verdicts = run(work(name, *[""] * 3, inputs=(name * 100_000,)) for name in ("a", "bb", "ccc"))
    assert {(verdict.problem_id, verdict.cpu_s) for verdict in verdicts} == {("a", 1e5), ("bb", 2e5), ("ccc", 3e5)}
    assert len(verdicts) == 9


def test_an_actor_that_is_killed_is_replaced_and_its_work_done_again(tmp_path):
    begun, go = tmp_path / "begun", tmp_path / "go"

    def kill():
        assert waited(begun)
        go.touch()  # those that come after do not wait
        os.kill(int(begun.read_text().split()[0]), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    actors = []
    pieces = [work(name, *["", f"mark {begun}; wait {go}" if name == 2 else ""] * 3) for name in range(5)]
    verdicts = run(iter(pieces), on_start=actors.append)
    thread.join()
    assert sorted(keys(verdicts)) == sorted(item.key for piece in pieces for item in piece.items)
    assert all(verdict.passed for verdict in verdicts)
    assert len(actors) >= 2


@pytest.mark.parametrize("way", ["die", "raise"])
def test_a_candidate_that_kills_its_actors_is_given_up_and_the_others_go_on(tmp_path, way):
    deaths = tmp_path / "deaths"
    codes = ["", "", f"mark {deaths}; {way}", "", ""]
    verdicts = run([work("bad", *codes, modes=("strict", "reference")), work("good", "", "")])
    assert len(verdicts) == 12 == len(set(keys(verdicts)))
    killed = {verdict.mode: verdict for verdict in verdicts if not verdict.passed}
    assert {(verdict.problem_id, verdict.sample) for verdict in killed.values()} == {("bad", 2)}
    assert killed["strict"].results == ("killed", "killed") and killed["reference"].results == (-1, -1)
    assert all(verdict.failure == "killed" and verdict.error.startswith(ACTOR_DIED) for verdict in killed.values())
    if way == "raise":
        assert "no such luck" in killed["strict"].error
    assert 5 <= len(deaths.read_text().split()) <= 6, "three times in each mode; both may share the first"


def test_a_slow_candidate_does_not_keep_what_stands_behind_it(tmp_path):
    """It ends only when all others have their verdicts, so whatever is not handed back would wait for ever."""
    go = tmp_path / "go"
    slow = ("slow", 0, "strict")
    pieces = [work("slow", f"wait {go}", *[""] * 30), work("quick", *[""] * 20)]
    seen = []
    with closing(Pool(PoolConfig(num_workers=2, unit_seconds=1e6), Obedient).run(pieces)) as verdicts:
        for verdict in verdicts:
            seen.append(verdict)
            if len(seen) == 50:
                go.touch()
    assert keys(seen)[-1] == slow and seen[-1].passed
    assert len(set(keys(seen))) == 51


def test_work_is_judged_while_more_is_being_made():
    """The second piece exists only once the first has its verdicts, and so on."""
    done = threading.Semaphore(0)
    order = []

    def slowly():
        for name in "abc":
            order.append(f"{name} made")
            yield work(name, "", "")
            for _ in range(2):
                assert done.acquire(timeout=120), "nothing is judged before everything is made"

    with closing(Pool(TWO, Obedient).run(slowly())) as verdicts:
        for verdict in verdicts:
            order.append(verdict.problem_id)
            done.release()
    assert order == ["a made", "a", "a", "b made", "b", "b", "c made", "c", "c"]


def test_no_more_work_is_pulled_than_the_actors_need():
    pulled = Counter()

    def endless():
        for name in itertools.count():
            pulled["pieces"] += 1
            yield work(name, "")

    with closing(Pool(PoolConfig(num_workers=2, unit_seconds=0.001), Obedient).run(endless())) as verdicts:
        first = list(itertools.islice(verdicts, 40))
    assert len(set(keys(first))) == 40
    assert pulled["pieces"] < 40 + 1000


def test_what_was_made_before_the_maker_failed_is_judged():
    def breaks():
        yield work("a", "", "")
        yield work("b", "")
        raise ValueError("the model is out of memory")

    seen = []
    with pytest.raises(ValueError, match="out of memory"):
        for verdict in Pool(TWO, Obedient).run(breaks()):
            seen.append(verdict.problem_id)
    assert sorted(seen) == ["a", "a", "b"]


def test_a_node_that_cannot_make_the_sandbox_ends_the_job():
    def refuse():
        raise UserError("no namespaces here", "python -m cluster.doctor")

    with pytest.raises(UserError, match=r"node \S+: no namespaces here"):
        run([work("a", "")], make=refuse)


def test_actors_that_die_before_they_have_started_end_the_job():
    def dies():
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(UserError, match="in a row died"):
        run([work("a", "")], PoolConfig(num_workers=1), make=dies)


def test_the_actors_are_gone_afterwards(tmp_path):
    actors = []
    endless = f"wait {tmp_path / 'never'}"
    config = PoolConfig(num_workers=2, unit_seconds=1e-9)
    with closing(Pool(config, Obedient, actors.append).run([work("a", "", *[endless] * 5)])) as verdicts:
        next(verdicts)
    assert actors
    for actor in actors:
        wait_for(lambda pid=actor.pid: not Path(f"/proc/{pid}").exists(), f"actor {actor.pid} to end")
