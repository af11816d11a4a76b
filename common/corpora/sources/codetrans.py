"""CodeXGLUE's code-to-code-trans (Lu et al. 2021): Java and C# methods, line by line, searched in both directions.

    FOLDER/{train,valid,test}.java-cs.txt.{java,cs}   plain or `.gz`; 10,300 / 500 / 1,000 lines

Line n of both files is problem `SPLIT-n`. From the Hub: `google/code_x_glue_cc_code_to_code_trans`, built and not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from common.corpora.lines import Problem
from common.corpora.sources.code_pairs import Parallel, ParallelRows, retrieval_set, training_pairs
from common.corpora.sources.codesearchnet import HUB_SPLITS, SPLITS
from common.corpora.sources.config import SetConfig
from common.corpora.sources.files import Row, Rows, chosen, folder_of, nothing_understood, parallel_lines, variant
from common.corpora.sources.hub import hub_rows
from common.corpora.sources.part import Evaluation, Part, held_out, limited
from common.errors import DataError

LAYOUT = "{train,valid,test}.java-cs.txt.java with its .cs"
HUB = "google/code_x_glue_cc_code_to_code_trans"
DIRECTIONS = {"java-csharp": ("java", "cs"), "csharp-java": ("cs", "java")}
LANGUAGES = {"java": "java", "cs": "csharp"}


def open_codetrans(config: SetConfig) -> tuple[Part, ...]:
    """The parts `java-csharp` and `csharp-java`. Raises `DataError` where a file is there without its other half."""
    if config.path is None:
        splits = {split: hub_rows(HUB, None, published, layouts=LAYOUT) for split, published in HUB_SPLITS.items()}
    else:
        path = folder_of(config)
        splits = {split: rows for split in SPLITS if (rows := _local(path, split))}
        if not splits:
            nothing_understood(path, "CodeXGLUE Java-C#", (LAYOUT,))
    return tuple(_part(name, splits, config) for name in chosen(config, list(DIRECTIONS)))


def _part(name: str, splits: dict[str, Rows], config: SetConfig) -> Part:
    def evaluation(split: str) -> Evaluation | None:
        rows = splits.get(split)
        if rows is None:
            return None
        return lambda: retrieval_set(f"codetrans-{name}-{split}", _directed(rows, name, split))

    train = splits.get("train")
    pairs = limited(lambda: training_pairs(_directed(train, name, "train")), config.limit) if train else None
    return Part(name, LANGUAGES[DIRECTIONS[name][1]], pairs, *held_out(evaluation("valid"), evaluation("test")))


def _directed(rows: Rows, name: str, split: str) -> ParallelRows:
    source, target = DIRECTIONS[name]

    def read() -> Iterator[Parallel | Problem]:
        for row in rows():
            if isinstance(row, Problem):
                yield row
                continue
            path, line, record = row
            if wrong := next((side for side in (source, target) if not isinstance(record.get(side), str)), None):
                yield Problem(path, line, wrong, "a string is needed")
                continue
            key = f"{split}-{line}"
            yield Parallel((path, line), key, record[source], record[target], LANGUAGES[target], key)

    return read


def _local(folder: Path, split: str) -> Rows | None:
    stem = f"{split}.java-cs.txt"
    java, cs = (variant(folder, f"{stem}.{side}") for side in ("java", "cs"))
    if java is None and cs is None:
        return None
    if java is None or cs is None:
        missing = folder / f"{stem}.{'cs' if java else 'java'}"
        raise DataError(missing, None, None, "missing, though its other half is there", f"needed are {LAYOUT}")

    def read() -> Iterator[Row | Problem]:
        for item in parallel_lines([java, cs]):
            yield item if isinstance(item, Problem) else (java, item[0], {"java": item[1][0], "cs": item[1][1]})

    return read
