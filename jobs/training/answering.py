"""Generation metrics during training: a dev sample is answered by all workers, each its share, and scored.

It runs in the workers, between two steps, and not as Ray Train's `validation` of a checkpoint beside the training. Such
a task loads base and adapter again; on a machine whose cores all train it either waits for a CPU until
the training is over or, asking for none, takes half of a core from each worker; and its figures come after the next
checkpoint, too late to choose the best adapter, which a checkpoint holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist

from common.corpora.instructions.record import Example, read_examples
from common.corpora.problems.reading import read_problems
from common.corpora.problems.record import CodeProblem
from common.models.batching import split_evenly
from common.models.generation import Generator
from common.models.sampling import Sampling
from common.prompts import program_of, render
from jobs.execution.evaluator import Evaluator
from jobs.execution.sandbox.spec import Limits, SandboxConfig
from jobs.training.generative_recipe import GenerativeInput

TEMPERATURE = 0.8
METRICS = ("em@1", "codebleu", "chrf")
Row = tuple[str, list[str], list[bool]]
"""Reference, programs, and which of them pass; empty where there are no tests."""


class DevAnswers:
    """The dev sample, and problems where there are tests."""

    def __init__(self, job: GenerativeInput, model: Any, tokenizer: Any, rank: int, world: int) -> None:
        assert job.dev_sample is not None
        self._rank, self._world, self._template = rank, world, job.template
        self._examples = read_examples(job.dev_sample).examples
        self._prompts = [render(job.template, example, tokenizer=tokenizer) for example in self._examples]
        self._generator = Generator.of(model, tokenizer, job.base)
        how = job.recipe.generation
        self._sampling = Sampling(
            samples=how.samples,
            temperature=TEMPERATURE if how.samples > 1 else 0.0,
            max_new_tokens=how.max_new_tokens,
            stop=job.template.stops,
            seed=job.recipe.seed,
        )
        self._problems: dict[str, CodeProblem] = {}
        if job.dev_problems:
            wanted = {example.problem_id for example in self._examples}
            found = read_problems(job.dev_problems, "apps").problems
            self._problems = {problem.id: problem for problem in found if problem.id in wanted}
        self._evaluator: Evaluator | None = None

    def score(self) -> dict[str, float]:
        """em@1, codebleu, chrf, and pass@1 where there are tests: the same figures on every worker."""
        from common.metrics.codegen import score_generations

        shares = split_evenly([len(prompt) for prompt in self._prompts], self._world)
        mine = shares[self._rank]
        answers = self._generator.generate([self._prompts[place] for place in mine], self._sampling) if mine else []
        rows = self._gather(
            [self._row(self._examples[place], texts) for place, texts in zip(mine, answers, strict=True)]
        )
        figures: dict[str, float] = {}
        written = [(reference, programs) for reference, programs, _ in rows if reference]
        if written:
            scored = score_generations([row[0] for row in written], [row[1] for row in written], ks=(1,))
            figures = {name: scored[name]["value"] for name in METRICS}
        shares_passed = [sum(passed) / len(passed) for _, _, passed in rows if passed]
        if shares_passed:
            figures["pass@1"] = sum(shares_passed) / len(shares_passed)
        return figures

    def close(self) -> None:
        """End the sandboxes."""
        if self._evaluator:
            self._evaluator.close()

    def _row(self, example: Example, texts: Sequence[str]) -> Row:
        programs = [program_of(self._template, example, text) for text in texts]
        reference = example.instruction + example.code if self._template.continues else example.code
        return reference if example.code else "", programs, self._passed(example, programs)

    def _passed(self, example: Example, programs: Sequence[str]) -> list[bool]:
        problem = self._problems.get(example.problem_id or "")
        if problem is None or not problem.tested:
            return []
        if self._evaluator is None:  # made when first needed: making it takes a second
            self._evaluator = Evaluator(SandboxConfig(), Limits())
        return [self._evaluator.judge(problem, program, place).passed for place, program in enumerate(programs)]

    def _gather(self, rows: list[Row]) -> list[Row]:
        if self._world == 1:
            return rows
        everyone: list[Any] = [None] * self._world
        if dist.get_backend() == "nccl":
            torch.cuda.set_device(self._generator.model.device)  # gathered objects travel through the current GPU
        dist.all_gather_object(everyone, rows)
        return [row for share in everyone for row in share]
