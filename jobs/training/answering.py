"""Generation metrics during training: a dev sample is answered by all workers, each its share, and scored.

It runs in the workers, between two steps, and not as Ray Train's `validation` of a checkpoint beside the training. That
was tried (docs/training.md says what came of it): a validation is a task with CPUs of its own, which on a machine whose
cores all train waits for the end of the training; and its figures come after the next checkpoint, too late to choose
the best adapter by, and are lost to a run that dies before they are there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist

from common.corpora.problems.reading import read_problems
from common.corpora.problems.record import CodeProblem
from common.models.batching import split_evenly
from common.models.generation import Generator
from common.models.sampling import Sampling
from jobs.execution.evaluator import Evaluator
from jobs.execution.sandbox.spec import Limits, SandboxConfig
from jobs.training.generative_recipe import GenerativeInput

TEMPERATURE = 0.8
METRICS = ("em@1", "codebleu", "chrf")


class DevAnswers:
    """The dev sample: prompts, references, and problems where there are tests."""

    def __init__(self, job: GenerativeInput, model: Any, tokenizer: Any, rank: int, world: int) -> None:
        assert job.dev_prompts is not None
        self._rank, self._world = rank, world
        self._items = [json.loads(line) for line in job.dev_prompts.read_text("utf-8").splitlines()]
        self._generator = Generator.of(model, tokenizer, job.base)
        how = job.recipe.generation
        self._sampling = Sampling(
            samples=how.samples,
            temperature=TEMPERATURE if how.samples > 1 else 0.0,
            max_new_tokens=how.max_new_tokens,
            stop=job.stop_texts,
            seed=job.recipe.seed,
        )
        self._problems: dict[str, CodeProblem] = {}
        if job.dev_problems:
            wanted = {item["problem"] for item in self._items}
            found = read_problems(job.dev_problems, "apps").problems
            self._problems = {problem.id: problem for problem in found if problem.id in wanted}
        self._evaluator: Evaluator | None = None

    def score(self) -> dict[str, float]:
        """em@1, codebleu, chrf, and pass@1 where there are tests: the same figures on every worker."""
        shares = split_evenly([len(item["prompt"]) for item in self._items], self._world)
        mine = [self._items[place] for place in shares[self._rank]]
        answers = self._generator.generate([item["prompt"] for item in mine], self._sampling) if mine else []
        rows = [
            (item["reference"], texts, self._passed(item, texts)) for item, texts in zip(mine, answers, strict=True)
        ]
        rows = self._gather(rows)
        from common.metrics.codegen import score_generations

        written = [(reference, texts) for reference, texts, _ in rows if reference]
        figures: dict[str, float] = {}
        if written:
            scored = score_generations([r for r, _ in written], [t for _, t in written], ks=(1,))
            figures = {name: scored[name]["value"] for name in METRICS}
        shares_passed = [sum(p) / len(p) for _, _, p in rows if p]
        if shares_passed:
            figures["pass@1"] = sum(shares_passed) / len(shares_passed)
        return figures

    def close(self) -> None:
        """End the sandboxes."""
        if self._evaluator:
            self._evaluator.close()

    def _passed(self, item: dict[str, Any], texts: Sequence[str]) -> list[bool]:
        """Which answers pass all tests of their problem; empty where it has none."""
        problem = self._problems.get(item["problem"] or "")
        if problem is None or not problem.tested:
            return []
        if self._evaluator is None:  # made when first needed: making it takes a second
            self._evaluator = Evaluator(SandboxConfig(), Limits())
        return [self._evaluator.judge(problem, text, sample).passed for sample, text in enumerate(texts)]

    def _gather(self, rows: list[Any]) -> list[Any]:
        if not dist.is_initialized() or self._world == 1:
            return rows
        everyone: list[Any] = [None] * self._world
        if torch.cuda.is_available() and dist.get_backend() == "nccl":
            torch.cuda.set_device(self._generator.model.device)  # gathered objects travel through the current GPU
        dist.all_gather_object(everyone, rows)
        return [row for share in everyone for row in share]
