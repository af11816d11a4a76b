"""result.json of a mining run: the accounts of walk, shards and reduction added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.corpora.mining.walk import Skipped, Tree, by_language
from common.corpora.splits import DEV, TEST, TRAIN
from common.runs import Result
from jobs.mining.config import MinePairsConfig
from jobs.mining.shards import ShardTask

SHOWN = 10


def assemble(
    config: MinePairsConfig,
    tree: Tree,
    tasks: Sequence[ShardTask],
    found: Sequence[dict[str, Any]],
    reduced: dict[str, Any],
    run: Path,
) -> Result:
    """Everything but the speed; `reduced` is what `reduce` said."""
    skipped = Skipped(tree.skipped.stored())
    for account in found:
        skipped.merge(Skipped(account["skipped"]))
    reduced = dict(reduced)
    languages = _languages(tree, found, reduced.pop("by_language"))
    dropped: Counter[str] = Counter()
    for row in languages.values():
        dropped.update(row["dropped"])
    known = {folder: repository for task in tasks for folder, repository in task.repositories.items()}
    named = [{"name": each.name, "folder": each.folder, "commit": each.commit} for _, each in sorted(known.items())]
    mined = sum(account["files"] for account in found)
    return {
        "job": "mine_pairs",
        "source": config.source,
        "root": str(tree.root),
        "commit": known[""].commit if "" in known else None,
        "repositories": {"count": len(known), "first": named[:SHOWN]},
        "files": {
            "mined": mined,
            "bytes": sum(account["bytes"] for account in found),
            "broken": sum(account["broken"]["files"] for account in found),
            "broken_first": [place for account in found for place in account["broken"]["first"]][:SHOWN],
            "skipped": skipped.stored(),
        },
        "seen": sum(row["seen"] for row in languages.values()),
        "dropped": dict(dropped.most_common()),
        "kept": sum(row["kept"] for row in languages.values()),
        **reduced,
        "languages": languages,
        "run_dir": str(run),
    }


def _languages(
    tree: Tree, found: Sequence[dict[str, Any]], pairs: Mapping[str, dict[str, int]]
) -> dict[str, dict[str, Any]]:
    """Files, functions and pairs of each language, the one with the most source first."""
    none = dict.fromkeys((TRAIN, DEV, TEST), 0)
    sizes = by_language(tree.files)
    others = {language: (0, 0) for account in found for language in account["seen"]}  # C++ in headers named .h
    rows: dict[str, dict[str, Any]] = {}
    for language, (files, size) in {**others, **sizes}.items():
        dropped: Counter[str] = Counter()
        for account in found:
            dropped.update(account["dropped"].get(language, {}))
        rows[language] = {
            "files": files,
            "bytes": size,
            "seen": sum(account["seen"].get(language, 0) for account in found),
            "kept": sum(account["kept"].get(language, 0) for account in found),
            "dropped": dict(dropped.most_common()),
            "pairs": pairs.get(language, none),
        }
    return dict(sorted(rows.items(), key=lambda item: -item[1]["bytes"]))


def speed(found: Sequence[dict[str, Any]], fresh: Sequence[int], seconds: dict[str, float]) -> dict[str, Any]:
    """Of what this submission did; functions/s are functions seen over the wall time of everything."""
    mined = [found[number] for number in fresh]
    functions = sum(sum(account["seen"].values()) for account in mined)
    stages = {stage: round(sum(account["cpu_seconds"][stage] for account in mined), 2) for stage in ("parse", "sign")}
    return {
        "functions": functions,
        "functions_per_second": round(functions / seconds["all"], 1),
        "megabytes_per_second": round(sum(account["bytes"] for account in mined) / 1e6 / seconds["all"], 2),
        "seconds": {stage: round(value, 2) for stage, value in seconds.items()},
        "worker_cpu_seconds": stages,
        "shards": len(found),
        "shards_from_before": len(found) - len(fresh),
    }
