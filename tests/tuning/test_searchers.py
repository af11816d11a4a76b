import json
import math
import statistics
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.tune.search import Searcher

from tests.tuning.setups import trial
from tuning.outcome import Trial
from tuning.searchers import Halving, Listed, Tpe
from tuning.space import Axis, Space
from tuning.stopping import UNTIL

METHOD, RANK, RATE, TARGETS = "peft.method", "peft.rank", "training.learning_rate", "peft.targets"
STUDY = Space({
    METHOD: Axis(values=("lora", "ia3", "prompt")),
    RANK: Axis(low=4, high=64, log=True, integer=True),
    "peft.virtual_tokens": Axis(values=(10, 20)),
    RATE: Axis(low=1e-5, high=1e-1, log=True),
    TARGETS: Axis(values=(["query"], ["query", "value"], None), when={METHOD: ["lora"]}),
})  # fmt: skip
LINE = Space({"x": Axis(low=0, high=1)})


class Rounds:
    """Trains points for halving: a point's value at a step is its quality times the step."""

    def __init__(self, qualities, *, steps=90, direction="max", fails=()):
        self.done, self._steps, self._fails = {}, steps, fails
        self._qualities, self._direction = qualities, direction
        self.begun = []

    def searcher(self):
        points = [{"q": place} for place in range(len(self._qualities))]
        return Halving(
            points, (1 / 9, 1 / 3, 1.0), 3, self._direction, begin=lambda name, point: self.begun.append(point["q"]),
            outcome=lambda point: self.done.get(point["q"]),
        )  # fmt: skip

    def train(self, point):
        place, goal = point["q"], round(self._steps * point[UNTIL])
        marks = [step for step in (10, 30, 90) if step <= goal]
        told = {"curve": [(0, 0.0), *((step, self._qualities[place] * step) for step in marks)], "trained_steps": goal}
        status = "failed" if place in self._fails else "finished" if goal == self._steps else "stopped"
        self.done[place] = trial(place, point, **told, metric=0.0, status=status).model_copy(
            update={"steps": self._steps}
        )

    def run(self, searcher, concurrent=2):
        running, names = {}, iter(range(1000))
        while True:
            while len(running) < concurrent:
                point = searcher.suggest(name := str(next(names)))
                if point is None or point == Searcher.FINISHED:
                    break
                running[name] = point
            if not running:
                assert searcher.finished
                return
            name = next(iter(running))
            self.train(running.pop(name))
            searcher.on_trial_complete(name)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=20, unique=True), st.integers(1, 4))
def test_halving_trains_the_best_third_of_each_round_further(qualities, concurrent):
    rounds = Rounds(qualities)
    rounds.run(rounds.searcher(), concurrent)
    second, third = math.ceil(len(qualities) / 3), math.ceil(math.ceil(len(qualities) / 3) / 3)
    ranked = sorted(range(len(qualities)), key=lambda place: -qualities[place])
    steps = {place: one.trained_steps for place, one in rounds.done.items()}
    assert steps == {p: 90 if n < third else 30 if n < second else 10 for n, p in enumerate(ranked)}
    assert len(rounds.begun) == len(qualities) + second + third


def test_halving_waits_for_the_round_and_a_lower_loss_is_better():
    rounds = Rounds([5, 3, 4], direction="min")
    searcher = rounds.searcher()
    first = [searcher.suggest(name) for name in "abc"]
    assert searcher.suggest("d") is None and not searcher.finished
    for name, point in zip("abc", first, strict=True):
        rounds.train(point)
        searcher.on_trial_complete(name)
    assert searcher.suggest("d") == {"q": 1, UNTIL: 1 / 3}


def test_a_failed_point_goes_no_further_and_a_resubmission_takes_up_where_it_was():
    rounds = Rounds([1, 2, 9, 4], fails=[2])
    searcher = rounds.searcher()
    rounds.run(searcher)
    assert {place: one.trained_steps for place, one in rounds.done.items()} == {0: 10, 1: 10, 2: 10, 3: 90}
    del rounds.done[3], rounds.done[2]
    rounds.begun.clear()
    rounds._fails = ()
    rounds.run(rounds.searcher())
    assert rounds.done[2].trained_steps == 90 and rounds.done[3].trained_steps == 30
    assert sorted(rounds.begun) == [2, 2, 2, 3, 3], "what is known is not trained again"
    assert rounds.searcher().finished


def test_a_point_that_fails_on_its_way_to_the_next_rung_is_not_judged_by_the_one_before():
    rounds = Rounds([1, 2, 3, 4])
    searcher = rounds.searcher()
    for name in "abcd":
        rounds.train(searcher.suggest(name))
        searcher.on_trial_complete(name)
    best, other = searcher.suggest("e"), searcher.suggest("f")
    assert [best["q"], other["q"]] == [3, 2]
    searcher.on_trial_complete("e", error=True)  # its process died: what is known of it is the round before
    rounds.train(other)
    searcher.on_trial_complete("f")
    assert searcher.suggest("g") == {"q": 2, UNTIL: 1.0}


class Desk:
    """Gives a searcher's points a metric, as the driver does."""

    def __init__(self, space, objective, count, *, seed=0, allowed=lambda point: True, directions=None, **more):
        self.points, self.trials, self._objective = [], {}, objective
        self.searcher = Tpe(
            space, count, seed, directions or {"metric": "max"}, allowed=allowed, outcome=self.trials.get,
            begin=lambda name, point: self.points.append(point), **more,
        )  # fmt: skip

    def run(self, most=1000):
        for number in range(most):
            point = self.searcher.suggest(f"t{number}")
            if point == Searcher.FINISHED:
                return self.points
            assert point == self.points[-1]
            self.trials[f"t{number}"] = through_json(trial(f"t{number}", point, **self._objective(point)))
            self.searcher.on_trial_complete(f"t{number}")
        raise AssertionError("it goes on for ever")


def through_json(one):
    return Trial.model_validate_json(one.model_dump_json())


def hill(point, top=0.8):
    return {"metric": -abs(point["x"] - top)}


def good_rate(point):
    """Best at a rate of 1e-3 and with lora."""
    return {"metric": -abs(math.log10(point[RATE]) + 3) - (0 if point[METHOD] == "lora" else 1)}


def test_a_list_gives_all_its_points_and_tells_who_got_which():
    begun, points = [], [{"a": 1}, {"a": 2, "b": [1]}]
    listed = Listed(points, lambda name, point: begun.append((name, point)))
    assert [listed.suggest(name) for name in "xy"] == points
    assert listed.suggest("z") == Searcher.FINISHED
    assert begun == [("x", points[0]), ("y", points[1])]
    listed.on_trial_complete("x", {"metric": 1})
    assert listed.suggest("z") == Searcher.FINISHED


def test_what_tune_does_to_a_point_leaves_the_list_alone():
    points = [{"a": 1}]
    Listed(points, lambda name, point: None).suggest("x")["a"] = 2
    assert points == [{"a": 1}]


def test_tpe_proposes_only_what_applies():
    points = Desk(STUDY, good_rate, 40).run()
    assert {point[METHOD] for point in points} == {"lora", "ia3", "prompt"}
    for point in points:
        expected = {"lora": {RANK, TARGETS}, "ia3": set(), "prompt": {"peft.virtual_tokens"}}[point[METHOD]]
        assert point.keys() == {METHOD, RATE} | expected
        assert 1e-5 <= point[RATE] <= 1e-1
        assert point.get(RANK, 4) in range(4, 65)
        assert point.get("peft.virtual_tokens", 10) in (10, 20)
        assert point.get(TARGETS) in (["query"], ["query", "value"], None)


def test_tpe_ends_after_its_count():
    assert len(Desk(LINE, hill, 7).run()) == 7


@pytest.mark.parametrize("objectives", [{}, {"seconds": "min"}])
@pytest.mark.parametrize("least", [0.3, 0.5, 0.8])
def test_tpe_goes_on_within_what_is_allowed(least, objectives):
    def objective(point):
        return {**hill(point), "seconds": 1.0}

    directions = {"metric": "max", **objectives}
    points = Desk(LINE, objective, 20, directions=directions, allowed=lambda point: point["x"] > least).run()
    assert len(points) == 20
    assert all(point["x"] > least for point in points)


def test_tpe_ends_where_nothing_is_allowed():
    assert Desk(LINE, hill, 20, allowed=lambda point: False).run() == []


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_tpe_learns(seed):
    scores = [hill(point)["metric"] for point in Desk(LINE, hill, 45, seed=seed).run()]
    assert statistics.mean(scores[30:]) > statistics.mean(scores[:15]) + 0.1


def test_tpe_learns_what_is_least():
    points = Desk(LINE, lambda point: {"metric": point["x"]}, 45, directions={"metric": "min"}).run()
    assert statistics.mean(point["x"] for point in points[30:]) < 0.25


def test_tpe_learns_in_a_space_with_conditions():
    scores = [good_rate(point)["metric"] for point in Desk(STUDY, good_rate, 60).run()]
    assert statistics.mean(scores[40:]) > statistics.mean(scores[:20]) + 0.5


def test_a_seed_gives_the_same_points_and_another_seed_others():
    assert Desk(STUDY, good_rate, 20).run() == Desk(STUDY, good_rate, 20).run()
    assert Desk(LINE, hill, 5).run() != Desk(LINE, hill, 5, seed=1).run()


def test_tpe_trades_objectives():
    def objective(point):
        return {"metric": point["x"], "seconds": 10 * point["x"] if point["x"] < 0.5 else 1000.0}

    points = Desk(LINE, objective, 60, directions={"metric": "max", "seconds": "min"}).run()
    late = [point["x"] for point in points[30:]]
    assert sum(x < 0.55 for x in late) > 2 / 3 * len(late)


def stopped_at(top, count=40):
    """Trials evenly over the line, best at `top`; those far off were stopped."""
    found = []
    for number in range(count):
        x = (number + 0.5) / count
        metric = hill({"x": x}, top)["metric"]
        status = "finished" if metric > -0.2 else "stopped"
        found.append(through_json(trial(number, {"x": x}, metric, status, curve=((50, metric),))))
    return found


@pytest.mark.parametrize("top", [0.1, 0.5, 0.9])
def test_known_trials_say_where_to_look(top):
    flat = Desk(LINE, lambda point: {"metric": 0.0, "status": "failed"}, 9, known=stopped_at(top))
    assert statistics.mean(abs(point["x"] - top) for point in flat.run()) < 0.2


def test_stopped_trials_say_where_not_to_look():
    low = [trial(n, {"x": n / 40}, -1.0, "stopped", curve=((5, -1.0),)) for n in range(20)]
    high = [trial(n, {"x": n / 40}, -0.5, "stopped", curve=((5, -0.5),)) for n in range(20, 40)]
    points = Desk(LINE, lambda point: {"metric": 0.0, "status": "failed"}, 9, known=low + high).run()
    assert sum(point["x"] > 0.45 for point in points) >= 7


def known_study(status):
    configs = [
        {METHOD: "lora", RANK: 8, RATE: 1e-3, TARGETS: ["query", "value"]},
        {METHOD: "lora", RANK: 64, RATE: 1e-2, TARGETS: None},
        {METHOD: "prompt", "peft.virtual_tokens": 20, RATE: 1e-1},
        {METHOD: "ia3", RATE: 1e-5},
    ]
    return [
        Trial.model_validate(json.loads(trial(n, config, 0.1 * n, status, curve=((5, 0.1 * n),)).model_dump_json()))
        for n, config in enumerate(configs * 3)
    ]


@pytest.mark.parametrize("status", ["finished", "stopped"])
def test_known_trials_of_a_space_with_conditions_and_lists_are_taken_in(status):
    points = Desk(STUDY, good_rate, 12, known=known_study(status)).run()
    assert len(points) == 12
    assert points != Desk(STUDY, good_rate, 12).run()


@pytest.mark.parametrize("status", ["failed", "refused"])
def test_trials_without_a_result_teach_nothing(status):
    known = [trial(n, {"x": n / 10}, None, status) for n in range(10)]
    assert Desk(LINE, hill, 12, known=known).run() == Desk(LINE, hill, 12).run()


def test_a_known_trial_that_lacks_an_objective_teaches_nothing():
    directions = {"metric": "max", "seconds": "min"}
    known = [trial(n, {"x": n / 10}, 0.1 * n, "stopped" if n % 2 else "finished") for n in range(10)]
    again = partial(Desk, LINE, lambda point: {"metric": point["x"], "seconds": 1.0}, 12, directions=directions)
    assert again(known=known).run() == again().run()


def test_stopped_trials_go_with_objectives():
    known = [through_json(trial(n, {"x": n / 20}, n / 20, "stopped" if n % 2 else "finished", seconds=1.0,
                                curve=((5, n / 20),))) for n in range(20)]  # fmt: skip
    directions = {"metric": "max", "seconds": "min"}
    points = Desk(LINE, lambda p: {"metric": p["x"], "seconds": 1.0}, 12, directions=directions, known=known).run()
    assert len(points) == 12


@pytest.mark.parametrize(
    ("axis", "value"), [(Axis(values=(8, 16)), 64), (Axis(low=1, high=16), 64.0), (Axis(values=(8, 16)), [8])]
)
def test_a_known_trial_outside_of_the_space_is_no_error(axis, value):
    known = [trial("old", {"x": value}, 0.9)]
    assert len(Desk(Space({"x": axis}), lambda point: {"metric": 0.0}, 3, known=known).run()) == 3


def test_list_valued_choices_are_told_apart():
    def objective(point):
        return {"metric": float(point[TARGETS] == ["query", "value"])}

    targets = Axis(values=(["query"], ["query", "value"], ["key"], ["value"]))
    space = Space({TARGETS: targets, RATE: Axis(low=0, high=1)})
    late = [point[TARGETS] for point in Desk(space, objective, 45).run()[30:]]
    assert late.count(["query", "value"]) > len(late) / 2


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_finite_space_is_tried_once_and_then_over(seed):
    rates = tuple(10**-power for power in range(8))
    space = Space({METHOD: Axis(values=("lora", "ia3")), RANK: Axis(values=(8, 16, 32)), RATE: Axis(values=rates)})
    seen = []

    def new(point):
        return point not in seen

    def objective(point):
        seen.append(point)
        return {"metric": point[RATE]}

    points = Desk(space, objective, 50, seed=seed, allowed=new).run()
    assert len(points) == space.size() == 32
    assert sorted(map(repr, points)) == sorted(map(repr, space.grid()))


def test_first_points_come_first():
    first = [{"x": 0.25}, {"x": 0.75}]
    points = Desk(LINE, hill, 6, first=first).run()
    assert points[:2] == first
    assert len(points) == 6


def test_first_points_keep_the_limits():
    points = Desk(LINE, hill, 6, first=[{"x": 0.25}, {"x": 0.75}], allowed=lambda point: point["x"] > 0.5).run()
    assert points[0] == {"x": 0.75}
    assert len(points) == 6


def test_tpe_proposes_several_at_once_without_their_results():
    desk = Desk(LINE, hill, 8)
    found = [desk.searcher.suggest(f"t{number}")["x"] for number in range(8)]
    assert len(set(found)) == 8
    assert desk.searcher.suggest("t8") == Searcher.FINISHED


def test_a_trial_that_never_ended_is_no_error():
    desk = Desk(LINE, hill, 3)
    desk.searcher.suggest("t0")
    desk.searcher.on_trial_complete("t0", error=True)
    desk.searcher.on_trial_complete("nobody")
    assert desk.searcher.suggest("t1") != Searcher.FINISHED


@pytest.mark.parametrize(("low", "high"), [(1, 3.6), (2.4, 9), (0.5, 4)])
@pytest.mark.parametrize("log", [False, True])
def test_integers_are_within_the_range(low, high, log):
    axis = Axis(low=low, high=high, integer=True, log=log)
    points = Desk(Space({"x": axis}), lambda point: {"metric": 0.0}, 30).run()
    assert all(isinstance(point["x"], int) and low <= point["x"] <= high for point in points)
