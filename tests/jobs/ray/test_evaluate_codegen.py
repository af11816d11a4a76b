"""jobs.evaluate_codegen over actors: items that fit and that do not, a run cut short, answers that are run."""

import json

import pytest

from jobs.codegen import evaluate_pipeline
from jobs.execution.sandbox.host import Sandbox, SandboxError
from jobs.execution.sandbox.spec import Jail
from jobs.indexing.config import BuildIndexConfig
from jobs.indexing.pipeline import build_index
from tests.decoders_zoo import generator, llama
from tests.jobs.codegen.test_evaluate_codegen import evaluate

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]
ANSWER = "def number_7(again):\n    total = [again for again in range(7)]\n    return sum(total) + again\n"
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


@pytest.fixture(scope="module")
def code_index(ray_cluster, tiny, tmp_path_factory):
    """An index of twelve functions; the one for number 7 is the answer of `mine7`."""
    tree = tmp_path_factory.mktemp("code") / "tree"
    tree.mkdir()
    for n in range(12):
        (tree / f"mine_{n}.py").write_text(f"def number_{n}(again):\n    mine({n})\n" if n != 7 else ANSWER)
    given = {"source": tree, "run_dir": tree.parent / "index", "model": str(tiny.base), "precision": "fp32",
             "encoder": {"pooling": "mean", "max_length": 64}}  # fmt: skip
    assert build_index(BuildIndexConfig.model_validate(given))["units"] == 12
    return tree.parent / "index"


def test_code_of_an_index_stands_before_the_questions_and_answers_do_not(asked, code_index, tmp_path):
    file = tmp_path / "questions.jsonl"
    rows = [
        {"id": "q7", "instruction": "Give the number 7 again.", "code": ANSWER, "language": "python"},
        {"id": "q2", "instruction": "Give the number 2 again.", "code": "other(2)"},
        {"id": "long", "instruction": "Give it again" + " and again" * 40, "code": "other(3)"},
        {"id": "ruby", "instruction": "Give the number 5 again.", "code": "other 5", "language": "ruby"},
    ]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    model, train = asked[1], asked[5]
    flags = ["--model", model, "--data.sources", "jsonl", "--data.jsonl.train", train, "--data.jsonl.tests", file,
             "--no-data.decontaminate", "--decoding.max-new-tokens", 8, "--rag.index", code_index, "--rag.k", 3,
             "--context", 160]  # fmt: skip
    status, planned, err = evaluate(*flags, "--run-dir", tmp_path / "run", "--dry-run")
    assert status == 0, err
    assert "code        the 3 best of 12 units" in planned and "no code was found for 1 questions" in planned
    assert not (tmp_path / "run").exists()
    result, out = result_of(tmp_path / "run", *flags)
    by_id = {row["id"]: row for row in lines(tmp_path / "run" / "predictions.jsonl")}
    assert by_id["q7"]["units_with_answer_left_out"] == 1
    assert all(row["symbol"] != "number_7" for row in by_id["q7"]["snippets"])
    assert by_id["ruby"]["snippets"] == [] and "snippets_dropped" in by_id["ruby"]
    told = by_id["q2"]["snippets"][0]
    number = told["symbol"].removeprefix("number_")
    assert told["place"] == f"mine_{number}.py:1-{3 if number == '7' else 2}"
    assert any(row["snippets_dropped"] for row in by_id.values()), "160 byte tokens do not hold three functions"
    context = result["sets"]["questions"]["context"]
    assert context["snippets"] == sum(len(row["snippets"]) for row in by_id.values()) > 0
    assert context["snippets_dropped"] == sum(row["snippets_dropped"] for row in by_id.values())
    assert (context["units_with_answer_left_out"], context["items_without_snippets"]) == (1, 1)
    assert context["questions_shortened_for_the_encoder"] == 1
    assert (result["rag"]["index_generation"], result["rag"]["index_units"]) == (1, 12)
    assert sum(result["rag"]["picked"].values()) == 3
    assert "RAG 3 of code" in out and "1 units of code hold the reference answer and were left out" in out


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
