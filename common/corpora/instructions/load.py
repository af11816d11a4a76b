"""From a configuration to the sets that a generator is tuned on and scored with."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from common.corpora.instructions.apps import open_apps
from common.corpora.instructions.clean import Cleaner
from common.corpora.instructions.codealpaca import open_codealpaca
from common.corpora.instructions.conala import open_conala
from common.corpora.instructions.config import InstructionConfig, SourceName
from common.corpora.instructions.generated import open_microproblems
from common.corpora.instructions.library import open_stdlib
from common.corpora.instructions.own import open_jsonl
from common.corpora.instructions.record import Example, read_examples, record_of, write_examples
from common.corpora.instructions.report import InstructionReport, SourceReport
from common.corpora.instructions.source import Found, Row
from common.corpora.lines import Problem, json_line, json_objects
from common.corpora.splits import DEV, TRAIN, seeded_hash
from common.errors import ConfigError, DataError
from common.runs import whole_file


@dataclass(frozen=True)
class InstructionSets:
    """Examples to train on, the dev set that chooses the checkpoint, and the test sets by name."""

    train: Sequence[Example]
    dev: Sequence[Example]
    tests: Mapping[str, Sequence[Example]]
    problems: Mapping[str, Sequence[Row]]
    """Rows in APPS' layout for `dev` and for each test set whose answers are run; an example names its row by
    `problem_id`."""
    report: InstructionReport


def load_instructions(config: InstructionConfig) -> InstructionSets:
    """Read every source, join their training and dev examples, keep what is held out out of training, apply limits.

    The same files and configuration give the same sets and fingerprint. Raises `DataError` where a source cannot be
    read or a set comes out empty, `ConfigError` where two test sets would have one name.
    """
    parts = [_open(name, config) for name in config.sources]
    reports = {part.name: _accounted(part) for part in parts}
    tests = _tests(parts)
    leaks = _decontaminated(parts, config) if config.decontaminate else {}
    seed = config.seed
    everything = [example for part in parts for example in part.train]
    train = _limited(everything, config.limit_train, seed)
    dev, dev_problems = _joined_dev(parts)
    dev = _limited(dev, config.limit_dev, seed)
    sets = {name: _limited(examples, config.limit_test, seed) for name, examples in tests.items()}
    rows = {DEV: dev_problems, **{name: rows for part in parts for name, rows in part.problems.items() if name != DEV}}
    problems = {name: _asked(rows[name], examples) for name, examples in {DEV: dev, **sets}.items() if name in rows}
    problems = {name: its for name, its in problems.items() if its}
    report = InstructionReport(
        sources=reports,
        contaminated=leaks,
        over_limit=len(everything) - len(train),
        sizes={TRAIN: len(train), DEV: len(dev), **{name: len(examples) for name, examples in sets.items()}},
        problems={name: len(its) for name, its in problems.items()},
        fingerprint=fingerprint({TRAIN: train, DEV: dev, **sets}, problems),
    )
    for name, size in report.sizes.items():
        if not size:
            first = next((f"; first bad row: {wrong}" for one in reports.values() for wrong in one.problems), "")
            raise DataError(
                ", ".join(config.sources), None, None, f"nothing is left for {name} ({report.short()}){first}",
                "bring more examples, hold out other shares, or give files for dev and test",
            )  # fmt: skip
    return InstructionSets(train, dev, sets, problems, report)


def write_sets(folder: Path, sets: InstructionSets) -> None:
    """Write FOLDER/{train,dev}.jsonl, test/NAME.jsonl, and FOLDER/problems/{dev,NAME}.jsonl; each file whole."""
    for name, examples in {TRAIN: sets.train, DEV: sets.dev}.items():
        write_examples(folder / f"{name}.jsonl", examples)
    for name, examples in sets.tests.items():
        write_examples(folder / "test" / f"{name}.jsonl", examples)
    for name, rows in sets.problems.items():
        path = folder / "problems" / f"{name}.jsonl"
        with whole_file(path) as file:
            file.writelines(json_line(path, number, row).encode() for number, row in enumerate(rows, start=1))


def read_set(folder: Path, name: str) -> tuple[tuple[Example, ...], tuple[Row, ...]]:
    """The examples of `train`, `dev` or a test set in a folder of `write_sets`, and its problems, where it has some.

    Raises `DataError` where the set is not there or damaged.
    """
    inside = f"{name}.jsonl"
    read = read_examples(folder / inside if name in (TRAIN, DEV) else folder / "test" / inside)
    _refuse_damage(read.problems)
    path = folder / "problems" / inside
    items = list(json_objects(path)) if path.exists() else []
    _refuse_damage([item for item in items if isinstance(item, Problem)])
    return read.examples, tuple(item[1] for item in items if not isinstance(item, Problem))


def set_names(folder: Path) -> list[str]:
    """The test sets in a folder of `write_sets`."""
    return sorted(path.stem for path in (folder / "test").glob("*.jsonl"))


def fingerprint(sets: Mapping[str, Iterable[Example]], problems: Mapping[str, Iterable[Row]]) -> str:
    """SHA-256 over everything a model could see of the sets and all that scores it, order included."""
    digest = hashlib.sha256()
    for kind, named in (("examples", sets), ("problems", problems)):
        for name, items in named.items():
            for item in items:
                told = record_of(item) if isinstance(item, Example) else item
                digest.update(json.dumps([kind, name, told], sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def _open(name: SourceName, config: InstructionConfig) -> Found:
    if name == "conala":
        return open_conala(config.conala, config.seed)
    if name == "codealpaca":
        return open_codealpaca(config.codealpaca, config.seed)
    if name == "apps":
        return open_apps(config.apps, config.seed)
    if name == "microproblems":
        return open_microproblems(config.microproblems, config.seed)
    return open_stdlib(config.stdlib) if name == "stdlib" else open_jsonl(config.jsonl, config.seed)


def _accounted(part: Found) -> SourceReport:
    sizes = {TRAIN: len(part.train), DEV: len(part.dev), **{name: len(its) for name, its in part.tests.items()}}
    return SourceReport(part.read, dict(part.dropped), tuple(part.wrong), sizes)


def _tests(parts: Sequence[Found]) -> dict[str, list[Example]]:
    tests: dict[str, list[Example]] = {}
    for part in parts:
        for name, examples in part.tests.items():
            if name in tests:
                raise ConfigError(f"two sources have a test set {name!r}", "give the file in jsonl.tests another name")
            tests[name] = examples
    return tests


def _decontaminated(parts: Sequence[Found], config: InstructionConfig) -> dict[str, int]:
    """Clean dev of what the tests hold, and train of both; returns what was dropped, by split and reason."""
    held = [(part.name, example) for part in parts for examples in part.tests.values() for example in examples]
    leaks: Counter[str] = Counter()
    for split in (DEV, TRAIN):
        cleaner = Cleaner(held, config.near_duplicate_threshold)
        for part in parts:
            setattr(part, split, cleaner.keep(split, part.name, getattr(part, split)))
        leaks.update(cleaner.dropped)
        held += [(part.name, example) for part in parts for example in part.dev]
    return dict(leaks)


def _joined_dev(parts: Sequence[Found]) -> tuple[list[Example], list[Row]]:
    """Dev of all parts; problems of two sources may have one id, so each then gets its source's name before it."""
    ambiguous = sum(bool(part.problems.get(DEV)) for part in parts) > 1
    dev: list[Example] = []
    rows: list[Row] = []
    for part in parts:
        for example in part.dev:
            known = ambiguous and example.problem_id is not None
            dev.append(replace(example, problem_id=f"{part.name}/{example.problem_id}") if known else example)
        for row in part.problems.get(DEV, []):
            rows.append({**row, "problem_id": f"{part.name}/{row['problem_id']}"} if ambiguous else row)
    return dev, rows


def _limited(examples: list[Example], limit: int | None, seed: int) -> list[Example]:
    """At most `limit` examples by a seeded hash of their ids, in their order."""
    if limit is None or len(examples) <= limit:
        return examples
    ranked = sorted(range(len(examples)), key=lambda at: seeded_hash(seed, examples[at].id))
    return [examples[at] for at in sorted(ranked[:limit])]


def _asked(rows: Sequence[Row], examples: Sequence[Example]) -> list[Row]:
    """The problems that some example names."""
    named = {example.problem_id for example in examples}
    return [row for row in rows if str(row["problem_id"]) in named]


def _refuse_damage(problems: Sequence[Problem]) -> None:
    if problems:
        first = problems[0]
        raise DataError(first.path, first.line, first.field, first.reason, "prepare the data again")
