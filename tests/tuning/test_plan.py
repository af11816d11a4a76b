from collections import Counter
from pathlib import Path

import pytest

from common.config import read_yaml, validate
from common.errors import ConfigError
from common.runs import write_json
from jobs.ray_session import ClusterConfig
from tests.tuning.setups import trial
from tuning.config import Limits, Search, SweepConfig
from tuning.plan import earlier, points, prepared, refuse, space_of, template_of
from tuning.space import METHOD, configure
from tuning.tasks import TASKS

ROOT = Path(__file__).parents[2]
RANK, ALPHA, RATE, SEED = "peft.rank", "peft.alpha", "training.learning_rate", "training.seed"
RANKS = {RANK: {"values": [8, 16, 32]}}
ANSWERS = {"training": {"generation": {"examples": 4}}}


def sweep(**given):
    return SweepConfig.model_validate({"space": RANKS, **given})


def codegen(**given):
    return sweep(job="train_codegen", **given)


@pytest.fixture
def stand_in(monkeypatch):
    """Replaces methods of the jobs' tasks; says what they were asked."""

    def replace(job="train_search", **methods):
        asked = []
        for name, answer in methods.items():

            def method(config, *rest, name=name, answer=answer):
                asked.append((name, config))
                return answer(config)

            monkeypatch.setattr(TASKS[job], name, method)
        return asked

    return replace


@pytest.fixture
def prepare(stand_in, tmp_path):
    """Setup and space of a sweep whose data are made up."""

    def made(config, fingerprint="f" * 64):
        stand_in(config.job, prepare=lambda _: {"fingerprint": fingerprint})
        return prepared(config, tmp_path / "sweep")

    return made


def test_what_is_fixed_lies_over_the_file(tmp_path):
    file = tmp_path / "job.yaml"
    file.write_text(
        "model: m\npeft: {rank: 8, alpha: 16}\ntraining: {epochs: 2}\nrun_dir: r\ncluster: {num_workers: 9}"
    )
    fixed = {"peft": {"alpha": 64}, "training": {"batch": 32}}
    assert template_of(sweep(start_from=file, fixed=fixed)) == {
        "model": "m",
        "peft": {"rank": 8, "alpha": 64},
        "training": {"epochs": 2, "batch": 32},
    }


@pytest.mark.parametrize("key", ["cluster", "tracking", "run_dir"])
def test_what_is_the_sweep_s_own_cannot_be_fixed(key):
    with pytest.raises(ConfigError, match=rf"(?s)fixed\.{key} is the sweep's own.*give {key} beside `fixed`"):
        template_of(sweep(fixed={key: {}}))


@pytest.mark.parametrize(
    ("search", "marks"),
    [
        ({"stopping": "asha"}, [1 / 16, 1 / 4, 1.0]),
        ({"stopping": "pbt", "interval": 0.25}, [0.25, 0.5, 0.75, 1.0]),
    ],
)
def test_trials_are_evaluated_where_the_stopping_compares(search, marks):
    assert template_of(sweep(search=search))["training"]["evaluate_at"] == pytest.approx(marks)


def test_without_stopping_the_job_evaluates_as_ever():
    assert "evaluate_at" not in template_of(sweep())["training"]


def test_marks_that_are_given_stay():
    given = {"training": {"evaluate_at": [0.5, 1.0]}}
    assert template_of(sweep(search={"stopping": "asha"}, fixed=given))["training"] == given["training"]


@pytest.mark.parametrize(
    ("metric", "select"), [(None, "loss"), ("loss", "loss"), ("em@1", "em"), ("codebleu", "codebleu"),
                           ("dev_pass@1", "pass@1")],
)  # fmt: skip
def test_a_generator_is_selected_by_the_metric(metric, select):
    template = template_of(codegen(metric=metric, fixed=ANSWERS))
    assert template["training"] == {**ANSWERS["training"], "select": select}
    assert TASKS["train_codegen"].config.model_validate(template).training.chosen == select


@pytest.mark.parametrize("metric", ["em@1", "codebleu", "pass@1"])
@pytest.mark.parametrize("fixed", [{}, {"training": {"generation": {"samples": 2}}}])
def test_a_metric_of_answers_needs_answers(metric, fixed):
    with pytest.raises(ConfigError, match=rf"(?s)metric {metric} is of answers.*training\.generation\.examples"):
        template_of(codegen(metric=metric, fixed=fixed))


@pytest.mark.parametrize(
    ("config", "there"), [(sweep(metric="loss"), "mrr"), (codegen(metric="mrr"), "loss, em@1, codebleu, pass@1")]
)
def test_an_unknown_metric_is_told_those_there_are(config, there):
    with pytest.raises(ConfigError, match=rf"metric '{config.metric}' is none that the job reports: {there}"):
        template_of(config)


@pytest.mark.parametrize(
    ("config", "metric", "direction"),
    [
        (sweep(), "mrr", "max"),
        (sweep(metric="dev_mrr"), "mrr", "max"),
        (codegen(), "loss", "min"),
        (codegen(metric="em@1", fixed=ANSWERS), "em@1", "max"),
    ],
)
def test_the_metric_has_a_direction(prepare, config, metric, direction):
    setup, _ = prepare(config)
    assert (setup.metric, setup.direction) == (metric, direction)


def space(config):
    return space_of(config, template_of(config))


def test_a_space_adds_to_a_preset_and_goes_before_it():
    found = space(sweep(preset="loracode", space={RANK: [4], RATE: [1e-3, 1e-2]}))
    assert {key: axis.values for key, axis in found.axes.items()} == {
        RANK: (4,), ALPHA: (32.0, 64.0, 128.0), RATE: (1e-3, 1e-2)
    }  # fmt: skip


def test_repeats_are_seeds_counted_on_from_the_job_s():
    found = space(sweep(search={"repeats": 3}, fixed={"training": {"seed": 5}}))
    assert found.axes[SEED].values == (5, 6, 7)
    assert found.size() == 9
    assert space(sweep(search={"repeats": 2})).axes[SEED].values == (0, 1)
    assert SEED not in space(sweep()).axes


def test_seeds_come_from_one_place():
    with pytest.raises(ConfigError, match=r"search\.repeats .* and so does space\.training\.seed"):
        space(sweep(search={"repeats": 2}, space={SEED: [1, 2]}))


def test_the_template_s_method_is_the_space_s():
    with pytest.raises(ConfigError, match=r"space\.peft\.rank never applies"):
        space(sweep(fixed={"peft": {"method": "ia3"}}))


def test_an_empty_space_is_refused():
    with pytest.raises(ConfigError, match="the space is empty"):
        space(sweep(space={}))


def test_pbt_changes_only_what_can_change_on_the_way():
    rates = {RATE: {"low": 1e-4, "high": 1e-2, "log": True}}
    search = {"points": "random", "trials": 4, "stopping": "pbt"}
    assert list(space(sweep(search=search, space=rates)).axes) == [RATE]
    with pytest.raises(ConfigError, match=r"(?s)space\.peft\.rank: pbt changes trials on their way.*asha or none"):
        space(sweep(search=search, space={**rates, **RANKS}))


def test_data_are_prepared_once(stand_in, tmp_path):
    asked = stand_in(prepare=lambda config: {"fingerprint": "f"})
    setup, _ = prepared(sweep(), tmp_path)
    again, _ = prepared(sweep(), tmp_path)
    assert len(asked) == 1
    assert setup.data == again.data == {"fingerprint": "f"}


def test_data_are_cut_for_the_point_with_the_most_virtual_tokens(stand_in, tmp_path):
    asked = stand_in(prepare=lambda config: {"fingerprint": "f"})
    prepared(sweep(space={METHOD: ["lora", "prompt"], "peft.virtual_tokens": [10, 40, 20]}), tmp_path)
    assert asked[0][1].peft.virtual_tokens == 40


def test_a_contradiction_names_its_point_before_anything_is_read(stand_in, tmp_path):
    asked = stand_in(prepare=lambda config: {"fingerprint": "f"})
    config = sweep(fixed={"training": {"anchor": 0.1}}, space={METHOD: ["lora", "full"]})
    with pytest.raises(ConfigError, match=r"with peft\.method=full: training\.anchor"):
        prepared(config, tmp_path)
    assert asked == []


def test_the_template_and_the_cluster_reach_the_trials(prepare):
    config = sweep(fixed={"training": {"epochs": 2}}, cluster=ClusterConfig(num_workers=3), search={"stopping": "asha"})
    setup, space = prepare(config)
    one = setup.config(space.grid()[0])
    assert (one.training.epochs, one.cluster.num_workers) == (2, 3)
    assert one.training.evaluate_at == pytest.approx((1 / 16, 1 / 4, 1.0))


def shuffled(seed, **search):
    config = sweep(preset="peft-study", space={}, search={"seed": seed, **search})
    return points(config, space(config))


def test_a_grid_is_tried_in_its_order():
    assert shuffled(0) == shuffled(1) == space(sweep(preset="peft-study", space={})).grid()


def test_a_grid_that_is_stopped_is_shuffled_by_the_seed():
    first = shuffled(0, stopping="asha")
    assert first == shuffled(0, stopping="asha")
    assert first != shuffled(1, stopping="asha")
    assert first != shuffled(0)
    assert sorted(map(repr, first)) == sorted(map(repr, shuffled(0)))


def test_tpe_chooses_its_points_itself():
    config = sweep(search=Search(points="tpe", trials=3))
    assert points(config, space(config)) is None


def test_random_points_are_as_many_as_asked_and_of_the_space():
    found = shuffled(0, points="random", trials=5)
    assert len({repr(sorted(point.items())) for point in found}) == 5
    assert all(point in shuffled(0) for point in found)
    assert found != shuffled(1, points="random", trials=5)


def test_each_random_point_is_trained_with_every_seed():
    config = sweep(space={RATE: {"low": 1e-4, "high": 1e-2}}, search={"points": "random", "trials": 4, "repeats": 3})
    found = points(config, space(config))
    assert Counter(Counter(point[RATE] for point in found).values()) == {3: 4}
    assert {point[SEED] for point in found} == {0, 1, 2}


@pytest.mark.parametrize(
    ("count", "reason"),
    [(1000, None), (1001, "trains 1,001 parameters, limits.trainable_parameters allows 1,000")],
)
def test_a_point_that_trains_too_much_is_refused(prepare, stand_in, count, reason):
    config = sweep(limits=Limits(trainable_parameters=1000))
    setup, _ = prepare(config)
    asked = stand_in(trainable_parameters=lambda config: count)
    found = refuse(config, setup, {RANK: 16})
    assert asked[0][1].peft.rank == 16
    assert (found.reason if found else None) == reason
    if found:
        assert (found.status, found.config, found.id) == ("refused", {RANK: 16}, setup.identify({RANK: 16}))


@pytest.mark.parametrize(
    ("peak", "reason"), [(2e9, None), (2.5e9, "is predicted to take 2.50 GB a worker, limits.memory_gb allows 2")]
)
def test_a_point_that_takes_too_much_memory_is_refused(prepare, stand_in, peak, reason):
    config = codegen(limits=Limits(memory_gb=2))
    setup, _ = prepare(config)
    stand_in("train_codegen", memory=lambda config: peak)
    found = refuse(config, setup, {RANK: 16})
    assert (found.reason if found else None) == reason


def test_without_limits_nothing_is_counted_or_refused(prepare, stand_in):
    setup, _ = prepare(sweep())
    asked = stand_in(trainable_parameters=lambda config: 10**12, memory=lambda config: 1e15)
    assert refuse(sweep(), setup, {RANK: 16}) is None
    assert asked == []


@pytest.mark.parametrize(
    ("limits", "method"),
    [({"trainable_parameters": 1}, "trainable_parameters"), ({"memory_gb": 1}, "memory")],
)
def test_a_limit_on_what_cannot_be_told_is_an_error(prepare, stand_in, limits, method):
    config = sweep(limits=limits)
    setup, _ = prepare(config)
    stand_in(**{method: lambda config: None})
    with pytest.raises(ConfigError, match=rf"(?s)limits\.{next(iter(limits))}.*drop the limit"):
        refuse(config, setup, {RANK: 16})


def finished(folder, *trials, job="train_search", metric="mrr", fingerprint="f" * 64):
    told = {"sweep": {"job": job, "metric": metric}, "data": {"fingerprint": fingerprint},
            "trials": [one.model_dump(mode="json") for one in trials]}  # fmt: skip
    write_json(folder / "result.json", told)
    return folder


def test_ended_trials_of_both_sweeps_are_known_and_the_others_are_not(prepare, tmp_path):
    there = [trial("a", {RANK: 8}, 0.1), trial("b", status="stopped"), trial("c", status="failed"),
             trial("d", status="refused")]  # fmt: skip
    config = sweep(warm_start=finished(tmp_path / "before", *there))
    setup, _ = prepare(config)
    for one in (trial("a", {RANK: 8}, 0.9), trial("e"), trial("f", status="failed")):
        write_json(setup.place(one.id) / "trial.json", one.model_dump(mode="json"))
    setup.begin(setup.place("g") / "run", {RANK: 8})
    known = {one.id: one for one in earlier(config, setup)}
    assert sorted(known) == ["a", "b", "e"]
    assert known["a"].metric == 0.9, "this sweep's own outcome"


def test_a_sweep_without_an_earlier_one_knows_nothing(prepare):
    setup, _ = prepare(sweep())
    assert earlier(sweep(), setup) == []


@pytest.mark.parametrize(
    ("other", "there", "here"),
    [
        ({"job": "train_codegen"}, "train_codegen by mrr", "train_search by mrr"),
        ({"metric": "loss"}, "train_search by loss", "train_search by mrr"),
        ({"fingerprint": "e" * 64}, "on data eeeeeeeeeeee", "on ffffffffffff"),
    ],
)
def test_a_sweep_of_something_else_says_nothing_here(prepare, tmp_path, other, there, here):
    config = sweep(warm_start=finished(tmp_path / "before", trial("a"), **other))
    setup, _ = prepare(config)
    with pytest.raises(ConfigError, match=rf"(?s)warm_start: .*before swept .*{there}.*, this is .*{here}") as raised:
        earlier(config, setup)
    assert "leave warm_start out" in raised.value.remedy


def test_a_sweep_that_is_not_finished_cannot_be_started_from(prepare, tmp_path):
    config = sweep(warm_start=tmp_path / "nothing")
    setup, _ = prepare(config)
    with pytest.raises(ConfigError, match="nothing holds no finished sweep"):
        earlier(config, setup)


@pytest.mark.parametrize(
    "result", [{"job": "evaluate_search"}, {"job": "train_search", "data": {"java": {"fingerprint": "f"}}}]
)
def test_a_run_of_another_kind_cannot_be_started_from(prepare, tmp_path, result):
    write_json(tmp_path / "run" / "result.json", result)
    config = sweep(warm_start=tmp_path / "run")
    setup, _ = prepare(config)
    with pytest.raises(ConfigError, match="warm_start"):
        earlier(config, setup)


@pytest.mark.parametrize("file", sorted((ROOT / "tuning" / "configs").glob("*.yaml")), ids=lambda file: file.stem)
def test_each_configuration_that_comes_along_is_a_space_of_its_job(file, monkeypatch):
    monkeypatch.chdir(ROOT)  # `start_from` is relative to where the command is given
    asked = validate(SweepConfig, read_yaml(file))
    template = template_of(asked)
    space = space_of(asked, template)
    tried = points(asked, space)
    assert tried is None or len(tried) > 1
    for point in tried or space.corners():
        TASKS[asked.job].config.model_validate(configure(template, point))
