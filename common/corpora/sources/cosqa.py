"""CoSQA (Huang et al. 2021): web queries and Python functions, each pair labelled 1 (answers) or 0 (does not).

    FOLDER/code_idx_map.txt                 JSON, code → number: the pool of 6,267 codes
    FOLDER/cosqa-retrieval-{train,dev,test}-N.json     JSON arrays: idx, doc, code, label, retrieval_idx
    FOLDER/cosqa-{train,dev,test}.json      the same pairs for question answering, without retrieval_idx; a split is
                                            taken from here only where its retrieval file is absent

each plain or `.gz`. Only label 1 makes a pair or a judgement; pairs labelled 0 are counted. They are not kept as hard
negatives: nearly every query occurs once, so a query labelled 0 has no positive to be learnt with.

Codes stay as they are, docstring included, in training and in the pool: the published figures are so. `tokens` joins
what stands between blanks by one space, in queries and codes alike.

From the Hub: `Denis641/CosQa`, a copy of the authors' files by somebody else, built and not run. CoIR's and MTEB's
CosQA is another task with 20,604 documents: never compare the two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common.corpora.beir import RetrievalSet
from common.corpora.lines import Problem, text_lines, why_not_text
from common.corpora.pairs import Pair
from common.corpora.sources.collector import Collector
from common.corpora.sources.config import SetConfig, TextForm
from common.corpora.sources.files import Row, chosen, folder_of, json_array, nothing_understood, variant
from common.corpora.sources.hub import hub_file
from common.corpora.sources.part import Evaluation, Part, limited
from common.errors import DataError

MAP = "code_idx_map.txt"
LAYOUTS = (f"{MAP} with cosqa-retrieval-{{train,dev,test}}-N.json", f"{MAP} with cosqa-{{train,dev,test}}.json")
HUB = "Denis641/CosQa"
HUB_FILES = {split: f"cosqa-retrieval-{split}.json" for split in ("train-19604", "dev-500", "test-500")}
SPLITS = ("train", "dev", "test")


def open_cosqa(config: SetConfig) -> tuple[Part, ...]:
    """The one part `python`. Raises `DataError` where there is no file of pairs, or no pool to search in."""
    chosen(config, ["python"])
    notes: list[Problem] = []
    if config.path is None:
        layouts = "; ".join(LAYOUTS)
        files = {split.split("-")[0]: hub_file(HUB, name, layouts=layouts) for split, name in HUB_FILES.items()}
        pool = hub_file(HUB, MAP, layouts=layouts)
    else:
        path = folder_of(config)
        files = {split: file for split in SPLITS if (file := _file(path, split, notes))}
        found = variant(path, MAP)
        if not files or found is None:
            nothing_understood(path, "CoSQA", LAYOUTS)
        pool = found

    def evaluation(split: str) -> Evaluation | None:
        file = files.get(split)
        return None if file is None else lambda: _retrieval_set(split, file, pool, config.text)

    train = files.get("train")
    pairs = limited(lambda: _pairs(train, config.text), config.limit) if train else None
    return (Part("python", "python", pairs, evaluation("dev"), evaluation("test"), tuple(notes)),)


def _file(folder: Path, split: str, notes: list[Problem]) -> Path | None:
    answering = variant(folder, f"cosqa-{split}.json")
    pattern = re.compile(rf"cosqa-retrieval-{split}(-\d+)?\.json(\.gz)?")
    retrieval = next((file for file in sorted(folder.glob("cosqa-retrieval-*")) if pattern.fullmatch(file.name)), None)
    if retrieval and answering:
        notes.append(Problem(answering, None, None, f"left aside: {retrieval.name} is there"))
    return retrieval or answering


def _labelled(path: Path) -> Iterator[Row | Problem]:
    """The rows that are labelled 1; the others are counted, labels outside 0 and 1 are named."""
    seen: set[str] = set()
    wrong = total = 0
    for item in json_array(path):
        if isinstance(item, Problem):
            yield item
            continue
        _, line, record = item
        total += 1
        label, idx = record.get("label"), record.get("idx")
        bad = next(((f, why) for f in ("idx", "doc", "code") if (why := why_not_text(record, f))), None)
        if type(label) is not int or label not in (0, 1):
            yield Problem(path, line, "label", f"0 or 1 is needed, not {label!r} (record {total}, idx {idx!r})")
        elif bad:
            yield Problem(path, line, bad[0], f"{bad[1]} (record {total}, idx {idx!r})")
        elif record["idx"] in seen:
            yield Problem(path, line, "idx", f"{idx!r} was there before; the first one counts")
        else:
            seen.add(record["idx"])
            wrong += label == 0
            if label == 1:
                yield item
    if wrong:
        yield Problem(path, None, "label", f"{wrong} of {total} pairs are labelled 0, no answers: left out")


def _pairs(path: Path, form: TextForm) -> Iterator[Pair | Problem]:
    for item in _labelled(path):
        if isinstance(item, Problem):
            yield item
        else:
            record = item[2]
            yield Pair(_text(record["doc"], form), _text(record["code"], form), "python", {"idx": record["idx"]})


def _retrieval_set(split: str, path: Path, pool: Path, form: TextForm) -> tuple[RetrievalSet, tuple[Problem, ...]]:
    collector = Collector(f"cosqa-{split}")
    numbers = _read_pool(pool, collector, form)
    for item in _labelled(path):
        if isinstance(item, Problem):
            collector.problems.append(item)
            continue
        _, line, record = item
        number = numbers.get(record["code"])
        said = record.get("retrieval_idx", number)
        if said != number or number is None:
            reason = f"{said!r} is not the number of this code in {pool.name}, which is {number!r}"
            collector.note(path, line, "retrieval_idx", f"{reason} (idx {record['idx']!r})")
            continue
        collector.query((path, line), record["idx"], _text(record["doc"], form), {str(number): 1})
    return collector.finish(path)


def _read_pool(path: Path, collector: Collector, form: TextForm) -> dict[str, int]:
    """Code → number; the codes become the documents."""
    lines = []
    for item in text_lines(path, keep_blank=True):
        if isinstance(item, Problem):
            raise DataError(item.path, item.line, None, item.reason)
        lines.append(item[1])
    try:
        entries = json.loads("\n".join(lines), object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise DataError(path, line, None, f"not JSON: {error}", f"{MAP} maps code to number") from error
    if not isinstance(entries, list) or not all(isinstance(entry, tuple) for entry in entries):
        raise DataError(path, 1, None, "a JSON object is needed", f"{MAP} maps code to number")
    numbers: dict[str, int] = {}
    for position, (code, number) in enumerate(entries, start=1):
        if type(number) is not int:
            collector.note(path, None, "number", f"entry {position}: an integer is needed, not {number!r}")
        elif code in numbers:
            collector.note(path, None, "code", f"entry {position}: the code was there before; the first one counts")
        elif collector.document((path, None), str(number), _text(code, form), _METADATA):
            numbers[code] = number
    return numbers


_METADATA: dict[str, Any] = {"language": "python"}


def _text(text: str, form: TextForm) -> str:
    return text if form == "source" else " ".join(text.split())
