import pytest

from tests.tuning.report.sweeps import realistic, sweep, trial
from tuning.report.contents import for_front, for_parallel, with_curve
from tuning.report.figures import bars, curves, front, heat, parallel
from tuning.report.figures.parallel import shortened
from tuning.report.figures.style import ticks
from tuning.report.heat_map import heat_map


def dimensions(found):
    axes = parallel.figure(found, for_parallel(found)).data[0].dimensions
    return {axis.label: axis for axis in axes}


def test_the_heat_map_prints_the_value_of_each_cell():
    found = sweep(*realistic())
    drawn = heat.figure(found, heat_map(found))
    lora, dora = drawn.data
    assert lora.z[0][0] == heat_map(found).panels[0].cells[0][0][0].metric
    assert f"{lora.z[0][0]:.4f}" in lora.text[0][0]
    assert [note.text for note in drawn.layout.annotations] == ["lora", "dora"]
    assert drawn.layout.xaxis.title.text == "rank"
    assert list(drawn.layout.xaxis.ticktext) == ["8", "16", "32", "64"]
    assert "learning_rate = " in dora.customdata[0][0]
    assert lora.z[3][2] is None, "the failed trial's cell stays empty"
    assert lora.text[3][2] == ""


def test_cells_are_written_in_black_where_the_colour_is_light():
    trials = [trial({"rank": r, "alpha": a}, metric=r / 10 + a / 100) for r in (1, 2) for a in (1, 2)]
    for direction, lightest in (("max", (1, 1)), ("min", (0, 0))):
        found = sweep(*trials, direction=direction)
        text = heat.figure(found, heat_map(found)).data[0].text
        light, dark = text[lightest[0]][lightest[1]], text[1 - lightest[0]][1 - lightest[1]]
        assert "#111" in light
        assert "#fff" in dark


def test_the_bright_end_is_the_good_one():
    for direction in ("max", "min"):
        found = sweep(*realistic(), direction=direction)
        wanted = direction == "min"
        assert heat.figure(found, heat_map(found)).layout.coloraxis.reversescale is wanted
        assert parallel.figure(found, for_parallel(found)).data[0].line.reversescale is wanted


def test_the_best_curve_lies_on_top_and_each_kind_is_named_once():
    found = sweep(*realistic())
    lines = curves.figure(found, with_curve(found)).data
    assert [line.name for line in lines if line.showlegend] == ["stopped", "finished", "best"]
    assert len(lines) == 34
    assert list(lines[-1].y) == [value for _, value in found.best().curve]
    width = {line.name: line.line.width for line in lines}
    opacity = {line.name: line.opacity for line in lines}
    assert width["best"] > width["finished"] > width["stopped"]
    assert opacity["best"] > opacity["finished"] > opacity["stopped"]


def test_parallel_axes_name_categories_and_the_trials_without_a_key():
    axes = dimensions(sweep(*realistic()))
    assert list(axes) == ["method", "rank", "alpha", "learning_rate", "dev_mrr"]
    assert list(axes["method"].ticktext) == ["lora", "dora", "ia3"]
    assert list(axes["rank"].ticktext) == ["–", "8", "16", "32", "64"]
    assert list(axes["rank"].values).count(-1) == 3, "ia3"
    assert list(axes["learning_rate"].ticktext) == ["0.0001", "0.0003", "0.001", "0.003", "0.01"]


def test_many_numbers_are_placed_by_size_and_decades_by_their_logarithm():
    rates = [10 ** (-5 + 3 * i / 19) for i in range(20)]
    trials = [trial({"rate": rate, "dropout": i / 40}, metric=i) for i, rate in enumerate(rates)]
    axes = dimensions(sweep(*trials, trial({"dropout": 0.1})))
    assert axes["rate"].values[0] == -5
    assert list(axes["rate"].ticktext)[:3] == ["–", "1e-05", "0.0001"]
    assert axes["rate"].tickvals[2] == pytest.approx(-4)
    assert axes["rate"].values[-1] == axes["rate"].range[0] < -5
    assert axes["dropout"].values[:2] == (0.0, 1 / 40)


def test_long_labels_end_before_the_next_axis_and_stay_different():
    names = ["codet5p-220m", "codet5p-220m-bimodal", "codet5p-220m-py"]
    assert shortened(names, 30) == names
    assert shortened(["minilm", "modernbert-large"], 8) == ["minilm", "modernb…"]
    assert shortened(names, 8) == ["…5p-220m", "…bimodal", "…220m-py"]


def test_the_front_joins_the_best_for_their_size():
    trials = [
        trial({"peft.method": "ia3"}, metric=0.3, trainable_parameters=10_000, peak_bytes=10**9),
        trial({"peft.method": "lora", "rank": 8}, metric=0.5, trainable_parameters=2_000_000, peak_bytes=4 * 10**9),
        trial({"peft.method": "lora", "rank": 4}, metric=0.4, trainable_parameters=1_000_000, status="stopped"),
        trial({"peft.method": "lora", "rank": 2}, metric=0.2, trainable_parameters=500_000),
    ]
    found = sweep(*trials)
    drawn = front.figure(found, for_front(found))
    line, ia3, lora = drawn.data
    assert list(line.x) == [0.01, 1.0, 2.0]
    assert list(line.y) == [0.3, 0.4, 0.5]
    assert (ia3.name, lora.name) == ("ia3", "lora")
    assert list(lora.marker.size) == [4 * 10**9, 0, 0]
    assert list(lora.marker.symbol) == ["circle", "circle", "circle-open"]
    assert drawn.layout.xaxis.type == "log"
    assert drawn.layout.xaxis.title.text == "trainable parameters (M)"
    assert "4.00 GB peak memory" in lora.customdata[0]


def test_importance_has_the_largest_on_top():
    drawn = bars.figure({"peft.rank": 0.75, "<rate>": 0.25})
    assert list(drawn.data[0].y) == ["&lt;rate&gt;", "peft.rank"]
    assert list(drawn.data[0].text) == ["25.0%", "75.0%"]


def test_ticks_are_round_and_few():
    assert [f"{tick:g}" for tick in ticks(0.03, 3)] == ["0.05", "0.1", "0.2", "0.5", "1", "2"]
    assert [f"{tick:g}" for tick in ticks(1e-3, 1e3)] == ["0.001", "0.01", "0.1", "1", "10", "100", "1000"]
