"""The whole job over Ray with real sandboxes: both modes, layouts, a run cut short, candidates in the making."""

import json
import threading
from contextlib import ExitStack, closing

import pytest

from common.config import parse
from common.errors import UserError
from jobs.apps import pipeline
from jobs.apps.config import EvaluateAppsConfig
from jobs.apps.ledger import Ledger
from jobs.execution.pool import Pool
from jobs.execution.sandbox.host import Sandbox, SandboxError
from jobs.execution.sandbox.spec import Jail
from tests.decoders_zoo import llama
from tests.jobs.apps.samples import GOOD, LONGEST, WRONG, candidate, evaluate, lines, problem, usual, written
from tests.jobs.execution import judges

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]
TWO = ("--cluster.num-workers", "2")


@pytest.fixture(scope="module", autouse=True)
def isolation():
    """The flags of the strongest level that this host can give."""
    for level in ("full", "reduced"):
        try:
            Sandbox(Jail(level)).close()
        except SandboxError:
            continue
        return ("--sandbox.isolation", level)
    pytest.skip("this host can give no sandbox")


@pytest.fixture
def judged(isolation):
    """A run that has to end well: its result."""

    def run(run_dir, *flags):
        status, _, err = evaluate(*flags, "--run-dir", run_dir, *TWO, *isolation)
        assert status == 0, err
        return json.loads((run_dir / "result.json").read_text("utf-8"))

    return run


def test_both_modes_with_everything_that_can_be_wrong(tmp_path, judged, isolation):
    result = judged(tmp_path / "run", *usual(tmp_path), "--mode", "both")
    rows = lines(tmp_path / "run" / "verdicts.jsonl")
    found = {(row["problem_id"], row["sample"]): row for row in rows}
    assert len(rows) == len(found) == 7
    assert found["1", 0]["results"] == ["pass"] * 3 and found["1", 0]["passed"] is True
    assert found["1", 1]["results"] == ["pass", "pass", "fail"]
    assert {key: row["failure"] for key, row in found.items() if row["failure"]} == {
        ("1", 1): "wrong answer", ("1", 2): "syntax error", ("2", 1): "KeyError", ("3", 1): found["3", 1]["failure"],
    }  # fmt: skip
    reference = {(r["problem_id"], r["sample"]): r for r in lines(tmp_path / "run" / "verdicts.reference.jsonl")}
    assert reference.keys() == found.keys()
    assert reference["1", 2]["results"] == [-2] and reference["1", 1]["results"] == [True, True, False]
    assert result["strict_accuracy"]["value"] == pytest.approx((1 / 3 + 1 / 2 + 1 / 2) / 3)
    assert result["modes"]["reference"]["strict_accuracy"] == result["strict_accuracy"]
    assert result["agreement"]["same"] == 7
    assert list(result["by_difficulty"]) == ["introductory", "interview"]
    assert result["left_out"]["candidate"]["count"] == 3 and result["left_out"]["problem"]["count"] == 3
    assert result["isolation"]["level"] == isolation[1]
    assert result["speed"]["verdicts"] == 14 and result["given_up"]["count"] == 0
    for name in ("report.md", "failures.png", "config.resolved.yaml"):
        assert (tmp_path / "run" / name).exists()


def test_the_same_command_again_does_nothing_again(tmp_path, judged):
    flags = usual(tmp_path)
    first = judged(tmp_path / "run", *flags)
    before = (tmp_path / "run" / "verdicts.jsonl").stat().st_mtime_ns
    assert judged(tmp_path / "run", *flags) == first
    assert (tmp_path / "run" / "verdicts.jsonl").stat().st_mtime_ns == before


def test_a_run_that_was_cut_short_goes_on(tmp_path, judged, isolation, monkeypatch):
    problems = written(tmp_path / "p.jsonl", [problem(name) for name in range(6)])
    codes = (GOOD, WRONG, GOOD)
    rows = [candidate(name, sample, code) for name in range(6) for sample, code in enumerate(codes)]
    flags = ["--problems", problems, "--candidates", written(tmp_path / "c.jsonl", rows)]
    whole = Pool.run

    def cut_short(self, work):
        with closing(whole(self, work)) as verdicts:
            for number, verdict in enumerate(verdicts):
                if number == 7:
                    raise KeyboardInterrupt
                yield verdict

    monkeypatch.setattr(Pool, "run", cut_short)
    run_dir = tmp_path / "run"
    status, _, err = evaluate(*flags, "--run-dir", run_dir, *TWO, *isolation)
    assert status == 130 and "goes on from here" in err and not (run_dir / "result.json").exists()
    monkeypatch.setattr(Pool, "run", whole)
    file = run_dir / "verdicts.jsonl"
    kept = file.read_bytes().splitlines(keepends=True)
    assert len(kept) == 7
    file.write_bytes(b"".join(kept)[:-9])

    result = judged(run_dir, *flags)
    assert file.read_bytes().startswith(b"".join(kept[:6]))
    keys = [(row["problem_id"], row["sample"]) for row in lines(file)]
    assert len(keys) == 18 and set(keys) == {(str(row["problem_id"]), row["sample"]) for row in rows}
    assert result["speed"]["verdicts_from_before"] == 6 and result["speed"]["verdicts"] == 12
    assert result["strict_accuracy"]["value"] == pytest.approx(2 / 3)


def test_a_run_goes_on_with_the_same_inputs_only(tmp_path, isolation, monkeypatch):
    flags = [*usual(tmp_path), "--run-dir", tmp_path / "run", *TWO, *isolation]
    monkeypatch.setattr(pipeline, "judge", lambda *_, **__: pipeline.Judged(0, 0.0))
    status, _, err = evaluate(*flags)
    assert status == 2 and "7 verdicts are missing" in err
    monkeypatch.undo()
    with (tmp_path / "candidates.jsonl").open("a") as file:
        file.write(json.dumps(candidate(4, 0, GOOD)) + "\n")
    status, _, err = evaluate(*flags)
    assert status == 2 and "not what they were" in err


def test_humaneval(tmp_path, judged):
    row = {
        "task_id": "HumanEval/3", "prompt": "def double(n):\n", "entry_point": "double",
        "canonical_solution": "    return 2 * n\n",
        "test": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(0) == 0\n",
    }  # fmt: skip
    problems = written(tmp_path / "h.jsonl", [row])
    own = judged(tmp_path / "own", "--problems", problems, "--candidates", "solutions", "--layout", "humaneval")
    assert own["strict_accuracy"]["value"] == 1 and list(own["by_difficulty"]) == ["unnamed"]
    codes = ["    return n + n\n", "    return n + 2\n", "    return missing\n"]
    given = written(tmp_path / "c.jsonl", [candidate("HumanEval/3", n, code) for n, code in enumerate(codes)])
    result = judged(tmp_path / "run", "--problems", problems, "--candidates", given)
    assert result["pass@1"]["value"] == pytest.approx(1 / 3) and result["pass@2"]["value"] == pytest.approx(2 / 3)
    assert result["modes"]["strict"]["failures"]["all"] == {"passed": 1, "wrong answer": 1, "NameError": 1}


def test_candidates_are_judged_while_others_are_being_written(tmp_path, isolation):
    """What a model does: the second problem's candidates exist only when the first one's verdicts are on disk."""
    flags = [*usual(tmp_path), *TWO, *isolation]
    config = parse(EvaluateAppsConfig, [str(flag) for flag in flags], prog="test").config
    path, order = tmp_path / "verdicts.jsonl", []

    def writing():
        for name in range(3):
            order.append(("written", name))
            yield judges.problem(name, inputs=("4\n",)), [(0, GOOD), (1, WRONG)]
            wanted = threading.Event()
            until = 120 / 0.01
            while (judged := path.read_text().count("\n")) < 2 * name + 2 and until > 0:
                wanted.wait(0.01)
                until -= 1
            order.append(("judged", judged))

    with ExitStack() as opened:
        ledger = opened.enter_context(Ledger(path, "strict"))
        made = pipeline.judge(config, tmp_path, writing(), {"strict": ledger}, expected=6)
    assert order == [("written", 0), ("judged", 2), ("written", 1), ("judged", 4), ("written", 2), ("judged", 6)]
    assert made.verdicts == 6


def test_a_host_that_cannot_isolate_ends_the_job_and_says_so(tmp_path, isolation, monkeypatch):
    def refusing(*_, **__):
        raise UserError("no sandbox of level full can be made here", "python -m cluster.doctor")

    monkeypatch.setattr(pipeline, "Evaluator", refusing)
    status, _, err = evaluate(*usual(tmp_path), "--run-dir", tmp_path / "run", *TWO)
    assert status == 2 and "no sandbox of level full" in err and "cluster.doctor" in err


@pytest.mark.slow
def test_all_solutions_of_the_microproblems_pass(tmp_path, judged):
    flags = ("--problems", "microproblems", "--split", "eval_instances", "--candidates", "solutions", "--mode", "both")
    result = judged(tmp_path / "run", *flags, "--first-solutions", "2")
    assert result["strict_accuracy"]["value"] == 1
    assert result["modes"]["reference"]["strict_accuracy"]["value"] == 1
    assert len(lines(tmp_path / "run" / "problems.jsonl")) == result["problems"]


def test_candidates_come_from_a_model(tmp_path, judged):
    problems = written(tmp_path / "p.jsonl", [problem(1), problem(2, LONGEST), problem(3, ""), problem(4)])
    model = llama(tmp_path / "model")
    flags = ["--problems", problems, "--candidates", "generated", "--model", model, "--sampling.samples", "2",
             "--sampling.max-new-tokens", "12"]  # fmt: skip
    result = judged(tmp_path / "run", *flags)
    sampled = lines(tmp_path / "run" / "candidates.jsonl")
    assert [(row["problem_id"], row["sample"]) for row in sampled] == [(p, s) for p in ("1", "2", "4") for s in (0, 1)]
    assert len({row["code"] for row in sampled}) > 1
    assert {(row["problem_id"], row["sample"]) for row in lines(tmp_path / "run" / "verdicts.jsonl")} == {
        (row["problem_id"], row["sample"]) for row in sampled
    }
    assert result["generation"]["sampling"]["samples"] == 2 and "candidates.jsonl" in str(result["generation"])

    (tmp_path / "run" / "result.json").unlink()
    (tmp_path / "run" / "verdicts.jsonl").unlink()
    kept = (tmp_path / "run" / "candidates.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "run" / "candidates.jsonl").write_bytes(b"".join(kept[:3]) + kept[3][:20])
    judged(tmp_path / "run", *flags)
    assert lines(tmp_path / "run" / "candidates.jsonl") == sampled


def test_a_model_that_cannot_be_had_stops_the_job(tmp_path, isolation):
    problems = written(tmp_path / "p.jsonl", [problem(1)])
    flags = ["--problems", problems, "--candidates", "generated", "--model", tmp_path / "nowhere"]
    status, _, err = evaluate(*flags, "--run-dir", tmp_path / "run", *TWO, *isolation)
    assert status == 2 and "cannot be had" in err
