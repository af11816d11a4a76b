"""Candidates from a model: an actor that samples, a file that keeps what it has sampled.

The actor works a few problems ahead of the executors, so that both are busy. Each problem's samples depend on the seed
and its id alone: a run that goes on gets the same ones.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Iterator, Mapping
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
AHEAD = 2  # problems that are being sampled while earlier ones run
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
        waiting: deque[tuple[CodeProblem, Any]] = deque()
        for problem in stream():
            if isinstance(problem, Problem) or not problem.tested:
                continue
            if codes := there.get(problem.id):
                yield problem, codes
                continue
            sampling = config.sampling.model_copy(update={"stop": (*config.sampling.stop, *stops_of(problem))})
            seed = int(seeded_hash(0, problem.id)[:12], 16)
            waiting.append((problem, actor.sample.remote(prompt_of(problem), sampling.model_dump(mode="json"), seed)))
            if len(waiting) > AHEAD:
                yield _collected(*waiting.popleft(), file, config.sampling.samples)
        while waiting:
            yield _collected(*waiting.popleft(), file, config.sampling.samples)
    finally:
        ray.kill(actor)


class Sampler:
    """The actor: holds the model."""

    def __init__(self, model: str, revision: str | None, adapter: str | None) -> None:
        self._given = model, revision, adapter
        self._decoder: Any = None

    def sample(self, prompt: str, sampling: dict[str, Any], seed: int) -> dict[str, Any]:
        """Answers, or why there are none: `fatal` where there will be none to any other prompt either."""
        from common.models.decoder import Decoder, resolve_decoder
        from common.models.sampling import Sampling

        try:
            if self._decoder is None:
                model, revision, adapter = self._given
                base = resolve_decoder(model, revision)
                self._decoder = Decoder.load(base, Path(adapter) if adapter else None)
        except UserError as error:
            return {"error": error.message, "remedy": error.remedy, "fatal": True}
        try:
            return {"answers": self._decoder.sample(prompt, Sampling.model_validate(sampling), seed)}
        except UserError as error:
            return {"error": error.message, "remedy": error.remedy, "fatal": False}


def _collected(problem: CodeProblem, reference: Any, file: Path, samples: int) -> tuple[CodeProblem, Codes]:
    import ray

    outcome = ray.get(reference)
    if "answers" not in outcome:
        if outcome["fatal"]:
            raise UserError(outcome["error"], outcome["remedy"])
        log.warning("problem %s: %s; its answers are empty", problem.id, outcome["error"])
    answers = outcome.get("answers", [""] * samples)
    codes = tuple(enumerate(answer.encode("utf-8", "replace").decode() for answer in answers))  # no half surrogates
    with file.open("a", encoding="utf-8") as out:
        out.write(_lines(problem.id, codes))
    return problem, codes


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
