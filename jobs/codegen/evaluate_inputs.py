"""What an evaluation is over: a file of predictions, or test sets with their prompts."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.adapters.manifest import read_manifest
from common.corpora.instructions.load import load_instructions, read_set, set_names
from common.corpora.instructions.record import Example
from common.corpora.lines import Problem, json_objects, why_not_text
from common.corpora.splits import TRAIN, seeded_hash
from common.errors import ConfigError, DataError
from common.models.sampling import Sampling
from common.prompts import Template, template_for
from jobs.codegen.context import Fitted, drawn, fit, retrieved
from jobs.codegen.evaluate_config import EvaluateCodegenConfig
from jobs.codegen.retrieval import Found, FoundUnit, Question, Retrieval, found_in_index, language_of_task

if TYPE_CHECKING:
    from common.models.generator import GeneratorBase
    from common.runs import RunFolder

log = logging.getLogger(__name__)
SHOWN = 10
ALONE = "predictions"
"""The set of predictions that name none."""
_SOURCES = {"eval_instances": "microproblems", "eval_families": "microproblems"}
_NEEDED = 'one {"reference": "...", "candidates": ["...", ...]} a line'


@dataclass(frozen=True)
class Prediction:
    """Candidates for one item, in the model's order."""

    set: str
    id: str
    reference: str
    """Empty where a problem has tests only."""
    candidates: tuple[str, ...]
    problem_id: str | None = None


@dataclass
class Predictions:
    """What a file held."""

    good: list[Prediction] = field(default_factory=list)
    bad: list[Problem] = field(default_factory=list)


def read_predictions(path: Path) -> Predictions:
    """The predictions of a JSONL file; bad lines are kept out and named.

    Raises `DataError` where the file is missing or without one good line.
    """
    found = Predictions()
    seen: set[tuple[str, str]] = set()
    for item in json_objects(path):
        made = item if isinstance(item, Problem) else _prediction(path, *item)
        if isinstance(made, Problem):
            found.bad.append(made)
        elif (made.set, made.id) in seen:
            found.bad.append(Problem(path, item[0], "id", f"{made.id!r} was there before; the first one counts"))  # type: ignore[index]
        else:
            seen.add((made.set, made.id))
            found.good.append(made)
    if not found.good:
        first = found.bad[0] if found.bad else Problem(path, None, None, "the file is empty")
        raise DataError(first.path, first.line, first.field, f"{first.reason} (no usable prediction in this file, "
                        f"{len(found.bad)} bad)", _NEEDED)  # fmt: skip
    return found


def _prediction(path: Path, line: int, record: Mapping[str, Any]) -> Prediction | Problem:
    given = {"id": str(line), "set": ALONE, **record}
    if isinstance(given["id"], int) and not isinstance(given["id"], bool):
        given["id"] = str(given["id"])
    for name in ("reference", "id", "set"):
        if reason := why_not_text(given, name, may_be_empty=name == "reference" and bool(given.get("problem_id"))):
            return Problem(path, line, name, reason)
    candidates = given.get("candidates")
    if not isinstance(candidates, list) or not candidates:
        what = "missing" if "candidates" not in given else "a list of one or more texts is needed"
        return Problem(path, line, "candidates", what)
    for place, candidate in enumerate(candidates):
        if reason := why_not_text({"it": candidate}, "it", may_be_empty=True):
            return Problem(path, line, f"candidates[{place}]", reason)
    problem = given.get("problem_id")
    return Prediction(given["set"], given["id"], given["reference"], tuple(candidates),
                      None if problem is None else str(problem))  # fmt: skip


@dataclass(frozen=True)
class AskedSet:
    """One test set as it is asked."""

    name: str
    source: str
    examples: Sequence[Example]
    problems: Sequence[dict[str, Any]]
    """Rows in APPS' layout, where answers are run."""
    template: Template
    sampling: Sampling


@dataclass(frozen=True)
class Data:
    """Test sets, and the training examples that shots come from."""

    sets: tuple[AskedSet, ...]
    train: Sequence[Example]


@dataclass(frozen=True)
class Item:
    """One question, fitted."""

    set: AskedSet
    example: Example
    fitted: Fitted
    found: Found | None = None
    """What the index had for it; None without an index."""

    @property
    def snippets(self) -> tuple[FoundUnit, ...]:
        """The units of code in its prompt."""
        return self.found.units[: self.fitted.snippets] if self.found else ()

    @property
    def key(self) -> tuple[str, str]:
        """Set and id."""
        return self.set.name, self.example.id

    @property
    def seed(self) -> int:
        """Of its draws, by its id alone."""
        return int(seeded_hash(0, self.example.id)[:12], 16)


def load_data(config: EvaluateCodegenConfig, base: GeneratorBase) -> Data:
    """Test sets with their templates. Raises `DataError` where data cannot be read, `ConfigError` for a set or prompt
    that is not there."""
    if config.train_run:
        folder = config.train_run / "data"
        if not (folder / "train.jsonl").is_file():
            raise DataError(
                folder, None, None, "no data of a training run", "give the run folder of jobs.train_codegen"
            )
        train: Sequence[Example] = read_set(folder, TRAIN)[0]
        read = {name: read_set(folder, name) for name in set_names(folder)}
    else:
        sets = load_instructions(config.data)
        train = sets.train
        read = {name: (tuple(its), tuple(sets.problems.get(name, ()))) for name, its in sets.tests.items()}
    if unknown := [name for name in config.sets if name not in read]:
        raise ConfigError(f"there is no test set {unknown[0]!r}", f"there are {', '.join(read)}")
    chosen = config.sets or tuple(read)
    return Data(tuple(_asked_set(config, base, name, *read[name]) for name in chosen), train)


def _asked_set(
    config: EvaluateCodegenConfig, base: GeneratorBase, name: str, examples: Sequence[Example], rows: Sequence[Any]
) -> AskedSet:
    known = ("conala", "codealpaca", "apps", "stdlib")
    source = _SOURCES.get(name, name if name in known else "jsonl")
    trained = read_manifest(config.adapter).prompts.get("template") if config.adapter else None
    template = template_for(config.prompt or trained or source, seq2seq=base.kind == "seq2seq")
    return AskedSet(name, source, examples, rows, template, config.decoding.sampling(source, template.stops))


def found_code(config: EvaluateCodegenConfig, data: Data, run: RunFolder | None = None) -> Retrieval | None:
    """What the index has for the questions; None where the configuration names none. Raises like `found_in_index`.

    With a run folder it is kept there, so that a run goes on with the same code when the index has changed.
    """
    if config.rag.index is None:
        return None

    def search() -> dict[str, Any]:
        questions = {
            _name(test, example): Question(example.instruction, example.code, language_of_task(test.source, example))
            for test in data.sets
            for example in test.examples
        }
        return found_in_index(questions, config.rag, config.data.near_duplicate_threshold).stored()

    return Retrieval.of(run.step("retrieval", search) if run else search())


def fitted_items(
    config: EvaluateCodegenConfig, data: Data, base: GeneratorBase, tokenizer: Any, code: Retrieval | None,
    run: RunFolder | None = None,
) -> list[Item]:  # fmt: skip
    """Every question with the examples, or the code of an index, that fit before it.

    Raises `ConfigError` where there are fewer training examples than wanted. With a run folder, the examples that
    retrieval found are kept there.
    """
    from common.models.generation import prompt_ids

    wanted = config.icl.examples or (config.rag.k if code is None else 0)
    if wanted > len(data.train):
        raise ConfigError(
            f"{wanted} examples are wanted and {len(data.train)} are there", "lower icl.examples or rag.k"
        )
    fixed = drawn(data.train, config.icl.examples, config.icl.seed)
    near = _neighbours(config, data, run) if config.rag.k and code is None else {}
    items = []
    for test in data.sets:
        room = room_of(config, base, test.sampling)
        for example in test.examples:
            places = near.get(_name(test, example))
            shots = fixed if places is None else [data.train[place] for place in places]
            found = code.found[_name(test, example)] if code else None
            items.append(Item(test, example, fit(
                test.template, example, shots, room, lambda text: len(prompt_ids(tokenizer, text, base.kind)),
                tokenizer, [unit.snippet() for unit in found.units] if found else ()
            ), found))  # fmt: skip
    return items


def room_of(config: EvaluateCodegenConfig, base: GeneratorBase, sampling: Sampling) -> int | None:
    """Tokens that a prompt may have; None = no limit. Raises `ConfigError` where the answer leaves none."""
    limits = [limit for limit in (base.positions, config.context) if limit]
    if not limits:
        return None
    taken = (sampling.max_new_tokens if base.kind == "causal" else 0) + _virtual_tokens(config.adapter)
    if min(limits) <= taken:
        raise ConfigError(
            f"an answer of {taken:,} tokens leaves no room for a question in {min(limits):,}",
            "lower --decoding.max-new-tokens",
        )
    return min(limits) - taken


def digest_of(items: Sequence[Item]) -> str:
    """Of everything that decides the answers, order included, and their scores."""
    digest = hashlib.sha256()
    for item in items:
        sampling = item.set.sampling.model_dump(mode="json")
        told = [*item.key, item.fitted.prompt, item.example.code, item.example.starter_code, sampling]
        digest.update(json.dumps(told).encode() + b"\n")
    return digest.hexdigest()


def _virtual_tokens(adapter: Path | None) -> int:
    """Positions that prompt or prefix tuning take."""
    file = adapter / "adapter_config.json" if adapter else None
    if file is None or not file.is_file():
        return 0
    return json.loads(file.read_text("utf-8")).get("num_virtual_tokens") or 0


def _neighbours(config: EvaluateCodegenConfig, data: Data, run: RunFolder | None) -> dict[str, list[int]]:
    questions = {_name(test, example): example.instruction for test in data.sets for example in test.examples}
    if run is None:
        return retrieved(questions, data.train, config.rag)
    return run.step("retrieval", lambda: retrieved(questions, data.train, config.rag))


def _name(test: AskedSet, example: Example) -> str:
    return f"{test.name}\t{example.id}"
