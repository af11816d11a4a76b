"""jobs.evaluate_codegen over actors: items that fit and that do not, a run cut short, answers that are run."""

import json

import pytest

from jobs.codegen import evaluate_pipeline
from jobs.execution.sandbox.host import Sandbox, SandboxError
from jobs.execution.sandbox.spec import Jail
from tests.decoders_zoo import generator, llama
from tests.jobs.codegen.test_evaluate_codegen import evaluate

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]
TWO = ("--cluster.num-workers", "2")


def lines(file):
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def result_of(run_dir, *flags):
    status, out, err = evaluate(*flags, "--run-dir", run_dir, *TWO)
    assert status == 0, err
    return json.loads((run_dir / "result.json").read_text("utf-8")), out


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Flags for a random Llama of 200 positions and 24 questions, one of which does not fit."""
    folder = tmp_path_factory.mktemp("asked")
    model = llama(folder / "llama", positions=200)
    for name in ("train", "mine"):
        rows = [
            {"id": f"{name}{n}", "code": f"{name}({n})",
             "instruction": f"Give the {name} number {n}{' and again' * 100 * (name == 'mine' and n == 3)}."}
            for n in range(24)
        ]  # fmt: skip
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return [
        "--model", model, "--data.sources", "jsonl", "--data.jsonl.train", folder / "train.jsonl",
        "--data.jsonl.tests", folder / "mine.jsonl", "--no-data.decontaminate", "--decoding.max-new-tokens", 8,
        "--icl.examples", 2,
    ]  # fmt: skip


def test_every_item_gets_a_line_and_the_run_its_figures(asked, tmp_path):
    result, out = result_of(tmp_path / "run", *asked, "--decoding.samples", 3)
    rows = lines(tmp_path / "run" / "predictions.jsonl")
    assert len(rows) == 24 == len({row["id"] for row in rows})
    long = [row for row in rows if "too_long_by" in row]
    assert [row["id"] for row in long] == ["mine3"] and long[0]["candidates"] == [""] * 3
    assert all(len(row["candidates"]) == 3 and row["shots"] for row in rows if row not in long)
    assert len({tuple(row["shots"]) for row in rows if row not in long}) == 1, "the same examples for every item"
    assert result["sets"]["mine"]["context"]["too_long"]["count"] == 1
    assert {"em@1", "codebleu", "chrf"} <= result["metrics"].keys()
    assert result["speed"]["tokens"] == sum(row["new_tokens"] for row in rows) > 0
    assert result["speed"]["tokens_per_second"] > 0 and result["memory"]["peak_bytes"] > 50 << 20
    assert "1 questions are too long (first: mine3" in out and "tokens/s" in out


def test_items_that_do_not_fit_can_be_left_out(asked, tmp_path):
    result, _ = result_of(tmp_path / "run", *asked, "--too-long", "leave_out")
    assert result["sets"]["mine"]["items"] == 23
    assert len(lines(tmp_path / "run" / "predictions.jsonl")) == 23


def test_a_run_that_was_cut_short_goes_on_and_gives_the_same(asked, tmp_path, monkeypatch):
    flags = [*asked, "--decoding.samples", 2]
    whole, _ = result_of(tmp_path / "whole", *flags)
    monkeypatch.setattr(evaluate_pipeline, "ROWS", {False: 8, True: 8})
    append = evaluate_pipeline.PredictionLedger.append

    def cut_short(self, row):
        if len(self.rows) == 9:
            raise KeyboardInterrupt
        append(self, row)

    monkeypatch.setattr(evaluate_pipeline.PredictionLedger, "append", cut_short)
    run_dir = tmp_path / "run"
    status, _, err = evaluate(*flags, "--run-dir", run_dir, *TWO)
    assert status == 130 and "goes on from here" in err
    monkeypatch.setattr(evaluate_pipeline.PredictionLedger, "append", append)
    file = run_dir / "predictions.jsonl"
    kept = file.read_bytes().splitlines(keepends=True)
    assert len(kept) == 9
    file.write_bytes(b"".join(kept)[:-5])
    result, _ = result_of(run_dir, *flags)
    assert file.read_bytes().startswith(b"".join(kept[:8]))
    assert result["speed"]["items_from_before"] == 8
    assert result["metrics"] == whole["metrics"]
    by_id = [{row["id"]: row["candidates"] for row in lines(tmp_path / name / "predictions.jsonl")}
             for name in ("run", "whole")]  # fmt: skip
    assert by_id[0] == by_id[1], "an item's draws do not depend on its unit"
    again, _ = result_of(run_dir, *flags)
    assert again == result


def test_other_questions_in_the_same_run_folder_are_refused(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate_pipeline, "_answer", lambda *_: {})
    status, _, err = evaluate(*asked, "--run-dir", tmp_path / "run", *TWO)
    assert status == 2 and "have no answers" in err
    monkeypatch.setattr(evaluate_pipeline, "digest_of", lambda items: "another")
    status, _, err = evaluate(*asked, "--run-dir", tmp_path / "run", *TWO)
    assert status == 2 and "not what they were" in err


def test_beams_of_an_encoder_decoder_with_retrieved_examples(asked, tmp_path):
    model = generator(tmp_path / "t5", "t5")
    flags = [model if flag is asked[1] else flag for flag in asked if flag not in ("--icl.examples", 2)]
    result, out = result_of(
        tmp_path / "run", *flags, "--rag.k", 2, "--decoding.beams", 2, "--decoding.samples", 2, "--context", 120
    )
    assert result["sets"]["mine"]["prompt"] == "codet5p" and "RAG 2" in out
    rows = {row["id"]: row for row in lines(tmp_path / "run" / "predictions.jsonl")}
    assert len({tuple(row["shots"]) for row in rows.values() if row.get("shots")}) > 1, "each item has its own"
    assert rows["mine3"]["candidates"] == ["", ""] and rows["mine3"]["too_long_by"] > 0


def test_answers_are_run_where_there_are_tests(tmp_path):
    for level in ("full", "reduced"):
        try:
            Sandbox(Jail(level)).close()
            break
        except SandboxError:
            continue
    else:
        pytest.skip("this host can give no sandbox")
    model = llama(tmp_path / "llama", positions=2048)
    result, out = result_of(
        tmp_path / "run", "--model", model, "--data.sources", "microproblems", "--data.limit-test", 3,
        "--data.microproblems.instances", 3, "--decoding.max-new-tokens", 8, "--sandbox.isolation", level,
    )  # fmt: skip
    assert set(result["sets"]) == {"eval_instances", "eval_families"}
    for block in result["sets"].values():
        assert block["tests"]["problems"] == 3 and block["tests"]["pass@1"]["value"] == 0
    assert "pass@1" in out
