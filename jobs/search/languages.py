"""Several retrieval sets in one evaluation, one for each language: tables by language, macro and micro means."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from common.corpora.beir import RetrievalSet
from common.errors import UserError
from common.metrics.report import Means, compared, macro, macro_compared, micro
from jobs.search.evaluation import (
    ADAPTER,
    COLLAPSED,
    MULTI_POSITIVE,
    STRICT,
    ZERO_SHOT,
    Scored,
    Scoring,
    score,
    vector_files,
)
from jobs.search.vectors import fill

Adapters = Path | Mapping[str, Path] | None
"""None, one adapter for all sets, or set → adapter."""


def evaluate_sets(sets: Mapping[str, RetrievalSet], scoring: Scoring, adapters: Adapters = None) -> dict[str, Any]:
    """`languages` (name → as `evaluate`), `macro` (mean over languages) and `micro` (mean over queries).

    Both means carry every system and metric, the ceiling, and with adapters the paired difference and the relative
    gain (macro: the mean of the languages' gains). Queries are resampled within each language. A protocol that differs
    in some languages counts as strict in the others. The files of a set are in FOLDER/NAME, as in a job that trains
    one adapter per language. Raises `UserError`
    where `adapters` names other sets than `sets`.
    """
    chosen = by_set(adapters, list(sets))
    within = {name: _within(scoring, name) for name in sets}
    files = {name: vector_files(retrieval, within[name], chosen[name]) for name, retrieval in sets.items()}
    fill(file for its in files.values() for file in its.values())  # one model in memory, and each loads once
    scored = [score(retrieval, files[name], within[name]) for name, retrieval in sets.items()]
    return {
        "languages": {name: one.to_json() for name, one in zip(sets, scored, strict=True)},
        "macro": _over(scored, even=True),
        "micro": _over(scored, even=False),
    }


def by_set(adapters: Adapters, names: list[str]) -> dict[str, Path | None]:
    """Set → its adapter."""
    if not isinstance(adapters, Mapping):
        return dict.fromkeys(names, adapters)
    if missing := [name for name in names if name not in adapters]:
        raise UserError(
            f"there is no adapter for {', '.join(missing)}; there are some for {', '.join(adapters) or 'nothing'}",
            "train the missing ones, or leave their sets out",
        )
    return {name: adapters[name] for name in names}


def _within(scoring: Scoring, name: str) -> Scoring:
    # Equal seeds would draw the same places in languages of equal size, as if their queries came in pairs
    seed = (*np.atleast_1d(scoring.seed).tolist(), zlib.crc32(name.encode()))
    return replace(scoring, folder=scoring.folder / name.replace("/", "%2F"), seed=seed)


def _over(scored: Sequence[Scored], *, even: bool) -> dict[str, Any]:
    """One mean over the sets, under every protocol that differs in some of them."""
    differing = {protocol for one in scored for protocol in one.protocols}
    blocks = {
        protocol: _block([one.means.get(protocol, one.means[STRICT]) for one in scored], even=even)
        for protocol in (STRICT, COLLAPSED, MULTI_POSITIVE)
        if protocol in differing
    }
    weights = [1 if even else len(one.retrieval.queries) for one in scored]
    ceiling = {
        metric: float(np.average([one.ceiling[metric] for one in scored], weights=weights))
        for metric in scored[0].ceiling
    }
    return {**blocks.pop(STRICT), "ceiling": ceiling, **blocks}


def _block(parts: Sequence[Means], *, even: bool) -> dict[str, Any]:
    whole = macro(parts) if even else micro(parts)
    block: dict[str, Any] = {"queries": whole.queries, "metrics": whole.to_json()}
    if ADAPTER in whole.table:
        block |= macro_compared(parts, ADAPTER, ZERO_SHOT) if even else compared(whole, ADAPTER, ZERO_SHOT)
    return block
