"""What a corpus figure needs of each pair, and the figure from the sum over pairs.

CodeBLEU is no mean over pairs: matches and totals are summed first. A pair's row of numbers therefore stands for the
pair wherever corpora are made of it: one pair, a subset, a bootstrap resample, a sum that grows while items come in.
Nothing is parsed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.metrics.codebleu.dataflow import flow_match, flows
from common.metrics.codebleu.languages import CodeLanguage, Mode, ModeRules, code_language
from common.metrics.codebleu.ngrams import ORDERS, closest_length, precision_counts, recall_counts, tokens_of
from common.metrics.codebleu.syntax import subtree_match
from common.metrics.codebleu.trees import Tree, parse

PARTS = ("ngram", "weighted_ngram", "syntax", "dataflow")
FIGURES = (*PARTS, "codebleu")
SMOOTHING = 0.1
"""The numerator of an order without a match (method 1 of Chen and Cherry 2014)."""
WEIGHTED_LENGTH = 2
"""The length of a reference in the brevity penalty of the weighted part. Both implementations hold a reference there
as a pair (tokens, their weights) and take the length of the pair: only predictions of one token are too short."""

_N = len(ORDERS)
_PRECISION, _RECALL = slice(0, 2 * _N), slice(2 * _N, 4 * _N)
_LENGTH, _CLOSEST, _WEIGHTED, _SYNTAX, _FLOW, COLUMNS = 4 * _N, 4 * _N + 1, 4 * _N + 2, 4 * _N + 3, 4 * _N + 5, 23


@dataclass(frozen=True)
class CodeBleu:
    """The figure and its four parts, 0 to 1."""

    ngram: float
    weighted_ngram: float
    syntax: float
    dataflow: float
    codebleu: float


def pair_statistics(
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    mode: Mode = "official",
    language: str = "python",
) -> np.ndarray:
    """(N, COLUMNS): a row for each prediction and its references; rows of a corpus are to be summed.

    Raises ConfigError for an unknown language, ValueError where the lists do not fit or a prediction has no reference.
    """
    if len(predictions) != len(references):
        raise ValueError(f"{len(predictions)} predictions, but references for {len(references)}")
    record = code_language(language)
    table = [
        _row(one, several, record, record.modes[mode]) for one, several in zip(predictions, references, strict=True)
    ]
    return np.array(table, dtype=np.float64).reshape(len(table), COLUMNS)


def figures_of(
    sums: np.ndarray, *, mode: Mode = "official", weights: tuple[float, float, float, float] = (0.25,) * 4
) -> np.ndarray:
    """(…, 5) FIGURES from (…, COLUMNS) sums over pairs: of one corpus, or of many at once.

    A part without anything to match is 0. In the official mode a data flow of 0 adds nothing; in the pypi mode it
    counts as 1 in `codebleu`, also where there was data flow and none of it matched.
    """
    lengths = sums[..., _LENGTH]
    parts = [
        _bleu(sums[..., _PRECISION], lengths, sums[..., _CLOSEST]),
        _bleu(sums[..., _RECALL], lengths, sums[..., _WEIGHTED]),
        *(_share(sums[..., start], sums[..., start + 1]) for start in (_SYNTAX, _FLOW)),
    ]
    counted = [*parts[:3], np.where(parts[3] == 0, 1.0, parts[3])] if mode == "pypi" else parts
    total = sum(weight * part for weight, part in zip(weights, counted, strict=True))
    return np.stack([*parts, np.asarray(total)], axis=-1)


def corpus_codebleu(
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    mode: Mode = "official",
    weights: tuple[float, float, float, float] = (0.25,) * 4,
    language: str = "python",
) -> CodeBleu:
    """The figures of a corpus: predictions, and for each its references. Raises as `pair_statistics` does, and
    ValueError for an empty corpus."""
    if not predictions:
        raise ValueError("CodeBLEU of no pairs")
    sums = pair_statistics(predictions, references, mode=mode, language=language).sum(axis=0)
    return CodeBleu(*figures_of(sums, mode=mode, weights=weights).tolist())


def _row(prediction: str, references: Sequence[str], language: CodeLanguage, rules: ModeRules) -> list[float]:
    if not references:
        raise ValueError("a prediction without a reference")
    prediction, references = prediction.strip(), [reference.strip() for reference in references]
    tokens, wanted = tokens_of(prediction), [tokens_of(reference) for reference in references]
    found, total = precision_counts(tokens, wanted)
    found_weighted, total_weighted = recall_counts(tokens, wanted, rules.keywords)
    closest = closest_length(len(tokens), [len(one) for one in wanted])
    subtrees, edges = np.zeros(2), np.zeros(2)
    text, tree = _parsed(prediction, language, rules)
    flow = flows(tree, text, language.flow)
    for reference in references:
        reference_text, reference_tree = _parsed(reference, language, rules)
        subtrees += subtree_match(tree, reference_tree)
        edges += flow_match(flow, flows(reference_tree, reference_text, language.flow))
    lengths = [len(tokens), closest, WEIGHTED_LENGTH]
    return [*found, *total, *found_weighted, *total_weighted, *lengths, *subtrees, *edges]


def _parsed(text: str, language: CodeLanguage, rules: ModeRules) -> tuple[str, Tree]:
    text = rules.without_comments(text)
    return text, parse(language.parser(), text, rules.reshape)


def _bleu(counts: np.ndarray, length: np.ndarray, closest: np.ndarray) -> np.ndarray:
    """Geometric mean of the orders' shares, times the penalty for a prediction that is too short."""
    found, total = counts[..., :_N], counts[..., _N:]
    smoothed = np.where(found == 0, SMOOTHING, found)
    with np.errstate(divide="ignore", invalid="ignore"):
        penalty = np.where(length > closest, 1.0, np.exp(1 - closest / length))
        score = penalty * np.exp(np.log(smoothed / total).mean(axis=-1))
    return np.where((length == 0) | (found[..., 0] == 0), 0.0, score)


def _share(found: np.ndarray, total: np.ndarray) -> np.ndarray:
    return np.divide(found, total, out=np.zeros_like(found, dtype=np.float64), where=total > 0)
