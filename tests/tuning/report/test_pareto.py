from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.report.sweeps import sweep, trial
from tuning.report.contents import on_front
from tuning.report.pareto import front, objectives

OBJECTIVES = {"metric": "max", "trainable_parameters": "min", "peak_bytes": "min", "seconds": "min"}
# Few values, so that trials tie in some or all objectives.
small = st.integers(0, 3) | st.none()
trials = st.lists(
    st.builds(
        lambda number, m, p, b, s: trial(
            {"n": number}, metric=m, trainable_parameters=p, peak_bytes=b, seconds=s
        ),
        st.integers(0, 1000), small, small, small, small,
    ),
    max_size=12,
)  # fmt: skip
wanted = st.dictionaries(st.sampled_from(list(OBJECTIVES)), st.sampled_from(["max", "min"]), min_size=1)


def at_least(one, other, direction):
    return one >= other if direction == "max" else one <= other


def dominates(one, other, directions):
    pairs = [(getattr(one, name), getattr(other, name), way) for name, way in directions.items()]
    return all(at_least(a, b, way) for a, b, way in pairs) and any(a != b for a, b, _ in pairs)


@given(trials, wanted)
def test_the_front_is_what_nothing_dominates(trials, directions):
    complete = [one for one in trials if all(getattr(one, name) is not None for name in directions)]
    expected = [one for one in complete if not any(dominates(other, one, directions) for other in complete)]
    found = front(trials, directions)
    assert [id(one) for one in found] == [id(one) for one in expected], "in the order given, equals included"


@given(trials, wanted)
def test_what_is_not_on_it_is_dominated_by_what_is(trials, directions):
    found = front(trials, directions)
    complete = [one for one in trials if all(getattr(one, name) is not None for name in directions)]
    assert bool(found) == bool(complete)
    for one in complete:
        assert one in found or any(dominates(other, one, directions) for other in found)


def test_a_figure_that_is_not_finite_counts_as_lacking():
    assert front([trial(metric=float("nan"), seconds=1.0)], {"metric": "max", "seconds": "min"}) == []


def test_the_direction_of_the_metric_is_the_sweep_s():
    assert objectives(sweep(direction="min")) == {**OBJECTIVES, "metric": "min"}


def test_a_stopped_trial_is_not_on_the_report_s_front_for_its_short_time():
    figures = {"trainable_parameters": 10, "peak_bytes": 10}
    done = trial({"rank": 8}, metric=0.5, seconds=100.0, **figures)
    stopped = trial({"rank": 4}, metric=0.3, seconds=10.0, status="stopped", **figures)
    assert on_front(sweep(done, stopped)) == [done]
