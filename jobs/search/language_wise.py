"""One adapter per language in one job: each language is a complete run of its own in RUN/LANGUAGE, side by side as far
as the cluster allows, and one table at the end."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.models.loading import Base, resolve
from common.progress import progress
from common.runs import Result, RunFolder
from common.tracking import end_run, start_run, tracking_uri
from jobs.ray_session import ClusterConfig, connected
from jobs.search.config import Refinement, TrainSearchConfig
from jobs.search.data import languages_of
from jobs.search.pipeline import held_out_sets

log = logging.getLogger(__name__)
SHARED = "shared"  # the run of the adapter that all languages start from
ADAPTER_METRICS = ("mrr", "ndcg@10")


def train_per_language(config: TrainSearchConfig, folder: Path) -> Result:
    """Train an adapter for each language of the data, or go on with it.

    A language that fails does not stop the others: they are finished, then the failures are raised as one `UserError`,
    and the same command goes on with what is missing.
    """
    with RunFolder.open(folder, config) as run:
        if done := run.result():
            return done
        run.log_to_file()
        base = resolve(config.model, config.encoder)
        languages = run.step("languages", lambda: {"languages": list(languages_of(config.data))})["languages"]
        tracked = run.step("tracking", lambda: _start(config, folder, languages))
        children = {language: child(config, language, folder, tracked["run_id"]) for language in languages}
        with connected(config.cluster) as use_gpu:
            if config.shared_start:
                _train_shared(config, languages, folder, tracked["run_id"], use_gpu=use_gpu)
            _train_all(children, config.cluster, use_gpu=use_gpu)
        results = {language: _result(one) for language, one in children.items()}
        scores = _scores(config, base, results, folder)
        metrics = {f"{mean}/adapter/{name}": scores[mean]["metrics"]["adapter"][name]["value"]
                   for mean in ("macro", "micro") for name in ADAPTER_METRICS}  # fmt: skip
        end_run(tracked["uri"], tracked["run_id"], metrics)
        return run.finish(
            {
                "job": "train_search",
                "model": {"id": base.name, "digest": base.digest},
                "adapters": {language: result["adapter"] for language, result in results.items()},
                "data": {language: result["data"] for language, result in results.items()},
                "training": {language: result["training"] for language, result in results.items()},
                **scores,
                "tracking": tracked,
                "run_dir": str(run.path),
            }
        )


def child(config: TrainSearchConfig, language: str, folder: Path, parent: str | None) -> TrainSearchConfig:
    """The configuration of one language's run."""
    data = config.data.model_copy(update={"languages": (language,)})
    tracking = config.tracking.model_copy(update={"uri": tracking_uri(config.tracking, folder), "parent": parent})
    changed = {name: value for name, value in config.refine.model_dump().items() if value and config.shared_start}
    own = {
        "per_language": False,
        "shared_start": False,
        "refine": Refinement(),
        "training": config.training.model_copy(update=changed),
        "start": folder / SHARED / "adapter" if config.shared_start else config.start,
        "data": data,
        "tracking": tracking,
        "name": f"{config.name or 'search'}-{language}",
        "run_dir": folder / language,
    }
    return config.model_copy(update=own)


def _train_shared(
    config: TrainSearchConfig, languages: Sequence[str], folder: Path, parent: str, *, use_gpu: bool
) -> None:
    """One adapter over all languages, on the whole cluster; not moved back to the base: that comes last."""
    import ray

    one = child(config.model_copy(update={"shared_start": False}), SHARED, folder, parent)
    workers = config.cluster.num_workers * places(ray.cluster_resources(), config.cluster, use_gpu=use_gpu)
    one = one.model_copy(
        update={
            "data": config.data.model_copy(update={"languages": tuple(languages)}),
            "cluster": config.cluster.model_copy(update={"num_workers": workers}),
            "training": config.training.model_copy(update={"interpolate": 1.0}),
        }
    )
    _train_all({SHARED: one}, one.cluster, use_gpu=use_gpu)


def _train_all(children: dict[str, TrainSearchConfig], cluster: ClusterConfig, *, use_gpu: bool) -> None:
    """Run all children on the connected cluster, as many at a time as it can place."""
    import ray

    remote = ray.remote(num_cpus=0, max_retries=0)(_train_one)  # its workers take the CPUs, not the task itself
    at_once = places(ray.cluster_resources(), cluster, use_gpu=use_gpu)
    waiting = [(name, one) for name, one in children.items() if not (one.run_dir / "result.json").exists()]  # type: ignore[operator]
    failed: dict[str, dict[str, str]] = {}
    running: dict[Any, str] = {}
    try:
        with progress(len(children), "languages", "adapter", delay=0) as bar:
            bar.update(len(children) - len(waiting))
            while waiting or running:
                while waiting and len(running) < at_once:
                    name, one = waiting.pop(0)
                    running[remote.remote(one.model_dump(mode="json"))] = name
                bar.set_postfix_str(", ".join(_states(running.values(), children)), refresh=False)
                for done in ray.wait(list(running), timeout=1.0)[0]:
                    name = running.pop(done)
                    bar.update(1)
                    if error := _outcome(done):
                        failed[name] = error
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
    if failed:
        sentences = "; ".join(f"{name}: {error['error']}" for name, error in failed.items())
        remedies = dict.fromkeys(error["remedy"] for error in failed.values() if error["remedy"])
        raise UserError(
            f"{len(failed)} of {len(children)} languages failed ({sentences})",
            " ".join([*remedies, "The same command goes on with them; the others are finished"]),
        )


def places(resources: dict[str, float], cluster: ClusterConfig, *, use_gpu: bool) -> int:
    """How many runs the cluster can hold at a time, at least one."""
    by_cpu = resources.get("CPU", 0) / (cluster.num_workers * cluster.cpus_per_worker)
    by_gpu = resources.get("GPU", 0) / cluster.num_workers if use_gpu else by_cpu
    return max(1, int(min(by_cpu, by_gpu)))


def _train_one(raw: dict[str, Any]) -> dict[str, str]:
    """A whole run, as a Ray task; returns a user's error as data, empty where all went well."""
    from common.logs import quieten
    from jobs.search.pipeline import train_search

    quieten()
    try:
        train_search(TrainSearchConfig.model_validate(raw))
    except UserError as error:
        return {"error": error.message, "remedy": error.remedy}
    return {}


def _outcome(reference: Any) -> dict[str, str]:
    import ray

    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        log.error("%s", error)
        return {"error": str(error).strip().splitlines()[-1], "remedy": "the log in RUN/logs has the whole traceback."}


def _states(names: Iterable[str], children: dict[str, TrainSearchConfig]) -> list[str]:
    """`ruby: step 40` for each running child, read from what it has written."""
    from jobs.training.progress import last_step

    states = []
    for name in names:
        run = children[name].run_dir
        assert run is not None
        step = last_step(run / "metrics.jsonl").get("step")
        states.append(f"{name}: data" if step is None else f"{name}: step {step:.0f}")
    return states


def _scores(config: TrainSearchConfig, base: Base, results: Mapping[str, Result], folder: Path) -> Result:
    """Each language's test set with its own adapter; the vectors are those that its run has encoded."""
    from jobs.search.evaluation import Scoring
    from jobs.search.languages import evaluate_sets

    sets = {}
    for language, result in results.items():
        held_out = held_out_sets(result["data"], folder / language)
        sets[language] = next(iter(held_out.values()))
    scoring = Scoring(base, folder, config.training.precision, config.training.seed)
    return evaluate_sets(sets, scoring, {language: folder / language / "adapter" for language in sets})


def _start(config: TrainSearchConfig, folder: Path, languages: Sequence[str]) -> Result:
    uri = tracking_uri(config.tracking, folder)
    tags = {"job": "train_search", "languages": ",".join(languages)}
    run_id = start_run(uri, config.tracking.experiment, folder.name, config.model_dump(mode="json"), tags)
    return {"uri": uri, "experiment": config.tracking.experiment, "run_id": run_id}


def _result(config: TrainSearchConfig) -> Result:
    import json

    assert config.run_dir is not None
    return json.loads((config.run_dir / "result.json").read_text("utf-8"))
