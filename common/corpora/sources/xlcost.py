"""XLCoST (Zhu et al. 2022): programs and snippets of the same problems in seven languages, and their descriptions.

Languages as published: C, C#, C++, Java, Javascript, PHP, Python. Layouts of a local copy, each file plain or `.gz`,
directly at the path or in its folder `retrieval`:

    code2code_search/LEVEL_level/LANG/{train,val,test}.jsonl   queries in LANG, targets in all other languages
    nl2code_search/LEVEL_level/LANG/{train,val,test}.jsonl     queries in English, targets in LANG
    pair_data_tok_full/A-B, pair_data_tok_1/A-B                programs, snippets: SPLIT-A-B-tok.EXT of both languages
                                                               (the shared copies append .txt), SPLIT-A-map.jsonl
    pair_data_tok_full_desc/LANG-desc, pair_data_tok_full_desc_comment/LANG-desc, pair_data_tok_1_comment/LANG-comment
                                                               the same with English in SPLIT-LANG-KIND-tok.txt

`valid` may stand for `val`. A folder A-B or LANG-KIND may lie directly at the path, or be the path; which level it
holds is then the caller's word. The search layout comes first where both are there.

Parts of code2code: from the search layout, one per query language with its targets in all languages (the published
protocol; `java`), or a direction (`java-cpp`) where one is asked for; from pairs, both directions. Parts of text2code:
one per language. Where train and val are there but no test, val is the test.

Every row has an id of its own and the `problem` it belongs to, for snippets that of the whole program: XLCoST's own
evaluation counts all rows of the problem as relevant. Markers are treated by markers.restored, everywhere.

Not on the Hub in a layout that carries problem ids, so a path is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from pathlib import Path

from common.corpora.lines import Problem
from common.corpora.sources.code_pairs import Parallel, ParallelRows, retrieval_set, training_pairs
from common.corpora.sources.config import Markers, SetConfig
from common.corpora.sources.files import Row, chosen, folder_of, jsonl, language_name, nothing_understood, variant
from common.corpora.sources.files import parallel_lines as parallel
from common.corpora.sources.markers import restored
from common.corpora.sources.part import Evaluation, Part, held_out, limited
from common.errors import ConfigError, DataError

EXTENSIONS = {"C": "c", "C#": "cs", "C++": "cpp", "Java": "java", "Javascript": "js", "PHP": "php", "Python": "py"}
SPLITS = {"train": ("train",), "valid": ("val", "valid"), "test": ("test",)}
PAIR_FOLDERS = {
    ("code2code", "program"): ("pair_data_tok_full",),
    ("code2code", "snippet"): ("pair_data_tok_1",),
    ("text2code", "program"): ("pair_data_tok_full_desc", "pair_data_tok_full_desc_comment"),
    ("text2code", "snippet"): ("pair_data_tok_1_comment",),
}
KINDS = {"program": "desc", "snippet": "comment"}
SEARCH_FOLDERS = {"code2code": "code2code_search", "text2code": "nl2code_search"}

Read = Callable[[str], ParallelRows | None]
"""Split → its rows, None where it is not there."""


def open_xlcost(config: SetConfig) -> tuple[Part, ...]:
    """The parts of the task and level. Raises `DataError` where nothing of them lies at the path."""
    task = config.task or "code2code"
    found = SEARCH_FOLDERS[task]
    layouts = (
        f"{found}/{config.level}_level/LANG/{{train,val,test}}.jsonl",
        f"{PAIR_FOLDERS[task, config.level][0]}/" + ("A-B" if task == "code2code" else f"LANG-{KINDS[config.level]}"),
    )
    if config.path is None:
        raise ConfigError(
            "xlcost is not on the Hub with its problem ids", "give a folder as path: " + " or ".join(layouts)
        )
    path = folder_of(config)
    parts = _search_parts(path, task, config) or _pair_parts(path, task, config)
    if not parts:
        nothing_understood(path, f"XLCoST ({task}, {config.level} level)", layouts)
    return tuple(_part(name, parts[name], config) for name in _chosen(config, parts))


def _chosen(config: SetConfig, parts: dict[str, Read]) -> list[str]:
    """Where the published parts (`java`) are there, directions are only for who names them."""
    if config.languages:
        return chosen(config, list(parts))
    return [name for name in parts if "-" not in name] or list(parts)


def _part(name: str, read: Read, config: SetConfig) -> Part:
    label = f"xlcost-{config.task or 'code2code'}-{config.level}-{name}"

    def evaluation(split: str) -> Evaluation | None:
        rows = read(split)
        return None if rows is None else partial(retrieval_set, f"{label}-{split}", rows)

    train = read("train")
    pairs = limited(partial(training_pairs, train), config.limit) if train else None
    dev, test = held_out(evaluation("valid"), evaluation("test"))
    return Part(name, name.rpartition("-")[2], pairs, dev, test)


def _search_parts(path: Path, task: str, config: SetConfig) -> dict[str, Read]:
    """Parts from code2code_search or nl2code_search."""
    places = (path / SEARCH_FOLDERS[task], path / "retrieval" / SEARCH_FOLDERS[task], path)
    level = next((f for place in places if (f := place / f"{config.level}_level").is_dir()), None)
    if level is None or (level.parent == path and path.name != SEARCH_FOLDERS[task]):
        return {}
    there = [name for name in EXTENSIONS if any(_search_file(level / name, split) for split in SPLITS)]
    parts: dict[str, Read] = {}
    for name in there:
        parts[language_name(name)] = partial(_search_rows, level / name, None, config.markers)
        if task == "code2code":
            for target in EXTENSIONS:
                if target != name:
                    direction = f"{language_name(name)}-{language_name(target)}"
                    parts[direction] = partial(_search_rows, level / name, target, config.markers)
    return parts


def _search_file(folder: Path, split: str) -> Path | None:
    return variant(folder, *(f"{published}.jsonl" for published in SPLITS[split]))


def _search_rows(folder: Path, target: str | None, markers: Markers, split: str) -> ParallelRows | None:
    file = _search_file(folder, split)
    if file is None:
        return None

    def read() -> Iterator[Parallel | Problem]:
        for row in jsonl([file])():
            item = row if isinstance(row, Problem) else _searched(row, markers)
            if target is None or isinstance(item, Problem) or item.language == language_name(target):
                yield item

    return read


def _searched(row: Row, markers: Markers) -> Parallel | Problem:
    """A row of the search layout. Its `url` is QUERY/TARGET or TARGET alone, each PROBLEM-LANG or PROBLEM-LANG-SNIPPET;
    English queries have no markers."""
    path, line, record = row
    url = record.get("url")
    if not isinstance(url, str):
        return Problem(path, line, "url", "a string such as 9359-C/9359-Python is needed")
    sides = [side.split("-") for side in url.split("/")]
    target = sides[-1]
    if len(sides) > 2 or len(target) < 2 or target[1] not in EXTENSIONS or not target[0]:
        return Problem(path, line, "url", f"PROBLEM-LANG/PROBLEM-LANG or PROBLEM-LANG is needed, not {url!r}")
    if any(side[0] != target[0] for side in sides):
        return Problem(path, line, "url", f"two problems in one row: {url!r}")
    tokens = []
    for name in ("docstring_tokens", "code_tokens"):
        value = record.get(name)
        if not isinstance(value, list) or not all(isinstance(token, str) for token in value):
            return Problem(path, line, name, "a list of strings is needed")
        tokens.append(value)
    query = restored(tokens[0], markers) if len(sides) == 2 else " ".join(tokens[0])
    document = restored(tokens[1], markers)
    return Parallel((path, line), url, query, document, language_name(target[1]), target[0])


def _pair_parts(path: Path, task: str, config: SetConfig) -> dict[str, Read]:
    """Parts from the folders of parallel files."""
    kind = KINDS[config.level]
    if task == "code2code":
        names = {f"{a}-{b}": [(a, b), (b, a)] for a, b in permutations(EXTENSIONS, 2)}
    else:
        names = {f"{language}-{kind}": [(kind, language)] for language in EXTENSIONS}
    for root in (*(path / folder for folder in PAIR_FOLDERS[task, config.level]), path):
        folders = [root / name for name in names if (root / name).is_dir()]
        if root == path and path.name in names:
            folders.append(path)
        if folders:
            return {
                (language_name(b) if a == kind else f"{language_name(a)}-{language_name(b)}"): partial(
                    _pair_rows, folder, a, b, config.markers
                )
                for folder in folders
                for a, b in names[folder.name]
            }
    return {}


def _pair_rows(folder: Path, source: str, target: str, markers: Markers, split: str) -> ParallelRows | None:
    prefix = next((p for p in SPLITS[split] if _pair_file(folder, p, target)), None)
    if prefix is None:
        return None
    files = [_pair_file(folder, prefix, side) for side in (source, target)]
    maps = [variant(folder, f"{prefix}-{side}-map.jsonl") for side in (source, target)]
    needed = [file for file in (*files, *maps) if file is not None]
    if len(needed) < 4:
        raise DataError(
            folder, None, None, f"the {prefix} split is not complete: only {', '.join(file.name for file in needed)}",
            f"it is {prefix}-{folder.name}-tok.EXT of both sides, and {prefix}-SIDE-map.jsonl of both",
        )  # fmt: skip
    is_code = source in EXTENSIONS

    def read() -> Iterator[Parallel | Problem]:
        for item in parallel(needed):
            if isinstance(item, Problem):
                yield item
                continue
            line, (asked, searched, *ids) = item
            # `1010`, or with quotes, or of a snippet `1010-Java-3`
            problem, other = (entry.strip().strip('"').split("-")[0] for entry in ids)
            if problem != other:
                yield Problem(needed[3], line, None, f"problem {other!r}, but {problem!r} in {needed[2].name}")
                continue
            query = restored(asked.split(), markers) if is_code else " ".join(asked.split())
            document = restored(searched.split(), markers)
            place, key = (needed[1], line), f"{problem}-{language_name(target)}-{line}"
            yield Parallel(place, key, query, document, language_name(target), problem)

    return read


def _pair_file(folder: Path, prefix: str, side: str) -> Path | None:
    name = f"{prefix}-{folder.name}-tok.{EXTENSIONS.get(side, 'txt')}"
    return variant(folder, name, f"{name}.txt")
