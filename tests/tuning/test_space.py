import itertools
import statistics
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.adapters.methods import METHODS
from common.config import validate
from common.errors import ConfigError
from jobs.codegen.config import TrainCodegenConfig
from jobs.search.config import TrainSearchConfig
from tuning.space import PRESETS, Axis, Space, check_keys, configure, has_parameter

RATE, RANK, METHOD = "training.learning_rate", "peft.rank", "peft.method"
STUDY = {
    METHOD: ["lora", "ia3", "prompt"],
    RANK: [8, 16],
    "peft.virtual_tokens": [10, 20],
    RATE: [1e-3, 1e-2],
}


def space(axes, method="lora"):
    return Space({key: Axis.model_validate(axis) for key, axis in axes.items()}, method)


def frozen(point):
    return frozenset((key, repr(value)) for key, value in point.items())


@st.composite
def spaces(draw):
    """Spaces of lists, some with a condition on an axis before; every axis applies somewhere."""
    axes = {}
    for name in draw(st.lists(st.sampled_from("abcde"), min_size=1, max_size=4, unique=True)):
        when = {}
        if axes and draw(st.booleans()):
            other = draw(st.sampled_from(sorted(axes)))
            when = {other: draw(st.lists(st.sampled_from(axes[other].values), min_size=1, unique=True))}
        axes[name] = Axis(values=draw(st.lists(st.integers(0, 3), min_size=1, max_size=3)), when=when)
    if draw(st.booleans()):
        axes[METHOD] = Axis(values=draw(st.lists(st.sampled_from(["lora", "ia3"]), min_size=1, unique=True)))
        if "lora" in axes[METHOD].values:
            axes[RANK] = Axis(values=(8, 16))
    return Space({key: axes[key] for key in draw(st.permutations(sorted(axes)))})


def test_a_list_is_an_axis_s_values():
    assert Axis.model_validate([8, 16]) == Axis(values=(8, 16))


def test_a_condition_s_single_value_is_a_list_of_one():
    given = {"values": [8], "when": {METHOD: "lora", "training.symmetric": [True, False]}}
    assert Axis.model_validate(given).when == {METHOD: ("lora",), "training.symmetric": (True, False)}


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ({}, "give `values`, or `low` and `high`"),
        ([], "give `values`, or `low` and `high`"),
        ({"values": [1], "low": 0, "high": 1}, "give `values`, or `low` and `high`"),
        ({"low": 1}, "`low` below `high`"),
        ({"high": 1}, "`low` below `high`"),
        ({"low": 1, "high": 1}, "`low` below `high`"),
        ({"low": 2, "high": 1}, "`low` below `high`"),
        ({"low": 0, "high": 1, "log": True}, "above 0"),
        ({"low": -1, "high": 1, "log": True}, "above 0"),
        ({"values": [1], "log": True}, "above 0"),
    ],
)
def test_what_is_no_axis_is_refused(axis, said):
    with pytest.raises(ValidationError, match=said):
        Axis.model_validate(axis)


def test_a_range_without_a_whole_number_is_no_integer_axis():
    with pytest.raises(ValidationError, match="whole number"):
        Axis(low=0.2, high=0.8, integer=True)


def test_an_axis_stands_after_those_that_its_condition_names():
    axes = {
        "a": {"values": [1], "when": {"b": 1}},
        RANK: [8],
        "b": {"values": [1], "when": {"c": 1}},
        "c": [1],
        METHOD: ["lora"],
    }
    order = list(space(axes).axes)
    assert sorted(order) == sorted(axes)
    assert order.index("c") < order.index("b") < order.index("a")
    assert order.index(METHOD) < order.index(RANK)


def test_conditions_that_go_round_in_a_circle_are_refused():
    axes = {"x": [1], "a": {"values": [1], "when": {"b": 1}}, "b": {"values": [1], "when": {"a": 1}}}
    with pytest.raises(ConfigError, match=r"space\.[ab] go round in a circle"):
        space(axes)


def test_a_condition_names_an_axis_or_is_told_the_nearest():
    with pytest.raises(ConfigError, match=r"(?s)space\.peft\.rank\.when names 'peft\.metod'.*'peft\.method'"):
        space({METHOD: ["lora"], RANK: {"values": [8], "when": {"peft.metod": "lora"}}})
    with pytest.raises(ConfigError, match=r"(?s)names 'xyzzy'.*another axis of the space"):
        space({METHOD: ["lora"], RANK: {"values": [8], "when": {"xyzzy": 1}}})


@pytest.mark.parametrize(
    ("axes", "method"),
    [
        ({METHOD: ["ia3", "full"], RANK: [8]}, "lora"),
        ({RATE: [1e-3], RANK: [8]}, "ia3"),
        ({METHOD: ["lora", "ia3"], RANK: {"values": [8], "when": {METHOD: ["ia3"]}}}, "lora"),
        ({METHOD: ["lora"], RANK: {"low": 4, "high": 8, "when": {METHOD: "dora"}}}, "lora"),
    ],
)
def test_an_axis_that_never_applies_is_refused(axes, method):
    with pytest.raises(ConfigError, match=r"space\.peft\.rank never applies"):
        space(axes, method)


def test_a_method_of_the_template_decides_what_applies():
    assert space({"peft.virtual_tokens": [10, 20]}, "prompt").size() == 2


@pytest.mark.parametrize(
    ("method", "parameter"), [("lora", "rank"), ("prompt", "virtual_tokens"), ("oft", "block_size"), ("ia3", "targets")]
)
def test_a_method_has_its_parameters_and_all_share_the_rest(method, parameter):
    assert has_parameter(method, f"peft.{parameter}")
    assert has_parameter(method, RATE)
    assert has_parameter(method, METHOD)
    assert not has_parameter("full", f"peft.{parameter}")


def test_the_grid_leaves_out_what_a_method_lacks():
    points = space(STUDY).grid()
    by_method = {name: [point for point in points if point[METHOD] == name] for name in STUDY[METHOD]}
    assert {name: len(found) for name, found in by_method.items()} == {"lora": 4, "ia3": 2, "prompt": 4}
    assert {frozenset(point) for point in by_method["lora"]} == {frozenset({METHOD, RANK, RATE})}
    assert {frozenset(point) for point in by_method["ia3"]} == {frozenset({METHOD, RATE})}
    assert {frozenset(point) for point in by_method["prompt"]} == {frozenset({METHOD, "peft.virtual_tokens", RATE})}


def test_the_grid_heeds_a_condition():
    axes = {METHOD: ["lora", "dora"], RANK: [8, 16], "peft.alpha": {"values": [32.0, 64.0], "when": {RANK: 16}}}
    points = space(axes).grid()
    assert len(points) == 2 * (1 + 2)
    assert all(("peft.alpha" in point) == (point[RANK] == 16) for point in points)


def test_what_follows_an_absent_axis_is_absent():
    axes = {METHOD: ["lora", "ia3"], RANK: [8, 16], RATE: {"values": [1e-3, 1e-2], "when": {RANK: [8, 16]}}}
    assert {METHOD: "ia3"} in space(axes).grid()
    assert space(axes).size() == 5


def test_a_grid_without_conditions_is_the_product():
    axes = {"a": [1, 2, 3], "b": ["x", None], "c": [[1], [1, 2]]}
    expected = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    assert space(axes).grid() == expected


@given(spaces())
def test_the_grid_has_each_point_once_and_keeps_the_conditions(space):
    points = space.grid()
    assert max(Counter(map(frozen, points)).values()) == 1
    assert space.size() == len(points)
    for point in points:
        for key, axis in space.axes.items():
            met = all(point.get(other) in allowed for other, allowed in axis.when.items())
            has = key != RANK or point.get(METHOD, "lora") != "ia3"
            assert (key in point) == (met and has)
            assert key not in point or point[key] in axis.values


@given(spaces(), st.integers(0, 2**32))
def test_what_is_drawn_is_of_the_grid(space, seed):
    random, points = Random(seed), set(map(frozen, space.grid()))
    assert all(frozen(space.draw(random)) in points for _ in range(10))


@given(spaces(), st.integers(0, 2**32), st.integers(1, 5))
def test_a_sample_has_different_points(space, seed, count):
    points = space.sample(count, seed)
    assert max(Counter(map(frozen, points)).values()) == 1
    assert len(points) <= min(count, space.size())


def test_a_sample_has_fewer_points_where_the_space_has_no_more():
    study = space(STUDY)
    assert set(map(frozen, study.sample(100, 0))) == set(map(frozen, study.grid()))


def test_a_sample_has_as_many_as_asked():
    ranges = space({RATE: {"low": 1e-4, "high": 1e-2, "log": True}})
    assert len(ranges.sample(30, 0)) == 30


def test_a_grid_has_no_end_over_a_range():
    ranges = space({RANK: [8, 16], RATE: {"low": 1e-4, "high": 1e-2}})
    with pytest.raises(ConfigError, match=r"(?s)range of space\.training\.learning_rate.*random or tpe"):
        ranges.grid()
    assert ranges.size() is None


def test_a_seed_gives_the_same_sample_and_another_seed_another():
    ranges = space({RATE: {"low": 1e-4, "high": 1e-2, "log": True}, RANK: [8, 16, 32]})
    assert ranges.sample(5, 1) == ranges.sample(5, 1)
    assert ranges.sample(5, 1) != ranges.sample(5, 2)


def test_a_condition_leaves_the_other_axes_draws_alone():
    def drawn(method):
        axes = {METHOD: ["lora", "dora"], RANK: {"low": 1, "high": 99, "integer": True, "when": {METHOD: method}},
                RATE: {"low": 0, "high": 1}}  # fmt: skip
        random, one = Random(3), space(axes)
        return [one.draw(random) for _ in range(20)]

    first, second = drawn("lora"), drawn("dora")
    assert [RANK in point for point in first] != [RANK in point for point in second]
    assert [point[RATE] for point in first] == [point[RATE] for point in second]


@given(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3), st.booleans(), st.integers(0, 2**32))
def test_what_is_drawn_lies_within_the_range(low, wide, log, seed):
    axis, random = Axis(low=low, high=low + wide, log=log), Random(seed)
    assert all(axis.low <= axis.draw(random) <= axis.high for _ in range(20))


@given(st.floats(-50, 50), st.floats(1, 50), st.integers(0, 2**32))
def test_integers_are_whole_and_within_the_range(low, wide, seed):
    axis, random = Axis(low=low, high=low + wide, integer=True), Random(seed)
    values = [axis.draw(random) for _ in range(20)]
    assert all(isinstance(value, int) and axis.low <= value <= axis.high for value in values)


def test_integers_meet_both_ends():
    axis, random = Axis(low=2, high=4, integer=True), Random(0)
    assert {axis.draw(random) for _ in range(100)} == {2, 3, 4}


@pytest.mark.parametrize(("log", "middle"), [(False, 505), (True, 100)])
@pytest.mark.parametrize("integer", [False, True])
def test_half_of_the_draws_lie_below_the_middle_of_the_range(log, middle, integer):
    axis, random = Axis(low=10, high=1000, log=log, integer=integer), Random(0)
    median = statistics.median(axis.draw(random) for _ in range(2000))
    assert middle / 1.3 < median < middle * 1.3


@pytest.mark.parametrize("job", [TrainSearchConfig, TrainCodegenConfig])
def test_an_empty_space_is_refused(job):
    with pytest.raises(ConfigError, match="the space is empty"):
        check_keys({}, job)


@pytest.mark.parametrize(
    ("key", "meant"),
    [("peft.rnk", "peft.rank"), ("rank", "peft.rank"), ("learning_rate", RATE), ("training.epoch", "training.epochs")],
)
def test_an_unknown_key_is_told_the_nearest(key, meant):
    with pytest.raises(ConfigError) as raised:
        check_keys({RANK: Axis(values=(8,)), key: Axis(values=(8,))}, TrainSearchConfig)
    assert f"space.{key} is no parameter of the job" in str(raised.value)
    assert f"did you mean {meant!r}?" in str(raised.value)


def test_an_unknown_key_is_never_told_one_that_trials_share():
    with pytest.raises(ConfigError) as raised:
        check_keys({"modl": Axis(values=("a",))}, TrainSearchConfig)
    assert "did you mean" not in str(raised.value)


@pytest.mark.parametrize("job", [TrainSearchConfig, TrainCodegenConfig])
@pytest.mark.parametrize(
    "key", ["model", "data.source", "data.corpus.dev_share", "cluster.num_workers", "run_dir", "tracking.uri", "start"]
)
def test_what_trials_share_cannot_be_swept(job, key):
    with pytest.raises(ConfigError, match=rf"space\.{key} cannot differ between trials"):
        check_keys({key: Axis(values=("a",))}, job)


@pytest.mark.parametrize("group", ["peft", "training"])
def test_a_group_of_keys_is_no_axis(group):
    with pytest.raises(ConfigError, match=rf"space\.{group} is no parameter") as raised:
        check_keys({group: Axis(values=({},))}, TrainSearchConfig)
    assert f"did you mean {group!r}" not in str(raised.value), "the same again helps nobody"


def test_a_point_lies_over_the_template():
    template = {"model": "m", "peft": {"rank": 8, "alpha": 32.0}, "training": {"epochs": 2, "batch": 64}}
    values = configure(template, {RANK: 16, RATE: 1e-3, "training.generation.examples": 4})
    assert values == {
        "model": "m",
        "peft": {"rank": 16, "alpha": 32.0},
        "training": {"epochs": 2, "batch": 64, "learning_rate": 1e-3, "generation": {"examples": 4}},
    }
    assert template["peft"] == {"rank": 8, "alpha": 32.0}


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_template_s_parameters_are_dropped_where_the_method_has_none(method):
    template = {"peft": {"rank": 8, "alpha": 64.0, "virtual_tokens": 7, "block_size": 16}}
    spec = configure(template, {METHOD: method})["peft"]
    assert spec.keys() - {"method"} == template["peft"].keys() & METHODS[method].parameters
    assert validate(TrainCodegenConfig, {"peft": spec}).peft.method == method


def test_an_unknown_method_is_left_for_the_job_to_refuse():
    values = configure({"peft": {"rank": 8}}, {METHOD: "lroa"})
    assert values["peft"] == {"rank": 8, "method": "lroa"}
    with pytest.raises(ConfigError, match="method"):
        validate(TrainCodegenConfig, values)


@pytest.mark.parametrize(
    ("preset", "job", "size"),
    [
        ("loracode", TrainSearchConfig, 9),
        ("peft-study", TrainSearchConfig, 16),
        ("techniques", TrainCodegenConfig, 7),
    ],
)
def test_a_preset_is_valid_for_its_job(preset, job, size):
    check_keys(PRESETS[preset], job)
    points = Space(PRESETS[preset]).grid()
    assert len(points) == size
    configs = [validate(job, configure({}, point)) for point in points]
    assert len({config.model_dump_json() for config in configs}) == size
