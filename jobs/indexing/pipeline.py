"""The indexing job: walk, compare, parse, encode, and move over to the new generation. Submitted again, it does what
has changed; killed, it goes on from what it kept, and readers have the old generation meanwhile."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from common.corpora.mining.languages import LANGUAGES
from common.corpora.mining.walk import Tree, WalkRules, walk
from common.errors import DataError, UserError
from common.retrieval import derived
from common.retrieval.store import File, Store, StoredUnit
from common.retrieval.vector_rules import VectorSettings
from common.runs import RESULT, Result, RunFolder
from common.search.embedder import BASE, Embedder, embedder
from jobs.indexing.changes import Changes, compare
from jobs.indexing.config import BuildIndexConfig
from jobs.indexing.embedding import embed_missing
from jobs.indexing.parsing import Parsed, parse
from jobs.ray_session import ClusterConfig

log = logging.getLogger(__name__)
PATIENCE = 10.0
"""Seconds that a second build waits for the first to end."""


def build_index(config: BuildIndexConfig) -> Result:
    """Bring the index in the run folder up to date; returns what was done. Raises `UserError` for a folder without
    source code, an unknown language, and an adapter of another base."""
    started = time.perf_counter()
    root = root_of(config)
    with RunFolder.open(run_folder(config), config, PATIENCE) as run:
        (run.path / RESULT).unlink(missing_ok=True)  # each submission looks again
        run.log_to_file()
        embedders = embedders_of(config)
        tree = walk(root, rules_of(config, run.path))
        if not tree.files:
            raise DataError(root, None, None, f"no source file in {', '.join(languages_of(config))} to index here",
                            "`--dry-run` says what is left out and why")  # fmt: skip
        with closing(Store.create(run.path)) as store:
            indexed = store.files()
            changes = compare(root, tree.files, config.max_bytes, indexed, store.files(staged=True))
            store.unstage(changes.unstage)
            store.remember(store.facts.model_copy(update={"root": root}))
            walked = time.perf_counter()
            parsed = _stage(store, parse(root, changes.parse, config.max_bytes, config.cluster))
            parsed.skipped.merge(tree.skipped)
            gone = {*changes.gone, *_no_longer_read(changes, indexed, store.files(staged=True))}
            staged = time.perf_counter()
            built = update(store, embedders, sorted(gone), config.vectors, config.cluster)
            counts, generation = dict(store.counts()), store.generation
        ended = time.perf_counter()
        return run.finish({
            "job": "build_index", "source": str(root), "index": str(run.path), "generation": generation, **counts,
            "changes": {"new": changes.new, "changed": changes.changed, "gone": len(gone), "same": changes.same},
            "parsed_units": dict(parsed.kinds), "skipped": parsed.skipped.stored(),
            "broken": {"files": parsed.broken, "first": parsed.broken_first},
            "encoded": built["encoded"], "vectors": built["vectors"],
            "bytes": sum(file.stat().st_size for file in run.path.rglob("*") if file.is_file()),
            "seconds": built["seconds"] | {"walk": walked - started, "parse": staged - walked, "all": ended - started},
        })  # fmt: skip


def index_units(
    folder: Path, files: Iterable[tuple[File, Sequence[StoredUnit]]], embedders: Sequence[Embedder],
    vectors: VectorSettings, cluster: ClusterConfig, root: Path | None = None,
) -> Result:  # fmt: skip
    """An index in `folder` over files that are ready-made, such as the documents of a corpus; returns its counts."""
    with closing(Store.create(folder)) as store:
        store.remember(store.facts.model_copy(update={"root": root}))
        indexed = store.files()
        given = {file.path: (file, units) for file, units in files}
        fresh = [(file, units) for path, (file, units) in given.items() if indexed.get(path) != file]
        store.stage(fresh)
        update(store, embedders, [path for path in indexed if path not in given], vectors, cluster)
        return dict(store.counts())


def update(
    store: Store, embedders: Sequence[Embedder], gone: Iterable[str], settings: VectorSettings, cluster: ClusterConfig
) -> dict[str, Any]:
    """Encode what is missing in each space, and commit; returns what was encoded and how long it took."""
    store.remember(store.facts.model_copy(update={"vectors": settings}))
    encoded: dict[str, int] = {}
    numbers: list[int] = []
    started = time.perf_counter()
    for one in embedders:
        number = store.add_space(one.space, one.origin)
        encoded[one.space.name()] = embed_missing(store, number, one, cluster)
        numbers.append(number)
    at = time.perf_counter()
    before = store.generation

    def derive(generation: int) -> None:
        try:
            derived.open_words(store.folder, generation)
        except DataError:  # of another generation, or damaged
            derived.derive_words(store, generation)
        for number in numbers:
            derived.derive_vectors(store, generation, number, settings, before or None)

    generation = store.commit(gone, derive)
    derived.drop_others(store.folder, generation)
    names = [store.spaces()[number].name() for number in numbers]
    layouts = {
        name: derived.open_vectors(store.folder, generation, number).describe()
        for name, number in zip(names, numbers, strict=True)
    }
    seconds = {"encode": at - started, "commit": time.perf_counter() - at}
    return {"encoded": encoded, "vectors": layouts, "seconds": seconds}


def root_of(config: BuildIndexConfig) -> Path:
    """The folder to index; raises `UserError` where it is none."""
    assert config.source is not None
    if not config.source.is_dir():
        what = "is no folder" if config.source.exists() else "does not exist"
        raise UserError(f"{config.source} {what}", "give the folder whose code is to be indexed")
    return config.source.resolve()


def run_folder(config: BuildIndexConfig) -> Path:
    """Where the index is."""
    return config.run_dir or Path("runs/build_index")


def languages_of(config: BuildIndexConfig) -> tuple[str, ...]:
    """The languages that are indexed; raises `UserError` for one that is unknown or has no grammar here."""
    from common.corpora.mining.languages import parse_file

    chosen = tuple(sorted(set(config.languages))) or LANGUAGES
    for language in chosen:
        parse_file(b"", "none", language)
    return chosen


def rules_of(config: BuildIndexConfig, folder: Path) -> WalkRules:
    """What the walk takes."""
    return WalkRules(
        frozenset(languages_of(config)), config.gitignore, config.path_rules, tests=True, max_bytes=config.max_bytes,
        excluded=folder.resolve(),
    )  # fmt: skip


def embedders_of(config: BuildIndexConfig) -> list[Embedder]:
    """One for each adapter that is asked for."""
    return [
        embedder(config.model, config.encoder, adapter, config.precision, config.dimensions)
        for adapter in config.adapters or (BASE,)
    ]


def plan(config: BuildIndexConfig) -> tuple[Tree, Changes | None, list[Embedder]]:
    """What a build would do. Parses and encodes nothing."""
    folder = run_folder(config)
    tree = walk(root_of(config), rules_of(config, folder))
    changes = None
    if (folder / "store.db").exists():
        with closing(Store.open(folder)) as store:
            changes = compare(tree.root, tree.files, config.max_bytes, store.files(), store.files(staged=True))
    return tree, changes, embedders_of(config)


def _no_longer_read(changes: Changes, indexed: Mapping[str, File], staged: Mapping[str, File]) -> list[str]:
    """Indexed files that have changed into something that is not taken: binary, unreadable, beyond the parser."""
    return [file.path for file in changes.parse if file.path in indexed and file.path not in staged]


def _stage(store: Store, shards: Iterable[Parsed]) -> Parsed:
    """Stage each shard's files as it is done; returns the account of all, without their files."""
    account = Parsed()
    for shard in shards:
        store.stage(shard.files)
        account.merge(shard)
    return account
