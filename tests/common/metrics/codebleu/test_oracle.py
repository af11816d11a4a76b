"""Both published implementations' figures on 300 pairs (../shared/oracles), and all that is left of differences.

Lexical parts: none. Syntax and data flow: none where the older grammars and today's parse both sides without an error,
data flow under hash seed 0 included. The rest are predictions with a syntax error, or with syntax that the grammar of
2020 did not know; each grammar goes on behind an error in its own way. By pair:

- official: 295, 298 `match`, unknown in 2020 (298 in the reference, too). 186 `f(x):` with an indented line below,
  which 0.16 took for an annotated assignment and so for no error. 165, 181, 194, 200, 222, 238, 241, 242, 246, 249,
  262: a token replaced, deleted, doubled or swapped, so that the text no longer parses.
- pypi: 198, 241, 242, of the same kind (of the 48 broken predictions, the 45 others are recovered alike).
"""

import gzip
import json
import os
from pathlib import Path

import pytest

from common.metrics.codebleu import FIGURES, PARTS, figures_of, pair_statistics

ORACLES = Path(os.environ.get("CODEADAPTERS_ORACLES", Path(__file__).parents[5] / "shared" / "oracles"))
MODES = ("official", "pypi")
DIFFERENT = {
    ("official", "syntax"): {165, 186, 194, 200, 222, 238, 241, 242, 246, 249, 262, 295, 298},
    ("official", "dataflow"): {181, 186, 194, 241, 242, 295},
    ("pypi", "syntax"): {242},
    ("pypi", "dataflow"): {198, 241},
}


@pytest.fixture(scope="module")
def table():
    file = ORACLES / "codebleu_python.jsonl.gz"
    if not file.exists():
        pytest.skip(f"no {file}; CODEADAPTERS_ORACLES names the folder")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    pairs = [row for row in rows if row["record"] == "pair"]
    predictions, references = [row["prediction"] for row in pairs], [[row["reference"]] for row in pairs]
    ours = {mode: pair_statistics(predictions, references, mode=mode) for mode in MODES}
    return pairs, [row for row in rows if row["record"] == "corpus"], ours


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("mode", MODES)
def test_every_pair_but_the_known_ones(table, mode, part):
    pairs, _, ours = table
    values = figures_of(ours[mode], mode=mode)[:, FIGURES.index(part)]
    differ = {
        number
        for number, (row, value) in enumerate(zip(pairs, values, strict=True))
        if abs(value - row[mode][part]) > 1e-6
    }
    assert differ == DIFFERENT.get((mode, part), set())


@pytest.mark.parametrize("mode", MODES)
def test_a_known_one_has_an_error_somewhere(table, mode):
    """In one of the grammars, on one of the sides; 186 is the one that only today's sees."""
    pairs, _, _ = table
    different = set().union(*(numbers for (of, _), numbers in DIFFERENT.items() if of == mode))
    for number in different - {186}:
        assert any(pairs[number][of][f"parse_error_{side}"] for of in MODES for side in ("prediction", "reference"))


@pytest.mark.parametrize("mode", MODES)
def test_corpus_figures(table, mode):
    """Within 0.03 for syntax and 0.01 for the score; the ten pairs made by hand, of which two are `match`, are held to
    what `match` costs."""
    pairs, corpora, ours = table
    numbers = {row["id"]: number for number, row in enumerate(pairs)}
    assert {corpus["name"] for corpus in corpora} >= {"all", "self", "similar", "mutated", "renamed", "edge"}
    for corpus in corpora:
        first, last = numbers[corpus["first_id"]], numbers[corpus["last_id"]]
        figures = figures_of(ours[mode][first : last + 1].sum(axis=0), mode=mode)
        off = {name: abs(value - corpus[mode][name]) for name, value in zip(FIGURES, figures, strict=True)}
        by_match = mode == "official" and corpus["name"] == "edge"
        assert off["ngram"] < 1e-6 and off["weighted_ngram"] < 1e-6
        assert off["syntax"] < (0.04 if by_match else 0.004)
        assert off["dataflow"] < (0.03 if by_match else 0.01)
        assert off["codebleu"] < (0.016 if by_match else 0.004)
