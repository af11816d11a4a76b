"""Score search: `python -m jobs.evaluate_search --data.path BEIR_FOLDER [--adapter DIR] [--data.dev BEIR_FOLDER]`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from common.adapters.manifest import MANIFEST
from common.cli import Job, run
from common.errors import AdapterError, ConfigError
from common.runs import Result, RunFolder
from jobs.search.config import EvaluateSearchConfig, EvaluationData

if TYPE_CHECKING:
    from common.corpora.beir import RetrievalSet
    from common.models.loading import Base

Adapters = Path | Mapping[str, Path] | None


def main(config: EvaluateSearchConfig) -> Result:
    """BM25, zero-shot, adapter and hybrid on one retrieval set, or on one for each language."""
    from common.models.loading import resolve
    from jobs.search.data import retrieval_sets
    from jobs.search.evaluation import Scoring, evaluate
    from jobs.search.languages import evaluate_sets

    with RunFolder.open(_folder(config), config) as folder:
        if done := folder.result():
            return done
        folder.log_to_file()
        base = resolve(config.model, config.encoder)
        sets = retrieval_sets(config.data)
        adapters = _adapters(config.adapter, sets, base)  # before anything is encoded
        dev = _dev(config.data, sets)
        scoring = Scoring(base, folder.path, config.precision, config.seed, config.dump_run, dev)
        if len(sets) == 1:
            ((name, only),) = sets.items()
            scores = evaluate(only, scoring, adapters[name] if isinstance(adapters, Mapping) else adapters)
        else:
            scores = evaluate_sets(sets, scoring, adapters)
        model = {"id": base.name, "digest": base.digest}
        return folder.finish({"job": "evaluate_search", "model": model, "adapter": str(config.adapter or ""), **scores})


def _dev(data: EvaluationData, sets: Mapping[str, RetrievalSet]) -> RetrievalSet | None:
    """The split that chooses the weights; raises `ConfigError` where it is a set that is scored."""
    from jobs.search.data import read_retrieval

    if data.dev is None:
        return None
    own = any((data.dev / "qrels" / name).exists() for name in ("dev.tsv", "dev.tsv.gz"))
    dev = read_retrieval(data.dev, "dev" if own else "test")
    if any(dev.queries == scored.queries for scored in sets.values()):
        raise ConfigError(
            f"data.dev {data.dev} has the very queries that are scored", "choose the weights on another split"
        )
    return dev


def _adapters(folder: Path | None, sets: Mapping[str, RetrievalSet], base: Base) -> Adapters:
    """The adapter in `folder`; or one for each set, in FOLDER/NAME or in FOLDER/NAME/adapter as per-language jobs have.

    Raises `AdapterError` where one is missing or belongs to another base.
    """
    from common.adapters.folder import check

    if folder is None:
        return None
    found = {name: path for name in sets if name for path in (folder / name, folder / name / "adapter") if _is(path)}
    if _is(folder) or not found:
        check(folder, base)
        return folder
    if missing := [name for name in sets if name not in found]:
        raise AdapterError(
            f"{folder} has adapters for {', '.join(found)}, but none for {', '.join(missing)}",
            "train the missing ones, or leave their languages out",
        )
    for path in found.values():
        check(path, base)
    return found


def _is(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()


def _folder(config: EvaluateSearchConfig) -> Path:
    return config.run_dir or Path("runs/evaluate_search")


def _plan(config: EvaluateSearchConfig) -> str:
    from common.adapters.folder import check
    from common.models.loading import resolve
    from jobs.search.data import retrieval_sets

    base = resolve(config.model, config.encoder)
    sets = retrieval_sets(config.data)
    lines = [f"base     {base.name} ({base.architecture}, {base.pooling} pooling, digest {base.digest[:12]}…)"]
    for retrieval in sets.values():
        counts = f"{len(retrieval.queries):,} queries, {len(retrieval.documents):,} documents"
        lines.append(f"data     {retrieval.name}: {counts}")
    if dev := _dev(config.data, sets):
        lines.append(f"weights  chosen on {dev.name}: {len(dev.queries):,} queries, {len(dev.documents):,} documents")
    adapters = _adapters(config.adapter, sets, base)
    chosen = adapters if isinstance(adapters, Mapping) else {"": adapters} if adapters else {}
    for name, path in chosen.items():
        manifest = check(path, base)
        lines.append(f"adapter  {f'{name}: ' * bool(name)}{manifest.name} (digest {manifest.digest[:12]}…)")
    return "\n".join([*lines, f"run      {_folder(config)}"])


def _show(result: Result) -> str:
    from jobs.search.table import render, render_languages

    return render_languages(result) if "languages" in result else render(result)


JOB = Job(
    name="jobs.evaluate_search",
    description="Score BM25, the bare base, an adapter and the hybrid on a retrieval set, or on one for each language.",
    config=EvaluateSearchConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
