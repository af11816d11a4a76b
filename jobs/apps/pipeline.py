"""The evaluation, step by step: look at the inputs, judge what has no verdict yet, sum up.

`judge` takes candidates from any iterator. It pulls them one problem at a time while others run, so they may come from
a model that is still writing.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from common.corpora.problems.record import CodeProblem
from common.errors import RunFolderError, UserError
from common.progress import progress
from common.runs import Result, RunFolder, write_json, write_text
from jobs.apps import summary
from jobs.apps.config import GENERATED, MICROPROBLEMS, EvaluateAppsConfig
from jobs.apps.generation import CANDIDATES, generated
from jobs.apps.inputs import LEFT_OUT, Codes, Inputs, Tally, problem_stream, read_inputs
from jobs.apps.ledger import Ledger
from jobs.apps.plot import plot_failures
from jobs.apps.report import markdown, render_plan
from jobs.execution.actor import ActorRecord
from jobs.execution.backlog import Item
from jobs.execution.evaluator import Evaluator
from jobs.execution.pool import Pool, Work
from jobs.execution.sandbox.host import Isolation
from jobs.execution.verdicts import Mode
from jobs.ray_session import connected

log = logging.getLogger(__name__)
VERDICTS: dict[Mode, str] = {"strict": "verdicts.jsonl", "reference": "verdicts.reference.jsonl"}
ACTORS, INPUTS = "actors.jsonl", "inputs.json"
Ledgers = Mapping[Mode, Ledger]


@dataclass(frozen=True)
class Judged:
    """What one submission did."""

    verdicts: int
    seconds: float
    """From the first candidate to the last verdict, without reaching the cluster."""


def evaluate_apps(config: EvaluateAppsConfig) -> Result:
    """Run the job in its run folder, or go on with it; returns the result, also of a run that was complete already.

    Raises `UserError` where nothing can be run, a node cannot make the sandbox, or the inputs are no longer those that
    the run began with.
    """
    with RunFolder.open(_folder(config), config) as run, ExitStack() as opened:
        if done := run.result():
            return done
        run.log_to_file()
        stream = problem_stream(config, run.path)
        inputs = read_inputs(config, stream)
        for name, tally in inputs.left_out.items():
            if tally.count:
                log.warning("%s", _told(name, tally.count, tally.first))
        _check_unchanged(run.path, inputs)
        ledgers = {mode: opened.enter_context(Ledger(run.path / file_of(config, mode), mode)) for mode in config.modes}
        work = generated(config, run.path, stream) if config.candidates == GENERATED else inputs.work(stream)
        judged = judge(config, run.path, work, ledgers, expected=inputs.expected)
        missing = sum(inputs.expected - len(ledger.outcomes) for ledger in ledgers.values())
        if missing:
            raise UserError(f"{missing:,} verdicts are missing", "the same command goes on from here")
        result = _assemble(config, run.path, inputs, ledgers, judged)
        plot_failures(result, run.path / "failures.png")
        write_text(run.path / "report.md", markdown(result))
        return run.finish(result)


def judge(
    config: EvaluateAppsConfig,
    run: Path,
    candidates: Iterable[tuple[CodeProblem, Codes]],
    ledgers: Ledgers,
    *,
    expected: int,
) -> Judged:
    """Give every candidate its verdicts in the ledgers, save those that it has there; `expected` is for the bar."""
    todo = _without_verdict(candidates, ledgers)
    before = sum(len(ledger.outcomes) for ledger in ledgers.values())
    total = expected * len(ledgers)
    if before >= total:
        return Judged(0, 0.0)
    make = partial(Evaluator, config.sandbox, config.limits, stop_after_timeouts=config.stop_after_timeouts)
    unit = "candidates" if len(ledgers) == 1 else "verdicts"
    with connected(config.cluster.session), progress(total, "judging", unit) as bar:
        bar.update(before)
        pool = Pool(config.cluster, make, partial(_note_actor, run / ACTORS))
        began = time.perf_counter()
        with closing(pool.run(todo)) as verdicts:
            for verdict in verdicts:
                ledgers[verdict.mode].append(verdict)
                bar.update()
        seconds = time.perf_counter() - began
    made = sum(len(ledger.outcomes) for ledger in ledgers.values()) - before
    return Judged(made, seconds)


def _without_verdict(candidates: Iterable[tuple[CodeProblem, Codes]], ledgers: Ledgers) -> Iterator[Work]:
    for problem, codes in candidates:
        items = tuple(
            Item(problem.id, sample, mode, code)
            for sample, code in codes
            for mode, ledger in ledgers.items()
            if (problem.id, sample) not in ledger.outcomes
        )
        if items:
            yield Work(problem, items)


def plan(config: EvaluateAppsConfig) -> str:
    """What would be judged. Runs nothing, writes nothing."""
    inputs = read_inputs(config, problem_stream(config, None))
    return render_plan(config, inputs, _folder(config))


def file_of(config: EvaluateAppsConfig, mode: Mode) -> str:
    """The file of a mode's verdicts; a single mode has `verdicts.jsonl`."""
    return VERDICTS[mode if config.mode == "both" else "strict"]


def _folder(config: EvaluateAppsConfig) -> Path:
    return config.run_dir or Path("runs/evaluate_apps")


def _told(name: str, count: int, first: Sequence[str]) -> str:
    return f"{count:,} {LEFT_OUT[name]}: {'; '.join(first)}{'; …' * (count > len(first))}"


def _check_unchanged(run: Path, inputs: Inputs) -> None:
    """Keep the digest of the inputs at the first submission; raise `RunFolderError` where a later one has others."""
    stored = run / INPUTS
    if not stored.exists():
        write_json(stored, {"digest": inputs.digest})
    elif json.loads(stored.read_text("utf-8"))["digest"] != inputs.digest:
        raise RunFolderError(f"problems or candidates are not what they were when the run in {run} began",
                             "give a new --run-dir, or remove the folder to start over")  # fmt: skip


def _note_actor(path: Path, actor: ActorRecord) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(actor)) + "\n")


def _actors(path: Path) -> list[ActorRecord]:
    """Every actor that has worked for this run; a line that was cut off is left out."""
    found = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        found.append(ActorRecord(row["node"], row["pid"], Isolation(**row["isolation"])))
    return found


def _assemble(config: EvaluateAppsConfig, run: Path, inputs: Inputs, ledgers: Ledgers, judged: Judged) -> Result:
    modes: dict[str, Any] = {
        mode: summary.summarise(inputs.problems, ledger.outcomes, mode, config.seed) for mode, ledger in ledgers.items()
    }
    first = {name: value for name, value in modes[config.modes[0]].items() if name != "failures"}
    tests = {name: known.tests for name, known in inputs.problems.items()}
    run_tests = sum(
        tests[name] for ledger in ledgers.values() for name, _ in list(ledger.outcomes)[ledger.from_before :]
    )
    comparison = summary.agreement(*(ledgers[mode].outcomes for mode in config.modes)) if len(modes) > 1 else None
    return {
        "job": "evaluate_apps",
        "problems_from": config.problems if config.problems != MICROPROBLEMS else f"microproblems, seed {config.seed}",
        "candidates_from": config.candidates,
        "generation": _generation(config),
        "mode": config.mode,
        "kinds": sorted({known.kind for known in inputs.problems.values() if known.samples}),
        **first,
        "modes": modes,
        "agreement": comparison,
        "left_out": {name: tally.to_json() for name, tally in inputs.left_out.items()},
        "notices": inputs.notices.to_json(),
        "given_up": _given_up(ledgers),
        "isolation": summary.isolation(_actors(run / ACTORS)),
        "limits": config.limits.model_dump(mode="json"),
        "speed": _speed(ledgers, judged, run_tests),
        "verdicts": {mode: file_of(config, mode) for mode in config.modes},
        "inputs_digest": inputs.digest,
        "run_dir": str(run),
    }


def _generation(config: EvaluateAppsConfig) -> dict[str, Any] | None:
    """Where sampled candidates come from."""
    if config.model is None:
        return None
    fields = ("model", "revision", "adapter", "sampling")
    return {**config.model_dump(mode="json", include=set(fields)), "candidates": CANDIDATES}


def _given_up(ledgers: Ledgers) -> dict[str, Any]:
    """Candidates whose actors died again and again: their verdicts say more of this cluster than of them."""
    found = Tally()
    for mode, ledger in ledgers.items():
        for (problem, sample), outcome in ledger.outcomes.items():
            if outcome.given_up:
                found.add(f"problem {problem}, sample {sample}, {mode}")
    return found.to_json()


def _speed(ledgers: Ledgers, judged: Judged, tests: int) -> dict[str, Any]:
    """Of what this submission did; tests that were skipped count."""
    seconds = max(judged.seconds, 1e-9)
    return {
        "verdicts": judged.verdicts,
        "verdicts_from_before": sum(ledger.from_before for ledger in ledgers.values()),
        "seconds": round(judged.seconds, 2),
        "candidates_per_second": round(judged.verdicts / len(ledgers) / seconds, 1),
        "tests_per_second": round(tests / seconds, 1),
        "candidate_cpu_seconds": round(
            sum(o.cpu_s for ledger in ledgers.values() for o in ledger.outcomes.values()), 2
        ),
    }
