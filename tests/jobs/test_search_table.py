import pytest

from jobs.search_table import render, render_training

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
    assert last == "adapter − zero-shot: +10.0 MRR points (95 % -1.0 … +20.0), +25.0 % relative"


def test_without_an_adapter_there_is_no_difference(result):
    del result["metrics"]["adapter"], result["adapter_minus_zero_shot"]
    text = render(result)
    assert "adapter" not in text
    assert "hybrid" in text


def test_the_ceiling_is_shown_only_where_documents_repeat(result):
    assert "ceiling" not in render(result)
    result["repeated_documents"] = 3
    assert row(render(result), "strict ceiling") == ["strict ceiling", "95.1", "", "96.1", "97.1", "98.1", "99.1"]


def test_a_trained_adapter_is_told_with_where_it_is_and_what_comes_next(result):
    speed = {"pairs_per_second": 41.6, "warnings": ["dull"]}
    training = {"dev_curve": [[0, 0.3], [10, 0.4]], "best_step": 10, "steps": 20, **speed}
    result |= {
        "training": training,
        "data": {"pairs": 4321},
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
    assert "warning" not in render_training(result)
