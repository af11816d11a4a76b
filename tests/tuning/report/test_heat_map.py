from tests.tuning.report.sweeps import sweep, trial
from tuning.report.heat_map import BINS, heat_map


def metrics(panel):
    return [[cell[0].metric if cell else None for cell in line] for line in panel.cells]


def test_rank_by_alpha_the_best_over_the_other_keys():
    def at(rank, alpha, rate, metric):
        return trial({"peft.rank": rank, "peft.alpha": alpha, "training.learning_rate": rate}, metric=metric)

    trials = (at(16, 32, 1, 0.2), at(8, 16, 1, 0.5), at(8, 16, 2, 0.6), at(8, 32, 1, 0.4))
    found = heat_map(sweep(*trials, importance={"training.learning_rate": 0.9}))
    assert (found.columns.key, found.columns.labels) == ("peft.rank", ("8", "16"))
    assert (found.rows.key, found.rows.labels) == ("peft.alpha", ("16", "32"))
    (panel,) = found.panels
    assert metrics(panel) == [[0.6, None], [0.4, 0.2]]
    assert [one.metric for one in panel.cells[0][0]] == [0.6, 0.5], "all of a cell's trials, best first"
    least = heat_map(sweep(*trials, direction="min"))
    assert metrics(least.panels[0]) == [[0.5, None], [0.4, 0.2]]


def test_a_panel_a_method_and_the_methods_without_the_keys_are_named():
    trials = [
        trial({"peft.method": method, "peft.rank": rank, "peft.alpha": alpha}, metric=rank / 100)
        for method in ("dora", "lora")
        for rank in (8, 16)
        for alpha in (16, 32)
    ]
    trials.append(trial({"peft.method": "ia3"}, metric=0.9))
    found = heat_map(sweep(*trials))
    assert [panel.name for panel in found.panels] == ["dora", "lora"]
    assert found.left_out == ("ia3",)


def test_without_rank_the_most_important_two():
    trials = [
        trial({"peft.method": method, "a": a, "b": b, "c": c}, metric=a + b / 10 + c / 100)
        for method in ("lora", "dora")
        for a in (1, 2)
        for b in (1, 2)
        for c in (1, 2)
    ]
    found = heat_map(sweep(*trials, importance={"peft.method": 0.5, "c": 0.3, "b": 0.2}))
    assert (found.columns.key, found.rows.key) == ("c", "b"), "methods have panels already"
    assert len(found.panels) == 2


def test_the_method_is_an_axis_where_there_is_no_other():
    trials = [trial({"peft.method": m, "rate": r}, metric=r) for m in ("lora", "ia3") for r in (0.1, 0.2)]
    found = heat_map(sweep(*trials))
    assert (found.columns.key, found.rows.key) == ("rate", "peft.method")
    assert found.rows.labels == ("lora", "ia3")
    assert [panel.name for panel in found.panels] == [""]


def test_many_values_share_bins_and_every_trial_has_its_place():
    rates = [10 ** (-5 + 3 * i / 29) for i in range(30)]
    trials = [trial({"rate": rate, "batch": i % 2}, metric=i) for i, rate in enumerate(rates)]
    found = heat_map(sweep(*trials))
    assert len(found.columns.labels) == BINS
    assert found.columns.labels[0] == "1e-05 – 3.2e-05"
    held = [[len(line[column]) for line in found.panels[0].cells] for column in range(BINS)]
    assert [sum(column) for column in held] == [5] * BINS


def test_values_that_look_alike_have_places_of_their_own():
    trials = [trial({"a": a, "b": b}, metric=a) for a in (0.1, 0.1 + 1e-9) for b in (True, 1)]
    found = heat_map(sweep(*trials))
    assert found.columns.labels == ("0.1", "0.1")
    assert all(len(cell) == 1 for line in found.panels[0].cells for cell in line)


def test_why_there_is_none():
    assert "No trial has a metric" in heat_map(sweep(trial({"a": 1}, metric=None)))
    one = heat_map(sweep(trial({"a": 1, "b": 1}), trial({"a": 2, "b": 1})))
    assert one.endswith("and only a does.")
    apart = [trial({"a": value}, metric=0.1) for value in (1, 2)] + [trial({"b": value}) for value in (1, 2)]
    assert "both a and b" in heat_map(sweep(*apart))
