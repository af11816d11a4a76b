"""The table of a generation run: its figures, their intervals, and the items behind them."""

import numpy as np
import pytest

from common.metrics import codegen
from common.metrics.bootstrap import mean_interval
from common.metrics.chrf import corpus_chrf
from common.metrics.codebleu import PARTS, corpus_codebleu
from common.metrics.codegen import Generations, score_generations

REFERENCES = [f"def f{n}(x):\n    y = x + {n}\n    return y * {n % 3}" for n in range(12)]
CANDIDATES = [
    [reference if n % 3 == 0 else reference.replace("y * ", "x * ") if n % 3 == 1 else "print(1)", reference]
    for n, reference in enumerate(REFERENCES)
]
NAMES = {"em@1", "em@2", "codebleu", "chrf", *(f"codebleu/{part}" for part in PARTS)}


@pytest.fixture(scope="module")
def scored():
    return score_generations(REFERENCES, CANDIDATES, ks=(1, 2, 5), seed=4)


def test_names_and_bounds(scored):
    assert set(scored) == NAMES  # no em@5: there are two candidates
    for figure in scored.values():
        assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1


@pytest.mark.parametrize("mode", ["official", "pypi"])
def test_values_are_the_corpus_figures_of_the_first_candidates(mode):
    scored = score_generations(REFERENCES, CANDIDATES, ks=(1,), mode=mode)
    first = [tries[0] for tries in CANDIDATES]
    corpus = corpus_codebleu(first, [[reference] for reference in REFERENCES], mode=mode)
    assert scored["codebleu"]["value"] == pytest.approx(corpus.codebleu, abs=1e-12)
    for part in PARTS:
        assert scored[f"codebleu/{part}"]["value"] == pytest.approx(getattr(corpus, part), abs=1e-12)
    assert scored["chrf"]["value"] == pytest.approx(corpus_chrf(first, REFERENCES), abs=1e-12)


def test_exact_match_has_the_interval_of_a_mean(scored):
    hits = np.array([1.0, 0, 0] * 4)
    assert scored["em@1"] == pytest.approx(mean_interval(hits, seed=4).to_json())
    assert scored["em@2"] == {"value": 1, "low": 1, "high": 1}


def test_a_resample_is_a_corpus_of_its_own():
    """The interval of CodeBLEU is cut from corpora drawn and scored one by one."""
    drawn = np.random.default_rng(7).integers(12, size=(20, 12))  # what the bootstrap draws first with this seed
    first = [tries[0] for tries in CANDIDATES]
    figures = [
        corpus_codebleu([first[n] for n in row], [[REFERENCES[n]] for n in row]).codebleu for row in drawn.tolist()
    ]
    counted = Generations.counted(REFERENCES, CANDIDATES, ks=(1,)).figures(7, resamples=20)["codebleu"]
    assert (counted.low, counted.high) == pytest.approx(tuple(np.quantile(figures, [0.025, 0.975])))


def test_items_are_corpora_of_one():
    items = list(Generations.counted(REFERENCES, CANDIDATES, ks=(1, 2)).items())
    assert len(items) == 12 and set(items[0]) == NAMES
    assert items[1]["codebleu"] == corpus_codebleu([CANDIDATES[1][0]], [[REFERENCES[1]]]).codebleu
    assert [item["em@1"] for item in items] == [1, 0, 0] * 4


def test_the_seed_decides(scored):
    assert score_generations(REFERENCES, CANDIDATES, ks=(1, 2, 5), seed=4) == scored
    assert score_generations(REFERENCES, CANDIDATES, ks=(1, 2, 5), seed=5) != scored


def test_resampling_parses_nothing(monkeypatch):
    counted = Generations.counted(REFERENCES, CANDIDATES, ks=(1,))
    monkeypatch.setattr(codegen, "pair_statistics", None)
    assert counted.figures(0, resamples=10)["codebleu"].value > 0


def test_input_that_cannot_be_scored():
    with pytest.raises(ValueError, match="at least one candidate"):
        score_generations(["a", "b"], [["a"], []])
    with pytest.raises(ValueError, match="at least one item"):
        score_generations([], [])
    with pytest.raises(ValueError, match="candidates for 1"):
        score_generations(["a", "b"], [["a"]])
