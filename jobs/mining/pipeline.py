"""The mining job, step by step: fetch, walk, mine shards over Ray, reduce. What is finished is not done again."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Generator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from common.corpora.benchmarks import read_benchmark
from common.corpora.mining.languages import EXTENSIONS, LANGUAGES, parse_file
from common.corpora.mining.walk import Tree, WalkRules, shards, walk
from common.corpora.selection import Benchmark
from common.errors import DataError, RunFolderError, UserError
from common.progress import progress
from common.runs import Result, RunFolder, write_text
from jobs.mining.config import MinePairsConfig
from jobs.mining.reduce import Mined, reduce
from jobs.mining.report import markdown, render_tree
from jobs.mining.result import assemble, speed
from jobs.mining.sample import write_sample
from jobs.mining.shards import ShardTask, mine_shard
from jobs.mining.source import fetch, is_url, remote_commit, repositories
from jobs.ray_session import connected

log = logging.getLogger(__name__)
SHARD_BYTES = 4_000_000  # some 3,000 functions, half a second of parsing: long beside what a Ray task costs
MOST_SHARDS = 500  # each one has a file open while the splits are made
SHOWN = 10


def mine_pairs(config: MinePairsConfig) -> Result:
    """Run the job in its run folder, or go on with it; returns the result, also of a run that was complete already.

    Raises `UserError` for an unknown language, a missing grammar, an address that cannot be fetched, and where the
    tree is no longer the one the run began with.
    """
    languages = known_languages(config.languages)
    with RunFolder.open(config.run_dir or Path("runs/mine_pairs"), config) as run:
        started = time.perf_counter()
        root = _root(config, run.path, languages)
        tree = walk(root, _rules(config, languages, run.path))
        _check_unchanged(run, tree)
        if done := run.result():
            return done
        run.log_to_file()
        benchmarks = _benchmarks(config)
        if not tree.files:
            raise DataError(root, None, None, f"no source file in {', '.join(sorted(languages))} to mine here",
                            "`--dry-run` says what is left out and why")  # fmt: skip
        walked = time.perf_counter()
        tasks = _tasks(config, run.path, tree, languages)
        found, fresh, connecting = _mine(config, tasks)
        mined = time.perf_counter()
        reduced = run.step("reduce", lambda: _reduce(config, run.path, tree, tasks, benchmarks))
        if config.sample:
            write_sample(run.path / "sample.md", config, tasks, found)
        ended = time.perf_counter()
        seconds = {
            "walk": walked - started, "connect": connecting, "mine": mined - walked - connecting,
            "reduce": ended - mined, "all": ended - started,
        }  # fmt: skip
        result = assemble(config, tree, tasks, found, reduced, run.path)
        result["speed"] = speed(found, fresh, seconds)
        write_text(run.path / "report.md", markdown(result))
        return run.finish(result)


def plan(config: MinePairsConfig) -> str:
    """What would be mined: files and sizes by language, what is left out and why. Parses nothing, fetches nothing."""
    languages = known_languages(config.languages)
    for benchmark in _benchmarks(config):
        log.info("%s: %d queries, %d pieces of code", benchmark.name, len(benchmark.queries), len(benchmark.documents))
    run = (config.run_dir or Path("runs/mine_pairs")).absolute()
    if is_url(config.source) and not (run / "source").exists():
        commit = remote_commit(config.source, config.ref)
        return f"would fetch {config.source} at {commit} into {run / 'source'} and mine it for {', '.join(languages)}"
    tree = walk(_root(config, run, languages), _rules(config, languages, run))
    return render_tree(tree)


def known_languages(wanted: Sequence[str]) -> tuple[str, ...]:
    """The wanted languages, by default all; raises `UserError` for one that is unknown or has no grammar here."""
    languages = tuple(sorted(set(wanted))) or LANGUAGES
    for language in languages:
        parse_file(b"", "none", language)
    return languages


def _root(config: MinePairsConfig, run: Path, languages: Sequence[str]) -> Path:
    if is_url(config.source):
        patterns = [f"*{ending}" for ending, language in EXTENSIONS.items() if language in languages]
        return fetch(config.source, config.ref, run / "source", [*patterns, ".gitignore"]).resolve()
    if config.ref is not None:
        raise UserError("--ref goes with a git URL", "check the folder out at that commit")
    root = Path(config.source)
    if not root.is_dir():
        what = "is no folder" if root.exists() else "does not exist"
        raise UserError(f"{root} {what}", "give a folder, or the URL of a git repository")
    return root.resolve()


def _rules(config: MinePairsConfig, languages: Sequence[str], run: Path) -> WalkRules:
    excluded = None if is_url(config.source) else run.resolve()
    return WalkRules(
        frozenset(languages), config.gitignore, config.path_rules, max_bytes=config.max_bytes, excluded=excluded
    )


def _benchmarks(config: MinePairsConfig) -> list[Benchmark]:
    found = []
    for path in config.benchmarks:
        benchmark, problems = read_benchmark(path)
        for problem in problems[:SHOWN]:
            log.warning("left out: %s", problem)
        if len(problems) > SHOWN:
            log.warning("… and %d more lines of %s left out", len(problems) - SHOWN, path)
        found.append(benchmark)
    return found


def _check_unchanged(run: RunFolder, tree: Tree) -> None:
    """Keep the list of files at the first submission; raise `RunFolderError` where a later one finds another."""
    stored = run.path / "files.jsonl"
    lines = [json.dumps([file.path, file.size, file.mtime_ns], ensure_ascii=False) for file in tree.files]
    if not stored.exists():
        write_text(stored, "".join(f"{line}\n" for line in lines))
        return
    before = {path: rest for path, *rest in map(json.loads, stored.read_text("utf-8").splitlines())}
    now = {file.path: [file.size, file.mtime_ns] for file in tree.files}
    if before == now:
        return
    new, gone = now.keys() - before.keys(), before.keys() - now.keys()
    changed = {path for path in now.keys() & before.keys() if now[path] != before[path]}
    first = ", ".join(sorted(new | gone | changed)[:3])
    raise RunFolderError(
        f"{tree.root} is not what it was when this run began: {len(new):,} files are new, {len(gone):,} gone, "
        f"{len(changed):,} changed ({first}, …)",
        "give a new --run-dir, or remove the folder to start over",
    )


def _tasks(config: MinePairsConfig, run: Path, tree: Tree, languages: Sequence[str]) -> list[ShardTask]:
    size = max(SHARD_BYTES, sum(file.size for file in tree.files) // MOST_SHARDS + 1)
    known = repositories(tree.root, tree.repositories)
    tasks: list[ShardTask] = []
    first = 0
    for number, files in enumerate(shards(tree.files, size)):
        there = {file.repository for file in files}
        tasks.append(ShardTask(
            number, files, first, tree.root, run / "shards", {folder: known[folder] for folder in there},
            frozenset(languages), config.max_bytes, config.corpus, config.sample,
        ))  # fmt: skip
        first += len(files)
    return tasks


def _mine(config: MinePairsConfig, tasks: Sequence[ShardTask]) -> tuple[list[dict[str, Any]], list[int], float]:
    """The account of every shard, the numbers of those that were mined now, and the seconds to reach the cluster.

    A tree of one shard is mined in this process: there is nothing to do in parallel, and starting Ray takes longer.
    """
    missing = [task for task in tasks if not task.path("json").exists()]
    alone = len(tasks) == 1
    megabytes = sum(file.size for task in tasks for file in task.files) / 1e6
    began = time.perf_counter()
    with nullcontext() if alone or not missing else connected(config.cluster):
        connecting = time.perf_counter() - began
        mining = _alone(missing) if alone else _over_ray(config, missing)
        with progress(round(megabytes), "mining", "MB") as bar, closing(mining) as finished:
            bar.update(round(megabytes - sum(file.size for task in missing for file in task.files) / 1e6))
            for task in finished:
                bar.update(round(sum(file.size for file in task.files) / 1e6))
    for draft in tasks[0].folder.glob(".*.draft"):  # of tasks that were killed
        draft.unlink(missing_ok=True)
    accounts = [json.loads(task.path("json").read_text("utf-8")) for task in tasks]
    return accounts, [task.number for task in missing], connecting


def _alone(tasks: Sequence[ShardTask]) -> Generator[ShardTask]:
    for task in tasks:
        mine_shard(task)
        yield task


def _over_ray(config: MinePairsConfig, tasks: Sequence[ShardTask]) -> Generator[ShardTask]:
    """The tasks as they end; not more of them under way than the cluster has workers for us.

    Where a shard takes its process down again and again, it is mined once more, each file in a process of its own.
    """
    import ray

    if not tasks:
        return
    remote = ray.remote(mine_shard).options(num_cpus=config.cluster.cpus_per_worker,
                                            max_retries=config.cluster.max_failures)  # fmt: skip
    waiting = iter(tasks)
    under_way: dict[Any, tuple[ShardTask, bool]] = {}
    try:
        while True:
            while len(under_way) < config.cluster.num_workers and (task := next(waiting, None)):
                under_way[remote.remote(task)] = task, False
            if not under_way:
                return
            (ready,), _ = ray.wait(list(under_way))
            task, isolated = under_way.pop(ready)
            try:
                ray.get(ready)
            except ray.exceptions.WorkerCrashedError:
                if isolated:
                    raise
                log.warning("shard %d takes its process down: its files are parsed one by one", task.number)
                under_way[remote.remote(task, isolated=True)] = task, True
                continue
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, UserError):
                    raise error.cause from None
                raise
            yield task
    finally:
        for reference in under_way:  # a cluster that others use would go on with them
            ray.cancel(reference, force=True)


def _reduce(
    config: MinePairsConfig, run: Path, tree: Tree, tasks: Sequence[ShardTask], benchmarks: Sequence[Benchmark]
) -> dict[str, Any]:
    known = {folder: repository for task in tasks for folder, repository in task.repositories.items()}
    return reduce(config, Mined.open(run / "shards", len(tasks)), tree.files, known, benchmarks, run)
