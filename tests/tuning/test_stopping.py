import tempfile
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler

from tests.tuning.setups import trial
from tuning.config import Search
from tuning.space import Axis, Space
from tuning.stopping import METRIC, SHARE, CooperativeAsha, Population, Stops, reached

STEPS = 160
TRIALS = 8
directions = st.sampled_from(["max", "min"])
reductions = st.sampled_from([2, 3, 4])
# few values, so that trials tie; each trial reports at rungs and between
marks = st.lists(st.integers(1, STEPS) | st.sampled_from([10, 20, 40, 80, STEPS]), min_size=1, max_size=7, unique=True)
values = st.integers(0, 9).map(lambda tenths: tenths / 10)
curves = st.lists(
    marks.flatmap(lambda steps: st.tuples(*(st.tuples(st.just(step), values) for step in sorted(steps)))),
    min_size=2, max_size=TRIALS,
)  # fmt: skip


@st.composite
def sweeps(draw):
    """Curves, and whose turn it is to report."""
    found = draw(curves)
    turns = [place for place, curve in enumerate(found) for _ in curve]
    return found, draw(st.permutations(turns))


def report(step, value):
    return {SHARE: reached(step, STEPS), METRIC: value}


def tune_trial(place):
    return SimpleNamespace(trial_id=f"t{place}")


def ours(folder, reduction, direction):
    search = Search(stopping="asha", reduction=reduction)
    return CooperativeAsha(search.rungs(), reduction, direction, Stops(folder / "stops"))


def asked_to_stop(folder):
    return {file.name for file in (folder / "stops").iterdir()}


def live(asha, sweep, folder):
    """Report as Tune has it, each trial until it is asked to stop; returns the steps after which each was."""
    found, turns = sweep
    stops, waiting, stopped = Stops(folder / "stops"), [list(curve) for curve in found], {}
    for place in range(len(found)):
        asha.on_trial_add(None, tune_trial(place))
    for place in turns:
        if f"t{place}" in stopped:
            continue
        step, value = waiting[place].pop(0)
        assert asha.on_trial_result(None, tune_trial(place), report(step, value)) == TrialScheduler.CONTINUE
        if stops.asked(f"t{place}"):
            stopped[f"t{place}"] = step
    return stopped


def of_ray(sweep, reduction, direction):
    """Where Ray's own scheduler stops the trials."""
    found, turns = sweep
    asha = AsyncHyperBandScheduler(
        time_attr=SHARE, metric=METRIC, mode=direction, max_t=100, grace_period=6.25, reduction_factor=reduction,
        stop_last_trials=False,
    )  # fmt: skip
    waiting, stopped = [list(curve) for curve in found], {}
    for place in range(len(found)):
        asha.on_trial_add(None, tune_trial(place))
    for place in turns:
        if f"t{place}" in stopped:
            continue
        step, value = waiting[place].pop(0)
        told = report(step, value)
        if asha.on_trial_result(None, tune_trial(place), told) == TrialScheduler.STOP:
            stopped[f"t{place}"] = step
        if f"t{place}" in stopped or not waiting[place]:
            asha.on_trial_complete(None, tune_trial(place), told)
    return stopped


@given(sweeps(), reductions, directions)
def test_those_are_asked_to_stop_whom_ray_would_stop(sweep, reduction, direction):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stopped = live(ours(folder, reduction, direction), sweep, folder)
        assert stopped == of_ray(sweep, reduction, direction)
        assert asked_to_stop(folder) == set(stopped)


@given(sweeps(), sweeps(), reductions, directions)
@settings(max_examples=60)
def test_known_trials_count_as_if_they_had_run_here(before, after, reduction, direction):
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        first, second = ours(Path(one), reduction, direction), ours(Path(other), reduction, direction)
        curves, known = before[0], []
        for place, curve in enumerate(curves):
            stand_in = SimpleNamespace(trial_id=f"before-{place}")
            first.on_trial_add(None, stand_in)
            for step, value in curve:
                first.on_trial_result(None, stand_in, report(step, value))
            known.append(trial(f"before-{place}", curve=((0, 0.05), *curve), steps=STEPS))
        second.know(known)
        assert asked_to_stop(Path(other)) == set(), "those that are known have ended"
        assert live(first, after, Path(one)) == live(second, after, Path(other))


def test_a_trial_stops_at_a_rung_where_known_ones_were_better(tmp_path):
    asha = ours(tmp_path, 4, "max")
    asha.know([trial(f"k{n}", curve=((10, 0.5 + n / 100),), steps=STEPS, status="stopped") for n in range(4)])
    asha.on_trial_add(None, tune_trial(1))
    asha.on_trial_result(None, tune_trial(1), report(9, 0.1))
    assert asked_to_stop(tmp_path) == set(), "no rung yet"
    asha.on_trial_result(None, tune_trial(1), report(10, 0.4))
    assert asked_to_stop(tmp_path) == {"t1"}


def test_what_a_known_trial_was_before_its_first_step_counts_at_no_rung(tmp_path):
    asha = ours(tmp_path, 4, "max")
    asha.know([trial("short", curve=((0, 0.9),), steps=4)])
    asha.on_trial_add(None, tune_trial(0))
    asha.on_trial_result(None, tune_trial(0), report(10, 0.1))
    assert asked_to_stop(tmp_path) == set()


@given(sweeps(), reductions, directions)
def test_the_best_at_each_rung_is_never_asked_to_stop(sweep, reduction, direction):
    sign = 1 if direction == "max" else -1
    curves = [*sweep[0], tuple((step, sign * 2) for step in (10, 20, 40, 80, STEPS))]
    turns = [*sweep[1], *[len(curves) - 1] * 5]
    with tempfile.TemporaryDirectory() as name:
        stopped = live(ours(Path(name), reduction, direction), (curves, turns), Path(name))
        assert f"t{len(curves) - 1}" not in stopped


def test_tune_s_metric_and_mode_leave_the_direction_alone(tmp_path):
    asha = ours(tmp_path, 4, "min")
    assert asha.set_search_properties("metric", "max")
    for place, value in enumerate([1.0, 2.0, 3.0, 0.5]):
        asha.on_trial_add(None, tune_trial(place))
        asha.on_trial_result(None, tune_trial(place), report(10, value))
    assert asked_to_stop(tmp_path) == {"t1", "t2"}


def test_a_wish_to_stop_is_for_one_trial_and_seen_by_all(tmp_path):
    stops = Stops(tmp_path / "new" / "stops")
    assert not stops.asked("a")
    stops.ask("a")
    stops.ask("a")
    assert Stops(tmp_path / "new" / "stops").asked("a")
    assert not stops.asked("b")


shares = st.floats(0.001, 1) | st.integers(1, 100).map(lambda percent: percent / 100)


@given(st.integers(1, 10_000), shares)
@example(30, 0.55)
@example(75, 0.14)
def test_what_is_reached_is_never_below_its_mark(steps, share):
    assert 100 * share <= reached(max(1, round(steps * share)), steps) <= 100


@given(st.integers(1, 2000), st.integers(2, 5), shares.filter(lambda share: share < 1), st.data())
@example(30, 4, 0.55, None)
def test_a_trial_is_compared_at_each_mark(steps, reduction, first, data):
    rungs = Search(stopping="asha", reduction=reduction, first_rung=first).rungs()
    marks = sorted({max(1, round(steps * share)) for share in rungs})
    assume(all(later - mark > 1 for mark, later in pairwise([*marks, steps])))
    turn = data.draw(st.sampled_from(marks)) if data else marks[0]
    with tempfile.TemporaryDirectory() as name:
        asha = CooperativeAsha(rungs, reduction, "max", Stops(Path(name) / "stops"))
        asha.know([trial("good", curve=tuple((mark, 0.5) for mark in marks), steps=steps)])
        asha.on_trial_add(None, tune_trial(0))
        for mark in marks:
            told = {SHARE: reached(mark, steps), METRIC: 0.9 if mark < turn else 0.1}
            asha.on_trial_result(None, tune_trial(0), told)
            if asked_to_stop(Path(name)):
                break
        assert asked_to_stop(Path(name)) == {"t0"}
        assert mark == turn


@given(st.integers(1, 10_000), st.data())
def test_more_steps_have_reached_more(steps, data):
    step = data.draw(st.integers(1, steps))
    assert reached(step - 1, steps) < reached(step, steps)
    assert abs(reached(step, steps) - 100 * step / steps) <= 100 / steps
    assert reached(steps, steps) == 100


def test_a_population_changes_within_the_space():
    space = Space({
        "training.learning_rate": Axis(low=1e-4, high=1e-2, log=True),
        "training.weight_decay": Axis(low=0, high=0.1),
        "training.clip_norm": Axis(values=(0.5, 1.0)),
    })  # fmt: skip
    mutations = Population(space, 0.25, 2)._hyperparam_mutations
    assert mutations.keys() == space.axes.keys()
    assert mutations["training.clip_norm"] == [0.5, 1.0]
    for key in ("training.learning_rate", "training.weight_decay"):
        drawn = [mutations[key].sample() for _ in range(50)]
        assert all(space.axes[key].low <= value <= space.axes[key].high for value in drawn)


class Tune:
    """As much of Tune's controller as a population touches: members that report, are paused, and begin again."""

    search_alg = None

    def __init__(self, count, concurrent, interval=0.25):
        self.population = Population(Space({"rate": Axis(low=0.1, high=1)}), interval, concurrent)
        self.population.set_search_properties(METRIC, "max")
        self.population._log_config = False
        self.trials = [FakeTrial(place) for place in range(count)]
        for member in self.trials:
            self.population.on_trial_add(self, member)

    def get_trials(self):
        return self.trials

    def get_live_trials(self):
        return [trial for trial in self.trials if not trial.is_finished()]

    def _schedule_trial_save(self, trial, result):
        return trial.checkpoint

    def pause_trial(self, trial, should_checkpoint):
        trial.status = TuneTrial.PAUSED

    def begin(self):
        """Those who get a turn now."""
        found = []
        while (trial := self.population.choose_trial_to_run(self)) is not None:
            trial.status = TuneTrial.RUNNING
            found.append(trial.trial_id)
        return found

    def report(self, place, share, value):
        trial = self.trials[place]
        said = self.population.on_trial_result(self, trial, {SHARE: share, METRIC: value})
        if said == TrialScheduler.PAUSE:
            trial.status = TuneTrial.PAUSED
        return said


class FakeTrial:
    PAUSED = TuneTrial.PAUSED

    def __init__(self, place):
        self.trial_id, self.config, self.status = place, {"rate": 0.5}, TuneTrial.PENDING
        self.orig_experiment_tag = self.experiment_tag = ""
        self.evaluated_params, self.checkpoint = {}, place
        self.temporary_state = SimpleNamespace(saving_to=None)
        manager = SimpleNamespace(checkpoint_config=SimpleNamespace(num_to_keep=None), _latest_checkpoint_result=None)
        self.run_metadata = SimpleNamespace(checkpoint_manager=manager)

    def is_finished(self):
        return self.status in (TuneTrial.TERMINATED, TuneTrial.ERROR)

    def set_experiment_tag(self, tag):
        self.experiment_tag = tag

    def set_config(self, config):
        self.config = config

    def weights(self):
        """The member from whose checkpoint it begins again, None where it is its own."""
        taken = self.run_metadata.checkpoint_manager._latest_checkpoint_result
        return None if taken is None else taken.checkpoint


def test_members_take_turns_and_all_of_them_are_compared():
    tune = Tune(4, concurrent=2)
    assert tune.begin() == [0, 1]
    assert tune.report(0, 26, 0.1) == tune.report(1, 26, 0.2) == TrialScheduler.PAUSE
    assert tune.begin() == [2, 3], "the others first: nobody goes on before the exchange"
    tune.report(2, 26, 0.3)
    assert [trial.weights() for trial in tune.trials] == [None] * 4
    assert tune.begin() == [], "the last one is still at work"
    tune.report(3, 26, 0.4)
    assert [trial.weights() for trial in tune.trials] == [3, None, None, None]
    assert len(tune.begin()) == 2


def test_a_last_report_changes_nobody():
    tune = Tune(2, concurrent=2)
    tune.begin()
    assert tune.report(0, 100, 0.1) == tune.report(1, 100, 0.2) == TrialScheduler.CONTINUE
    assert [trial.weights() for trial in tune.trials] == [None, None]


@pytest.mark.parametrize("status", [TuneTrial.TERMINATED, TuneTrial.ERROR])
def test_the_others_go_on_where_an_awaited_member_ends(status):
    tune = Tune(3, concurrent=3)
    tune.begin()
    tune.report(0, 26, 0.1)
    tune.report(1, 26, 0.2)
    tune.trials[2].status = status
    assert sorted(tune.begin()) == [0, 1]
    assert [trial.weights() for trial in tune.trials] == [1, None, None], "and had their exchange"


@given(st.integers(1, 5), st.integers(1, 5), st.lists(st.integers(0, 9), min_size=5, max_size=5), st.data())
def test_every_member_comes_to_its_end(count, concurrent, starts, data):
    tune = Tune(count, concurrent, interval=0.3)
    done = [10 * start for start in starts]  # a resubmission goes on where each was

    def take_over():
        for member in tune.trials:
            if member.weights() is not None:
                done[member.trial_id] = done[member.weights()]
                member.run_metadata.checkpoint_manager._latest_checkpoint_result = None

    for _ in range(60):
        tune.begin()
        take_over()
        running = [trial.trial_id for trial in tune.trials if trial.status == TuneTrial.RUNNING]
        assert len(running) <= concurrent
        if not running:
            break
        place = data.draw(st.sampled_from(running))
        if data.draw(st.integers(0, 19)) == 0:
            tune.trials[place].status = TuneTrial.ERROR
            continue
        done[place] = min(mark for mark in (30, 60, 90, 100) if mark > done[place])
        tune.report(place, done[place], data.draw(st.integers(0, 9)))
        if done[place] == 100:
            tune.trials[place].status = TuneTrial.TERMINATED
        take_over()
    assert all(trial.is_finished() for trial in tune.trials)
