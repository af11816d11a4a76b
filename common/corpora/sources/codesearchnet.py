"""CodeSearchNet (Husain et al. 2019), six languages, text2code.

Layouts of a local copy, each file plain or `.gz`:

    raw       LANG/final/jsonl/{train,valid,test}/*.jsonl   the release; `code` holds the docstring of Python functions
    cleaned   LANG/{train,valid,test}.jsonl and LANG/codebase.jsonl   GraphCodeBERT's split (Guo et al. 2021): every
              query searches the whole codebase, where its own function is known by its url
    mixed     LANG.jsonl, a `partition` (train, valid, test) in every row; or one such file, which may be a single split

A folder of mixed files may hold others beside them (`official_ruby_valid.jsonl.gz`): a name that is not a language's is
no language. Such a file is left aside and named in the notes of the first part; give it as path to use it.

From the Hub, built and not run: `google/code_x_glue_ct_code_to_text` (the same cleaning, but no codebase: every split
is its own pool, which is smaller than the published one) and `code-search-net/code_search_net` for the raw release.

Where only train and valid are there, valid is the test and dev is left to be held out from train.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from common.corpora.lines import Problem
from common.corpora.sources.config import SetConfig
from common.corpora.sources.files import (
    Row,
    Rows,
    chosen,
    folder_of,
    jsonl,
    language_name,
    nothing_understood,
    variant,
)
from common.corpora.sources.functions import Reader, text2code_part
from common.corpora.sources.hub import hub_rows
from common.corpora.sources.part import Part
from common.errors import DataError

LANGUAGES = ("go", "java", "javascript", "php", "python", "ruby")
SPLITS = ("train", "valid", "test")
LAYOUTS = (
    "LANG/final/jsonl/{train,valid,test}/*.jsonl (raw)",
    "LANG/{train,valid,test}.jsonl with LANG/codebase.jsonl (cleaned)",
    "LANG.jsonl with a `partition` in every row, or one such file",
)
HUB_SPLITS = {"train": "train", "valid": "validation", "test": "test"}
HUB = {
    "cleaned": ("google/code_x_glue_ct_code_to_text", None),
    # The main branch is a script, which `datasets` no longer runs; the Hub keeps its rows as parquet on this branch
    "raw": ("code-search-net/code_search_net", "refs/convert/parquet"),
}


@dataclass(frozen=True)
class Found:
    """The rows of one language."""

    splits: dict[str, Rows]
    pool: Rows | None = None


@dataclass(frozen=True)
class Copy:
    """What a local copy holds."""

    layout: str
    languages: dict[str, Found] = field(default_factory=dict)
    aside: tuple[Path, ...] = ()
    """Files of rows that belong to no language."""


def open_codesearchnet(config: SetConfig) -> tuple[Part, ...]:
    """One part a language. Raises `DataError` for a layout that is not understood or another release than asked for."""
    if config.path is None:
        repository, revision = HUB[config.release]
        copy = Copy("hub", {name: Found(_hub_splits(repository, name, revision)) for name in LANGUAGES})
    else:
        copy = local_copy(folder_of(config))
        if copy.layout in HUB and copy.layout != config.release:
            raise DataError(
                config.path, None, None, f"is in the layout of the {copy.layout} release", f"set release: {copy.layout}"
            )
    parts = []
    for name in chosen(config, list(copy.languages)):
        found = copy.languages[name]
        parts.append(text2code_part(Reader(name, config.text), found.splits, found.pool, config.limit, "codesearchnet"))
    reason = "its name is not a language's: left aside; give this file as path to use it"
    notes = tuple(Problem(path, None, None, reason) for path in copy.aside)
    return (replace(parts[0], notes=notes), *parts[1:])


def local_copy(path: Path) -> Copy:
    """What lies at `path`. Raises `DataError` where that is nothing in a known layout."""
    if path.is_file():
        return _single(path)
    for root, names in _roots(path):
        raw = {name: Found(splits) for name in names if (splits := _raw_splits(root / name))}
        if raw:
            return Copy("raw", raw)
        cleaned = {name: found for name in names if (found := _cleaned(root / name)).splits}
        if cleaned:
            return Copy("cleaned", cleaned)
    files = sorted(file for file in path.glob("*.jsonl*") if file.name.endswith((".jsonl", ".jsonl.gz")))
    mixed = {_stem(file): Found(_mixed_splits(file)) for file in files if _stem(file) in LANGUAGES}
    if not mixed:
        nothing_understood(path, "CodeSearchNet", LAYOUTS)
    return Copy("mixed", mixed, tuple(file for file in files if _stem(file) not in LANGUAGES))


def _roots(path: Path) -> Iterator[tuple[Path, Sequence[str]]]:
    """Where the languages' folders may lie; the path may be one of them itself."""
    for root in (path, path / "resources" / "data", path / "dataset"):
        yield root, LANGUAGES
    if path.name in LANGUAGES:
        yield path.parent, (path.name,)


def _raw_splits(folder: Path) -> dict[str, Rows]:
    found = {}
    for split in SPLITS:
        shards = (folder / "final" / "jsonl" / split).glob("*.jsonl*")
        if files := sorted(shards, key=lambda file: (len(file.name), file.name)):  # …_2 before …_10
            found[split] = jsonl(files)
    return found


def _cleaned(folder: Path) -> Found:
    files = {split: file for split in SPLITS if (file := variant(folder, f"{split}.jsonl"))}
    codebase = variant(folder, "codebase.jsonl")
    splits = {split: jsonl([file]) for split, file in files.items()}
    return Found(splits, jsonl([codebase]) if codebase else None)


def _single(path: Path) -> Copy:
    """A file of one language, whatever its name."""
    name = _stem(path)
    if name not in LANGUAGES:
        named = Counter(
            language_name(str(row[2].get("language"))) for row in jsonl([path])() if not isinstance(row, Problem)
        )
        name = next(iter(named), "")
        if len(named) != 1 or name not in LANGUAGES:
            raise DataError(
                path, None, "language", f"one of {', '.join(LANGUAGES)} is needed in all rows, not {name!r}"
            )
    return Copy("mixed", {name: Found(_mixed_splits(path))})


def _mixed_splits(path: Path) -> dict[str, Rows]:
    """The partitions that occur; one reading of the file. Raises `DataError` where no row names one."""
    rows = jsonl([path])
    there: set[str] = set()
    for row in rows():
        if not isinstance(row, Problem):
            there.add(str(row[2].get("partition")))
            if there.issuperset(SPLITS):
                break
    known = [split for split in SPLITS if split in there]
    if not known:
        raise DataError(path, None, "partition", "no row says train, valid or test", "; ".join(LAYOUTS))
    return {split: _of_partition(rows, split, tells=split == known[0]) for split in known}


def _of_partition(rows: Rows, split: str, *, tells: bool) -> Rows:
    """The rows of one partition. One of them `tells` what is wrong with lines that belong to none."""

    def read() -> Iterator[Row | Problem]:
        for row in rows():
            if isinstance(row, Problem):
                if tells:
                    yield row
            elif (partition := row[2].get("partition")) == split:
                yield row
            elif tells and partition not in SPLITS:
                yield Problem(row[0], row[1], "partition", f"one of {', '.join(SPLITS)} is needed, not {partition!r}")

    return read


def _hub_splits(repository: str, language: str, revision: str | None) -> dict[str, Rows]:
    layouts = "; ".join(LAYOUTS)
    return {
        split: hub_rows(repository, language, published, revision=revision, layouts=layouts)
        for split, published in HUB_SPLITS.items()
    }


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".jsonl")
