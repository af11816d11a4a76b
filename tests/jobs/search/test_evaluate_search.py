"""The job from its command line to its result file, on a small random model."""

import json
import shutil

import pytest

from common.cli import run
from common.corpora.beir import Document, RetrievalSet, write_beir
from common.models.encoder import Encoder
from jobs.evaluate_search import JOB
from tests.models_zoo import LINES, adapter, base, build

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def data(tmp_path):
    documents = {f"d{n}": Document(line) for n, line in enumerate(LINES)}
    queries = {f"q{n}": " ".join(line.split()[:3]) for n, line in enumerate(LINES[:5])}
    write_beir(tmp_path / "set", RetrievalSet("set", queries, documents, {f"q{n}": {f"d{n}": 1} for n in range(5)}))
    return tmp_path / "set"


@pytest.fixture
def command(zoo, data, tmp_path):
    """The flags every call has."""
    encoder = ["--encoder.pooling", "mean", "--encoder.max-length", "128"]
    given = ["--model", str(zoo("bert")), *encoder, "--precision", "fp32"]
    return [*given, "--data.path", str(data), "--run-dir", str(tmp_path / "run")]


def result_of(tmp_path):
    return json.loads((tmp_path / "run" / "result.json").read_text("utf-8"))


def test_from_the_command_line_to_the_result_file(command, small_base, small_adapter, tmp_path, capsys):
    assert run(JOB, [*command, "--adapter", str(small_adapter)]) == 0
    result = result_of(tmp_path)
    assert set(result["metrics"]) == {"bm25", "zero_shot", "adapter", "hybrid"}
    for metrics in result["metrics"].values():
        assert set(metrics) == {"mrr", "ndcg@10", "recall@1", "recall@5", "recall@10"}
        assert all(set(value) == {"value", "low", "high"} for value in metrics.values())
    assert set(result["ceiling"]) == {"mrr", "ndcg@10", "recall@1", "recall@5", "recall@10"}
    assert result["job"] == "evaluate_search"
    assert result["model"] == {"id": small_base.name, "digest": small_base.digest}
    assert result["adapter"] == str(small_adapter)
    shown = capsys.readouterr().out
    assert "set: 5 queries, 10 documents" in shown
    assert f"{100 * result['metrics']['adapter']['mrr']['value']:.1f}" in shown


def test_the_base_alone(command, tmp_path):
    assert run(JOB, command) == 0
    result = result_of(tmp_path)
    assert set(result["metrics"]) == {"bm25", "zero_shot", "hybrid"}
    assert result["adapter"] == ""


def test_a_second_submission_shows_the_same_and_encodes_nothing(command, small_adapter, tmp_path, capsys, monkeypatch):
    argv = [*command, "--adapter", str(small_adapter)]
    assert run(JOB, argv) == 0
    first, before = capsys.readouterr().out, result_of(tmp_path)
    monkeypatch.setattr(Encoder, "load", lambda *args, **kwargs: pytest.fail("nothing needs encoding again"))
    shutil.rmtree(tmp_path / "run" / "vectors")
    assert run(JOB, argv) == 0
    assert capsys.readouterr().out == first
    assert result_of(tmp_path) == before


def test_another_configuration_does_not_get_this_run_s_result(command, capsys):
    assert run(JOB, command) == 0
    assert run(JOB, [*command, "--seed", "5"]) == 2
    assert "seed: 0 there, 5 now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "content", "place"),
    [
        ("corpus.jsonl", "oops\n", "corpus.jsonl:1: not JSON"),
        ("queries.jsonl", '\n{"_id": "q0"}\n', "queries.jsonl:2: field 'text'"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq0\tnowhere\t1\n", "test.tsv:2: field 'corpus-id'"),
    ],
)
def test_a_broken_set_is_status_2_and_names_the_line(command, data, tmp_path, capsys, file, content, place):
    (data / file).write_text(content)
    assert run(JOB, command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert f"{data / file}"[:-5] in err
    assert place in err
    assert "Traceback" not in err
    assert not (tmp_path / "run" / "result.json").exists()


def test_one_bad_line_is_said_and_left_out(command, data, tmp_path, caplog):
    with (data / "corpus.jsonl").open("a") as file:
        file.write("oops\n")
    assert run(JOB, command) == 0
    assert "corpus.jsonl:11: not JSON" in caplog.text
    assert result_of(tmp_path)["documents"] == 10
    (log,) = (tmp_path / "run" / "logs").glob("attempt_*.log")
    assert "corpus.jsonl:11: not JSON" in log.read_text("utf-8")


@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["run", "dry run"])
def test_an_adapter_of_another_base_is_status_2_and_both_are_named(command, small_base, tmp_path, capsys, more):
    other = base(build(tmp_path / "other", seed=9))
    folder = adapter(tmp_path / "adapter", other)
    assert run(JOB, [*command, "--adapter", str(folder), *more]) == 2
    err = capsys.readouterr().err
    assert other.digest[:12] in err
    assert small_base.digest[:12] in err
    assert "Traceback" not in err


def test_a_wrong_adapter_is_refused_before_anything_is_encoded(command, tmp_path, monkeypatch):
    folder = adapter(tmp_path / "adapter", base(build(tmp_path / "other", seed=9)))
    monkeypatch.setattr(Encoder, "encode", lambda *args, **kwargs: pytest.fail("this work is lost"))
    assert run(JOB, [*command, "--adapter", str(folder)]) == 2


def test_a_dry_run_tells_the_plan_and_writes_nothing(command, small_base, small_adapter, tmp_path, capsys):
    assert run(JOB, [*command, "--adapter", str(small_adapter), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "5 queries, 10 documents" in out
    assert small_base.digest[:12] in out
    assert "search-test" in out
    assert not (tmp_path / "run").exists()


def test_runs_are_dumped_on_request(command, tmp_path):
    assert run(JOB, [*command, "--dump-run", "4"]) == 0
    for system in ("bm25", "zero_shot", "hybrid"):
        assert len((tmp_path / "run" / f"run.{system}.trec").read_text().splitlines()) == 5 * 4
    assert (tmp_path / "run" / "qrels.trec").exists()


@pytest.fixture
def dev(tmp_path):
    """A split to choose weights on."""
    documents = {f"d{n}": Document(line) for n, line in enumerate(LINES)}
    queries = {f"v{n}": " ".join(line.split()[1:4]) for n, line in enumerate(LINES)}
    write_beir(tmp_path / "held", RetrievalSet("held", queries, documents, {f"v{n}": {f"d{n}": 1} for n in range(10)}))
    return tmp_path / "held"


def test_the_hybrid_s_weights_are_chosen_on_the_split_that_is_given(command, dev, tmp_path, capsys):
    assert run(JOB, [*command, "--data.dev", str(dev), "--dry-run"]) == 0
    assert "chosen on held: 10 queries, 10 documents" in capsys.readouterr().out
    assert run(JOB, [*command, "--data.dev", str(dev)]) == 0
    fusion = result_of(tmp_path)["fusion"]
    assert fusion["chosen_on"] == "held"
    assert fusion["weights"]["lexical"] > 0.5, "words find the answer, a random model does not"


def test_without_such_a_split_the_weights_are_equal(command, tmp_path):
    assert run(JOB, command) == 0
    fusion = result_of(tmp_path)["fusion"]
    assert (fusion["chosen_on"], fusion["weights"]["lexical"], fusion["weights"]["dense"]) == (None, 0.5, 0.5)


def test_a_folder_s_dev_judgements_come_before_its_test_judgements(command, data, tmp_path):
    (data / "queries.jsonl").open("a").write('{"_id": "v", "text": "open a socket"}\n')
    (data / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nv\td1\t1\n")
    assert run(JOB, [*command, "--data.dev", str(data)]) == 0
    assert result_of(tmp_path)["fusion"]["chosen_on"] == "set"


@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["run", "dry run"])
def test_weights_are_not_chosen_on_what_is_scored(command, data, capsys, monkeypatch, more):
    monkeypatch.setattr(Encoder, "encode", lambda *args, **kwargs: pytest.fail("this work is lost"))
    assert run(JOB, [*command, "--data.dev", str(data), *more]) == 2
    assert "has the very queries that are scored" in capsys.readouterr().err


@pytest.fixture
def two_languages(monkeypatch):
    """Data that hold two languages, as the published sets do."""
    documents = {f"d{n}": Document(line) for n, line in enumerate(LINES)}
    sets = {}
    for name, count in (("java", 3), ("c#", 5)):
        queries = {f"q{n}": " ".join(LINES[n].split()[:2]) for n in range(count)}
        sets[name] = RetrievalSet(name, queries, documents, {f"q{n}": {f"d{n}": 1} for n in range(count)})
    monkeypatch.setattr("jobs.search.data.retrieval_sets", lambda data: sets)
    return sets


def test_several_languages_are_scored_each_and_together(command, two_languages, small_adapter, tmp_path, capsys):
    assert run(JOB, [*command, "--adapter", str(small_adapter)]) == 0
    result = result_of(tmp_path)
    assert list(result["languages"]) == ["java", "c#"]
    mrr = [block["metrics"]["adapter"]["mrr"]["value"] for block in result["languages"].values()]
    assert result["macro"]["metrics"]["adapter"]["mrr"]["value"] == pytest.approx(sum(mrr) / 2)
    assert result["micro"]["metrics"]["adapter"]["mrr"]["value"] == pytest.approx((3 * mrr[0] + 5 * mrr[1]) / 8)
    assert result["job"] == "evaluate_search"
    shown = capsys.readouterr().out
    assert "macro mean" in shown
    assert f"{100 * mrr[0]:.1f}" in shown


@pytest.mark.parametrize("layout", ["{}", "{}/adapter"])
def test_a_folder_of_adapters_gives_each_language_its_own(
    command, two_languages, small_base, small_adapter, tmp_path, layout, capsys
):
    for name, seed in (("java", 0), ("c#", 5)):
        adapter(tmp_path / "adapters" / layout.format(name), small_base, seed=seed, name=f"search-{name}")
    given = [*command, "--adapter", str(tmp_path / "adapters")]
    assert run(JOB, [*given, "--dry-run"]) == 0
    plan = capsys.readouterr().out
    assert "java: search-java" in plan
    assert "c#: search-c#" in plan
    assert run(JOB, given) == 0
    own = result_of(tmp_path)["languages"]
    assert run(JOB, [*command, "--adapter", str(small_adapter), "--run-dir", str(tmp_path / "one")]) == 0
    one = json.loads((tmp_path / "one" / "result.json").read_text("utf-8"))["languages"]
    assert own["java"]["metrics"] == one["java"]["metrics"], "small_adapter has the weights of seed 0"
    assert own["c#"]["metrics"]["adapter"] != one["c#"]["metrics"]["adapter"]


def test_a_language_without_an_adapter_is_status_2(command, two_languages, small_base, tmp_path, capsys):
    adapter(tmp_path / "adapters" / "java", small_base)
    assert run(JOB, [*command, "--adapter", str(tmp_path / "adapters")]) == 2
    err = capsys.readouterr().err
    assert "adapters for java, but none for c#" in err
    assert "Traceback" not in err


def test_a_folder_without_any_adapter_is_status_2(command, two_languages, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run(JOB, [*command, "--adapter", str(tmp_path / "empty")]) == 2
    assert str(tmp_path / "empty") in capsys.readouterr().err


def test_an_unknown_model_is_status_2(command, capsys):
    assert run(JOB, [*command, "--model", "unixcodr"]) == 2
    assert "did you mean 'unixcoder'" in capsys.readouterr().err
