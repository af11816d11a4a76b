"""HumanEval-X (Zheng et al. 2023) as a code2code set: 164 problems in five languages; evaluation only.

    FOLDER/humaneval_{cpp,go,java,js,python}.jsonl   plain or `.gz`

The number in `task_id` (Java/17) is the problem: it aligns the languages. A document is `declaration` +
`canonical_solution`: signature, helper functions, body. The problem's description and its examples stand in `prompt`
and are not used: they are the same words in all languages, and finding them again would be no search for code. The
declarations of four problems hold documented helper functions: that documentation is taken out as well (block comments,
and in Python the strings). Line comments and names stay, and the names are the same words in all languages.

From the Hub: the files of `zai-org/humaneval-x`, built and not run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from pathlib import Path

from common.corpora.beir import RetrievalSet
from common.corpora.lines import Problem, json_objects, why_not_text
from common.corpora.sources.code_pairs import Parallel, retrieval_set
from common.corpora.sources.config import SetConfig
from common.corpora.sources.documentation import without_blocks
from common.corpora.sources.files import chosen, folder_of, nothing_understood, variant
from common.corpora.sources.hub import hub_file
from common.corpora.sources.part import Part

FILES = {"cpp": "cpp", "go": "go", "java": "java", "javascript": "js", "python": "python"}
LAYOUT = "humaneval_{cpp,go,java,js,python}.jsonl"
HUB = "zai-org/humaneval-x"

Solutions = dict[str, tuple[int, str]]
"""Problem number → line, code."""


def open_humaneval_x(config: SetConfig) -> tuple[Part, ...]:
    """A part for each ordered pair of languages. Raises `DataError` where fewer than two are there."""
    sources: dict[str, Callable[[], Path]]
    if config.path is None:
        sources = {name: partial(_from_hub, short) for name, short in FILES.items()}
    else:
        path = folder_of(config)
        there = {name: file for name, short in FILES.items() if (file := variant(path, f"humaneval_{short}.jsonl"))}
        if len(there) < 2:
            nothing_understood(path, "HumanEval-X in two languages", (LAYOUT,))
        sources = {name: partial(Path, file) for name, file in there.items()}
    directions = {f"{source}-{target}": (source, target) for source, target in permutations(sources, 2)}

    def test(name: str) -> tuple[RetrievalSet, tuple[Problem, ...]]:
        source, target = directions[name]
        rows = list(_rows((source, sources[source]()), (target, sources[target]())))
        return retrieval_set(f"humaneval-x-{name}-test", lambda: iter(rows))

    return tuple(
        Part(name, directions[name][1], train=None, dev=None, test=partial(test, name))
        for name in chosen(config, list(directions))
    )


def _from_hub(short: str) -> Path:
    return hub_file(HUB, f"data/{short}/data/humaneval.jsonl", layouts=LAYOUT)


def _rows(source: tuple[str, Path], target: tuple[str, Path]) -> Iterator[Parallel | Problem]:
    sides: list[Solutions] = []
    for language, path in (source, target):
        problems: list[Problem] = []
        sides.append(_solutions(language, path, problems))
        yield from problems
    asked, searched = sides
    (_, asked_in), (language, searched_in) = source, target
    for number in sorted(asked.keys() | searched.keys(), key=int):
        if number not in searched:
            yield Problem(asked_in, asked[number][0], "task_id", f"{number} is not in {searched_in.name}: left out")
        elif number not in asked:
            yield Problem(searched_in, searched[number][0], "task_id", f"{number} is not in {asked_in.name}: left out")
        else:
            line, document = searched[number]
            place, key = (searched_in, line), f"{language}/{number}"
            yield Parallel(place, key, asked[number][1], document, language, number)


def _solutions(language: str, path: Path, problems: list[Problem]) -> Solutions:
    found: Solutions = {}
    for item in json_objects(path):
        if isinstance(item, Problem):
            problems.append(item)
            continue
        line, record = item
        fields = ("task_id", "declaration", "canonical_solution")
        bad = next(((name, why) for name in fields if (why := why_not_text(record, name))), None)
        number = "" if bad else record["task_id"].rpartition("/")[2]
        if not bad and not (number.isascii() and number.isdigit()):
            bad = ("task_id", f"it ends in no number: {record['task_id']!r}")
        elif not bad and number in found:
            bad = ("task_id", f"{record['task_id']!r} was there before; the first one counts")
        if bad:
            problems.append(Problem(path, line, *bad))
            continue
        code = without_blocks(record["declaration"], language) + record["canonical_solution"]
        found[number] = (line, code.strip("\n"))
    return found
