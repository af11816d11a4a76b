"""CoNaLa (Yin et al. 2018): a question from Stack Overflow and the line of Python that answers it.

The official release, question_id, intent, rewritten_intent, snippet:

    FOLDER/conala-train.json, conala-test.json

The curated split of DocPrompting (Zhou et al. 2023), 2,135/201/543, no function of whose test is in train; the study's.
Its published files name the examples of each split themselves:

    FOLDER/cmd_{train,dev,test}.oracle_man.full.json (or .seed.json)     question_id, nl, cmd
    FOLDER/fid.cmd_{train,dev,test}.codet5.t10.json                      id, question, target
    FOLDER/{train,validation,test}.json or .jsonl                        the Hub's columns: question_id, nl, cmd

each a JSON array or JSONL, plain or `.gz`, in FOLDER, FOLDER/conala or FOLDER/data/conala. From the Hub:
`neulab/docprompting-conala` (curated) and `neulab/conala` (official), built and not run.

The instruction is the rewritten intent where the annotators wrote one, else the question's title.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common.corpora.instructions.config import ConalaOptions
from common.corpora.instructions.record import Example
from common.corpora.instructions.source import Found, Rows, held_out, records
from common.corpora.lines import Problem, why_not_text
from common.corpora.problems.record import Notice
from common.corpora.sources.files import nothing_understood, variant
from common.corpora.sources.hub import hub_rows
from common.corpora.splits import DEV, TEST, TRAIN
from common.errors import DataError

OFFICIAL = "conala-train.json and conala-test.json"
CURATED = "cmd_{train,dev,test}.oracle_man.full.json of DocPrompting (github.com/shuyanzhou/docprompting)"
LAYOUTS = (CURATED, OFFICIAL)
HUB_CURATED, HUB_OFFICIAL = "neulab/docprompting-conala", "neulab/conala"
_CONVERTED = "refs/convert/parquet"  # both are scripts, which `datasets` no longer runs
DEV_SHARE, TEST_SHARE = 201 / (2135 + 201), 543 / (2135 + 201 + 543)
"""The curated split's proportions: of dev to train, and of test to all."""
_DEV_NAMES = ("dev", "validation", "valid")
_FIELDS = (("question_id", "nl", "cmd"), ("id", "question", "target"))


def open_conala(options: ConalaOptions, seed: int) -> Found:
    """Train, dev and the test set `conala`.

    Raises `DataError` where the files of the edition that is asked for are not there; it says which are needed.
    """
    found = Found("conala")
    if options.path is None:
        _from_hub(found, options, seed)
        return found
    if not options.path.exists():
        raise DataError(options.path, None, None, "no such folder", "check conala.path, or leave it out for the Hub")
    curated = {} if options.edition == "official" else _curated_files(options.path)
    if curated:
        _curated(found, {split: records(file) for split, file in curated.items()})
        return found
    if options.edition == "curated":
        raise DataError(options.path, None, None, "the curated split is not here", f"give a folder with {CURATED}")
    train, test = (_official_file(options.path, split) for split in (TRAIN, TEST))
    if train is None:
        nothing_understood(options.path, "CoNaLa", LAYOUTS)
    if options.edition is None:
        reason = f"the curated split is not here, so dev is held out by question; it needs {CURATED}"
        found.wrong.append(Notice(options.path, None, None, reason))
    _official(found, records(train), records(test) if test else None, seed)
    return found


def _from_hub(found: Found, options: ConalaOptions, seed: int) -> None:
    layouts = "; ".join(LAYOUTS)
    if options.edition == "official":
        train, test = (
            hub_rows(HUB_OFFICIAL, "curated", split, layouts=layouts, revision=_CONVERTED)() for split in (TRAIN, TEST)
        )
        _official(found, train, test, seed)
    else:
        published = {TRAIN: "train", DEV: "validation", TEST: "test"}
        _curated(found, {
            split: hub_rows(HUB_CURATED, "data", name, layouts=layouts, revision=_CONVERTED)()
            for split, name in published.items()
        })  # fmt: skip


def _curated(found: Found, splits: dict[str, Iterable[Any]]) -> None:
    taken = {split: found.take(rows, _curated_example) for split, rows in splits.items()}
    found.train, found.dev, found.tests = taken[TRAIN], taken[DEV], {found.name: taken[TEST]}


def _official(found: Found, train: Rows, test: Rows | None, seed: int) -> None:
    """Dev is held out by question, as several rows answer one; so is the test set where there is no test file."""
    examples = found.take(train, _official_example)
    share = TEST_SHARE if test is None else 0.0
    splits = held_out(
        examples, lambda example: str(example.extra["question_id"]),
        dev_share=DEV_SHARE * (1 - share), test_share=share, seed=seed,
    )  # fmt: skip
    found.train, found.dev = splits[TRAIN], splits[DEV]
    found.tests = {found.name: splits[TEST] if test is None else found.take(test, _official_example)}


def _official_example(path: Path, line: int, record: dict[str, Any]) -> Example | Problem:
    field = "intent" if record.get("rewritten_intent") is None else "rewritten_intent"
    return _example(path, line, record, ("question_id", field, "snippet"))


def _curated_example(path: Path, line: int, record: dict[str, Any]) -> Example | Problem:
    return _example(path, line, record, next((names for names in _FIELDS if names[1] in record), _FIELDS[0]))


def _example(path: Path, line: int, record: dict[str, Any], names: tuple[str, str, str]) -> Example | Problem:
    key = record.get(names[0])
    if not isinstance(key, int | str) or isinstance(key, bool) or not str(key).strip():
        return Problem(path, line, names[0], "a number or a name is needed" if names[0] in record else "missing")
    for name in names[1:]:
        if reason := why_not_text(record, name):
            return Problem(path, line, name, f"{reason} (question {key})")
    return Example(f"conala/{key}", record[names[1]], record[names[2]], extra={"question_id": key})


def _curated_files(folder: Path) -> dict[str, Path]:
    """split → file of the curated split, where all three are there."""
    for place in (folder, folder / "conala", folder / "data" / "conala"):
        found = {split: _curated_file(place, split) for split in (TRAIN, DEV, TEST)}
        files = {split: file for split, file in found.items() if file}
        if len(files) == len(found):
            return files
    return {}


def _curated_file(folder: Path, split: str) -> Path | None:
    for name in _DEV_NAMES if split == DEV else (split,):
        if file := variant(folder, f"cmd_{name}.oracle_man.full.json", f"cmd_{name}.seed.json"):
            return file
        for pattern in (f"fid.cmd_{name}.*.json", f"fid.cmd_{name}.*.json.gz"):
            if files := sorted(folder.glob(pattern)):
                return files[0]
        if file := variant(folder, f"{name}.json", f"{name}.jsonl"):
            return file
    return None


def _official_file(path: Path, split: str) -> Path | None:
    """A file that is given itself is the training file."""
    if path.is_file():
        return path if split == TRAIN else None
    return variant(path, f"conala-{split}.json", f"conala-{split}.jsonl")
