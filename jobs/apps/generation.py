"""Candidates from a model: an actor that samples, a file that keeps what it has sampled.

The actor works some problems ahead of the executors, so that both are busy, and on several at once. Each problem's
samples depend on the seed and its id alone: a run that goes on gets the same ones.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from common.corpora.lines import Problem
from common.corpora.problems.candidates import stream_candidates
from common.corpora.problems.record import CodeProblem
from common.corpora.splits import seeded_hash
from common.errors import UserError
from common.prompts import prompt_of, stops_of
from common.runs import write_text
from jobs.apps.config import EvaluateAppsConfig
from jobs.apps.inputs import Codes, Stream

log = logging.getLogger(__name__)
AHEAD = 1  # batches that are being sampled while the problems of earlier ones run
TOGETHER = 32  # answers in the making at a time
CANDIDATES = "candidates.jsonl"


def generated(config: EvaluateAppsConfig, run: Path, stream: Stream) -> Iterator[tuple[CodeProblem, Codes]]:
    """Every problem with tests and its samples, from the file where they are there, else from the model.

    Connect to Ray before the first one is asked for. Raises `UserError` where the model cannot be had; a problem whose
    prompt does not fit into the model gets empty answers, with a warning, since a question is never cut.
    """
    import ray

    file = run / CANDIDATES
    there = _read(file, config.sampling.samples)
    assert config.model is not None
    actor = ray.remote(num_cpus=1, num_gpus=1 if config.generate_on_gpu else 0)(Sampler).remote(
        config.model, config.revision, str(config.adapter) if config.adapter else None
    )
    try:
        asked: deque[tuple[list[CodeProblem], Any]] = deque()
        batch: list[CodeProblem] = []

        def ask() -> None:
            questions = [_question(problem, config) for problem in batch]
            asked.append((batch.copy(), actor.sample.remote(questions)))
            batch.clear()

        for problem in stream():
            if isinstance(problem, Problem) or not problem.tested:
                continue
            if codes := there.get(problem.id):
                yield problem, codes
                continue
            batch.append(problem)
            if len(batch) * config.sampling.samples >= TOGETHER:
                ask()
            if len(asked) > AHEAD:
                yield from _collected(*asked.popleft(), file, config.sampling.samples)
        if batch:
            ask()
        while asked:
            yield from _collected(*asked.popleft(), file, config.sampling.samples)
    finally:
        ray.kill(actor)


Question = tuple[str, dict[str, Any], int]
"""Prompt, sampling as JSON, the prompt's seed."""


class Sampler:
    """The actor: holds the model."""

    def __init__(self, model: str, revision: str | None, adapter: str | None) -> None:
        self._given = model, revision, adapter
        self._generator: Any = None

    def sample(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        """For each prompt its answers, or why there are none: `fatal` where there will be none to any other either."""
        from common.models.sampling import Sampling

        try:
            if self._generator is None:
                self._generator = self._loaded()
            outcomes: dict[int, dict[str, Any]] = {}
            kinds: dict[Sampling, list[int]] = {}  # a function is stopped otherwise than a program
            for place, (prompt, given, _) in enumerate(questions):
                sampling = Sampling.model_validate(given)
                if error := self._generator.why_not(prompt, sampling):
                    outcomes[place] = {"error": error.message, "remedy": error.remedy, "fatal": False}
                else:
                    kinds.setdefault(sampling, []).append(place)
            for sampling, places in kinds.items():
                asked, _, seeds = zip(*(questions[place] for place in places), strict=True)
                for place, answers in self._generator.stream(asked, sampling, seeds):
                    outcomes[places[place]] = {"answers": answers.texts}
        except UserError as error:
            return [{"error": error.message, "remedy": error.remedy, "fatal": True} for _ in questions]
        return [outcomes[place] for place in range(len(questions))]

    def _loaded(self) -> Any:
        from common.models.generation import Generator
        from common.models.generator import resolve_generator

        model, revision, adapter = self._given
        return Generator.load(resolve_generator(model, revision), Path(adapter) if adapter else None)


def _question(problem: CodeProblem, config: EvaluateAppsConfig) -> Question:
    sampling = config.sampling.model_copy(update={"stop": (*config.sampling.stop, *stops_of(problem))})
    return prompt_of(problem), sampling.model_dump(mode="json"), int(seeded_hash(0, problem.id)[:12], 16)


def _collected(
    problems: Sequence[CodeProblem], reference: Any, file: Path, samples: int
) -> Iterator[tuple[CodeProblem, Codes]]:
    import ray

    found: list[tuple[CodeProblem, Codes]] = []
    for problem, outcome in zip(problems, ray.get(reference), strict=True):
        if "answers" not in outcome:
            if outcome["fatal"]:
                raise UserError(outcome["error"], outcome["remedy"])
            log.warning("problem %s: %s; its answers are empty", problem.id, outcome["error"])
        answers = outcome.get("answers", [""] * samples)
        codes = tuple(enumerate(answer.encode("utf-8", "replace").decode() for answer in answers))  # no half surrogates
        found.append((problem, codes))
    with file.open("a", encoding="utf-8") as out:
        out.writelines(_lines(problem.id, codes) for problem, codes in found)
    yield from found


def _lines(name: str, codes: Codes) -> str:
    rows = ({"problem_id": name, "sample": sample, "code": code} for sample, code in codes)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _read(file: Path, samples: int) -> Mapping[str, Codes]:
    """Samples from before; a problem that was cut off in the middle is taken out and sampled again."""
    if not file.exists():
        return {}
    found: dict[str, dict[int, str]] = {}
    for item in stream_candidates(file):
        if not isinstance(item, Problem):
            found.setdefault(item.problem_id, {})[item.sample] = item.code
    whole = {name: tuple(sorted(codes.items())) for name, codes in found.items() if len(codes) == samples}
    write_text(file, "".join(_lines(name, codes) for name, codes in whole.items()))
    return whole
