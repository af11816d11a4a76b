import pytest

from jobs.search.table import render, render_languages, render_training

METRICS = ("mrr", "ndcg@10", "recall@1", "recall@5", "recall@10")


def values(start):
    return {m: {"value": start + i / 100, "low": start - 0.05, "high": start + 0.06} for i, m in enumerate(METRICS)}


@pytest.fixture
def result():
    return {
        "dataset": "tiny",
        "queries": 1234,
        "documents": 56789,
        "metrics": {"bm25": values(0.3), "zero_shot": values(0.4), "adapter": values(0.5), "hybrid": values(0.6)},
        "ceiling": {m: 0.951 + i / 100 for i, m in enumerate(METRICS)},
        "repeated_documents": 0,
        "adapter_minus_zero_shot": {"mrr": {"value": 0.1, "low": -0.01, "high": 0.2}},
        "relative_gain": {"mrr": {"value": 0.25, "low": -0.02, "high": 0.5}},
    }


def row(text, label):
    (line,) = (line for line in text.splitlines() if f" {label} " in line)
    return [cell.strip() for cell in line.split("│")[1:-1]]


@pytest.mark.parametrize(("label", "mrr"), [("BM25", 30), ("zero-shot", 40), ("adapter", 50), ("hybrid", 60)])
def test_every_system_has_its_figures_times_a_hundred(result, label, mrr):
    text = render(result)
    interval = f"{mrr - 5:.1f} … {mrr + 6:.1f}"
    others = [f"{mrr + i:.1f}" for i in range(1, 5)]
    assert row(text.split("adapter −")[0], label) == [label, f"{mrr:.1f}", interval, *others]
    assert "tiny: 1,234 queries, 56,789 documents" in text


def test_the_difference_is_told_in_points_and_in_per_cent(result):
    last = render(result).splitlines()[-1]
    assert last == "adapter − zero-shot: +10.0 MRR points (95 % -1.0 … +20.0), +25.0 % relative (-2.0 … +50.0)"
    del result["relative_gain"]  # where the baseline is zero, or the run is an older one
    assert render(result).splitlines()[-1] == last.split(", +25")[0]


def test_a_hybrid_whose_weights_a_dev_split_chose_says_so(result):
    weights = {"lexical": 0.2, "dense": 0.8, "method": "scores", "k": 60, "floor": 0.1}
    assert "hybrid =" not in render({**result, "fusion": {"weights": weights, "chosen_on": None}})
    last = render({**result, "fusion": {"weights": weights, "chosen_on": "tiny dev"}}).splitlines()[-1]
    assert last == "hybrid = 0.2 × BM25 + 0.8 × dense, of scores, chosen on tiny dev"


def test_without_an_adapter_there_is_no_difference(result):
    del result["metrics"]["adapter"], result["adapter_minus_zero_shot"]
    text = render(result)
    assert "adapter" not in text
    assert "hybrid" in text


def test_the_ceiling_is_shown_only_where_documents_repeat(result):
    assert "ceiling" not in render(result)
    result["repeated_documents"] = 3
    assert row(render(result), "strict ceiling") == ["strict ceiling", "95.1", "", "96.1", "97.1", "98.1", "99.1"]


def test_each_protocol_has_a_table_where_it_differs(result):
    assert "strict" not in render(result)
    more = {system: {**found, "precision@6": found["mrr"]} for system, found in result["metrics"].items()}
    result["multi_positive"] = {"queries": 7, "documents": 8, "metrics": more}
    text = render(result)
    assert "tiny, strict: 1,234 queries" in text
    assert "all solutions of a problem relevant: 7 queries, 8 documents" in text
    second = text.split("all solutions")[1]
    assert row(second, "BM25")[-1] == "30.0"
    assert "P@6" in second
    assert "P@6" not in text.split("all solutions")[0]


def language(mrr, change, queries, ceiling=1.0):
    systems = ("bm25", "zero_shot", "adapter", "hybrid")
    return {
        "queries": queries,
        "documents": 9000,
        "metrics": {system: values(mrr + 0.1 * i) for i, system in enumerate(systems)},
        "ceiling": {"mrr": ceiling},
        "adapter_minus_zero_shot": {"mrr": {"value": change, "low": change - 0.01, "high": change + 0.01}},
        "relative_gain": {"mrr": {"value": 3 * change, "low": 0, "high": 0.5}},
    }


@pytest.fixture
def languages():
    named = {"java": language(0.2, 0.05, 1000), "c++": language(0.4, -0.05, 3000, ceiling=0.5)}
    means = {"macro": language(0.3, 0.0, 4000, ceiling=0.75), "micro": language(0.35, -0.025, 4000, ceiling=0.6)}
    for block in means.values():
        del block["documents"]
    return {"languages": named, **means}


def test_a_row_for_each_language_and_each_mean(languages):
    text = render_languages(languages)
    assert row(text, "java") == [
        "java", "1,000", "9,000", "20.0", "30.0", "40.0", "+5.0 (+4.0 … +6.0)", "+15.0 %", "100.0"
    ]  # fmt: skip
    assert row(text, "macro mean")[1:4] == ["4,000", "", "30.0"]
    assert row(text, "micro mean")[-3:] == ["-2.5 (-3.5 … -1.5)", "-7.5 %", "60.0"]
    assert "adapter − zero-shot, macro: +0.0 MRR points (95 % -1.0 … +1.0), +0.0 % relative (+0.0 … +50.0)" in text
    assert "adapter − zero-shot, micro: -2.5 MRR points" in text
    assert text.splitlines()[-1] == "the adapter is worse beyond the interval in: c++"
    assert max(map(len, text.splitlines())) <= 110


def test_what_rounds_to_nothing_has_no_minus(languages):
    languages["macro"]["adapter_minus_zero_shot"]["mrr"] = {"value": -0.0004, "low": -0.0006, "high": 0.0}
    assert "+0.0 (-0.1 … +0.0)" in row(render_languages(languages), "macro mean")


def test_languages_without_an_adapter_or_repetition(languages):
    for block in (*languages["languages"].values(), languages["macro"], languages["micro"]):
        del block["metrics"]["adapter"], block["adapter_minus_zero_shot"], block["relative_gain"]
        block["ceiling"]["mrr"] = 1.0
    text = render_languages(languages)
    assert "adapter" not in text
    assert "ceiling" not in text
    assert row(text, "c++") == ["c++", "3,000", "9,000", "40.0", "50.0", "70.0"]


def test_languages_under_another_protocol(languages):
    languages["languages"]["c++"]["collapsed"] = language(0.6, 0.01, 3000)
    languages["macro"]["collapsed"] = language(0.4, 0.02, 4000)
    languages["micro"]["collapsed"] = language(0.5, 0.03, 4000)
    merged = render_languages(languages).split("copies merged")[1]
    assert row(merged, "c++")[3] == "60.0"
    assert row(merged, "java")[3] == "20.0", "nothing repeats there: its figures are the strict ones"
    assert row(merged, "macro mean")[3] == "40.0"
    assert "ceiling" not in merged


def test_a_trained_adapter_is_told_with_where_it_is_and_what_comes_next(result):
    speed = {"pairs_per_second": 41.6, "warnings": ["dull"]}
    training = {"dev_curve": [[0, 0.3], [10, 0.4]], "best_step": 10, "steps": 20, **speed}
    result |= {
        "training": training,
        "data": {"pairs": 4321, "source": "pairs"},
        "indexed": True,
        "adapter": {"path": "R/adapter", "digest": "ab" * 32, "name": "search-x", "alias": "candidate", "version": "3"},
        "tracking": {"uri": "sqlite:///x.db"},
        "run_dir": "R",
    }
    text = render_training(result)
    assert text.startswith(render(result))
    lines = text.splitlines()
    assert "warning: dull" in lines
    assert "trained on 4,321 pairs at 42 pairs/s; best of 2 dev scores at step 10 of 20" in lines
    assert "adapter    R/adapter  (abababababab…)" in lines
    assert "registry   search-x@candidate, version 3" in lines
    assert "tracking   sqlite:///x.db" in lines
    assert any("--index R" in line for line in lines)
    del training["warnings"]
    assert "--index" not in render_training({**result, "indexed": False})
    assert "warning" not in render_training(result)
