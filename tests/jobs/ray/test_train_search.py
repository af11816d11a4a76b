"""`jobs.train_search` from its command line to the registry, on the session's cluster."""

from __future__ import annotations

import json
import sys

import pytest

from common.adapters.folder import adapter_digest
from common.adapters.manifest import read_manifest
from common.cli import run
from common.corpora.pairs import Pair, write_pairs
from common.models.digests import weights_digest
from jobs.train_search import JOB
from tests.jobs.ray import processes
from tests.jobs.ray.tiny import BATCH, PAIRS, lines, losses

pytestmark = pytest.mark.ray
METRICS = {"mrr", "ndcg@10", "recall@1", "recall@5", "recall@10"}


@pytest.fixture
def no_training(monkeypatch):
    """Training that must not begin."""

    def refuse(*_args, **_more):
        raise AssertionError("training began")

    monkeypatch.setattr("jobs.training.trainer.fit", refuse)


@pytest.fixture(scope="module")
def result(finished):
    return json.loads((finished.folder / "result.json").read_text("utf-8"))


@pytest.mark.slow
def test_the_result_says_what_came_out(finished, tiny, result):
    steps = 8 * -(-result["data"]["pairs"] // BATCH)
    assert result["job"] == "train_search"
    assert result["model"] == {"id": tiny.base.name, "digest": weights_digest(tiny.base)}
    assert PAIRS - 48 <= result["data"]["pairs"] <= PAIRS
    assert result["training"]["step"] == result["training"]["steps"] == steps
    assert result["training"]["workers"] == 2
    assert result["training"]["precision"] == "float32"
    assert len(result["training"]["dev_curve"]) == 9  # the base and eight evaluations
    assert result["training"]["best_step"] > steps / 2, "disturbed runs, compared with this one, would show too little"
    assert result["metrics"].keys() == {"bm25", "zero_shot", "adapter", "hybrid"}
    for name, system in result["metrics"].items():
        assert system.keys() == METRICS, name
        assert all(0 <= value["low"] <= value["value"] <= value["high"] <= 1 for value in system.values()), name
    assert result["ceiling"].keys() == METRICS
    assert result["run_dir"] == str(finished.folder)
    assert losses(finished.folder).keys() == set(range(1, steps + 1))
    assert [line["step"] for line in lines(finished.folder) if "dev_mrr" in line] == [
        step for step, _ in result["training"]["dev_curve"]
    ]


@pytest.mark.slow
def test_what_is_printed_names_the_adapter_and_where_it_is(finished, result):
    assert result["adapter"]["path"] in finished.output
    assert "tiny@candidate, version 1" in finished.output
    assert finished.uri in finished.output


@pytest.mark.slow
def test_the_manifest_names_base_scores_and_version(finished, tiny, result):
    manifest = read_manifest(finished.folder / "adapter")
    assert manifest.base.digest == weights_digest(tiny.base)
    assert manifest.digest == adapter_digest(finished.folder / "adapter") == result["adapter"]["digest"]
    assert (manifest.name, manifest.task, manifest.version, manifest.language) == ("tiny", "search", "1", "python")
    assert manifest.scores["metrics"] == result["metrics"]
    assert manifest.run_id == result["tracking"]["run_id"]
    assert manifest.data == {key: result["data"][key] for key in ("source", "pairs", "fingerprint")}
    assert (manifest.pooling, manifest.max_length, manifest.peft["rank"]) == ("mean", 64, 16)


@pytest.mark.slow
def test_peft_s_own_loader_opens_the_adapter(finished, tiny):
    import torch
    from peft import PeftModel
    from transformers import AutoModel

    model = AutoModel.from_pretrained(tiny.base)
    text = torch.tensor([[2, 7, 9, 11, 3]])
    with torch.no_grad():
        before = model(text).last_hidden_state
        after = PeftModel.from_pretrained(model, finished.folder / "adapter").eval()(text).last_hidden_state
    assert (before - after).abs().max() > 1e-2


@pytest.mark.slow
def test_mlflow_holds_parameters_curve_and_version(finished, result):
    from mlflow import MlflowClient

    store = MlflowClient(finished.uri, registry_uri=finished.uri)
    run_id, steps = result["tracking"]["run_id"], result["training"]["steps"]
    tracked = store.get_run(run_id)
    assert tracked.info.status == "FINISHED"
    params = tracked.data.params
    assert params["peft.rank"] == "16"
    assert params["training.batch"] == str(BATCH)
    assert params["data.corpus.dev_share"] == "0.08"
    assert tracked.data.tags["base_digest"] == result["model"]["digest"]
    assert sorted(point.step for point in store.get_metric_history(run_id, "loss")) == list(range(1, steps + 1))
    written = losses(finished.folder)
    assert {p.step: p.value for p in store.get_metric_history(run_id, "loss")} == pytest.approx(written)
    assert len(store.get_metric_history(run_id, "dev_mrr")) == 9
    assert tracked.data.metrics["adapter/ndcg_at_10"] == result["metrics"]["adapter"]["ndcg@10"]["value"]
    version = store.get_model_version_by_alias("tiny", "candidate")
    assert (str(version.version), version.run_id) == ("1", run_id)
    assert version.tags["digest"] == result["adapter"]["digest"]


@pytest.mark.slow
def test_what_was_registered_is_what_was_trained(finished, result, tmp_path):
    from common.adapters.registry import fetch

    folder = fetch("tiny@candidate", uri=finished.uri, destination=tmp_path)
    assert adapter_digest(folder) == result["adapter"]["digest"]
    assert read_manifest(folder).version == "1"


@pytest.mark.slow
def test_submitting_again_does_nothing_twice(finished, no_training, capsys):
    weights = finished.folder / "adapter" / "adapter_model.safetensors"
    before = weights.stat().st_mtime_ns
    assert run(JOB, [*finished.flags, "--run-dir", str(finished.folder), "--tracking.uri", finished.uri]) == 0
    assert capsys.readouterr().out == finished.output
    assert weights.stat().st_mtime_ns == before


@pytest.mark.slow
def test_another_configuration_in_the_same_folder_is_refused_by_name(finished, no_training, capsys):
    assert run(JOB, [*finished.flags, "--run-dir", str(finished.folder), "--peft.rank", "8", "--alias", "x"]) == 2
    error = capsys.readouterr().err
    assert "peft.rank: 16 there, 8 now" in error
    assert "alias: 'candidate' there, 'x' now" in error
    assert "--run-dir" in error


def test_degenerate_pairs_are_refused_before_a_worker_starts(tiny, tmp_path, no_training, monkeypatch, capsys):
    monkeypatch.setattr("ray.init", lambda *_, **__: pytest.fail("Ray was started"))
    same = tmp_path / "same.jsonl"
    write_pairs(same, [Pair("what is this", pair.document + f" {i}", "python") for i, pair in enumerate(_some_pairs())])
    flags = [*tiny.flags, "--data.train", str(same), "--run-dir", str(tmp_path / "run")]
    assert run(JOB, flags) == 2
    assert f"all {BATCH} pairs of training batch 0 have the same query ('what is this')" in capsys.readouterr().err
    assert not (tmp_path / "run" / "ray").exists()
    assert not (tmp_path / "run" / "result.json").exists()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One run folder for the refusals: where to run may change between submissions."""
    folder = tmp_path_factory.mktemp("refused")
    return ["--run-dir", str(folder / "run"), "--tracking.uri", f"sqlite:///{folder}/mlflow.db"]


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--cluster.num-workers", "5"], "5 workers × 1 CPUs do not fit a cluster of 4 CPUs"),
        (["--cluster.cpus-per-worker", "2.5"], "2 workers × 2.5 CPUs do not fit a cluster of 4 CPUs"),
        (["--cluster.use-gpu"], "2 workers with a GPU each do not fit a cluster of 0 GPUs"),
    ],
)
def test_workers_that_can_never_be_placed_are_refused(ray_cluster, tiny, place, no_training, capsys, flags, said):
    assert run(JOB, [*tiny.flags, *place, *flags]) == 2
    error = capsys.readouterr().err
    assert f"error: {said}\n  → lower --cluster." in error


@pytest.mark.slow
def test_what_a_worker_finds_wrong_is_one_sentence_here(ray_cluster, tiny, tmp_path, capsys):
    flags = [*tiny.flags, "--run-dir", str(tmp_path / "run"), "--tracking.uri", f"sqlite:///{tmp_path}/mlflow.db"]
    broken = ["--training.learning-rate", "1e30", "--cluster.num-workers", "1", "--cluster.max-failures", "0"]
    assert run(JOB, [*flags, *broken]) == 2
    error = capsys.readouterr().err
    assert "error: the loss of step 1 is nan" in error
    assert "→ lower --training.learning-rate" in error


@pytest.mark.slow
def test_an_mlflow_server_is_a_registry_by_url(ray_cluster, tiny, tmp_path):
    """The curve comes from the worker, the version from the driver; both over HTTP."""
    from urllib.request import urlopen

    from mlflow import MlflowClient

    (port,) = processes.free_ports(1)
    uri = f"http://127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{tmp_path}/server.db", "--artifacts-destination", str(tmp_path / "files")),
    ]

    def answers() -> bool:
        try:
            return urlopen(f"{uri}/health", timeout=5).status == 200
        except OSError:
            return False

    with processes.started(command, tmp_path / "server.log", processes.clean_environment()) as server:
        processes.wait_for(answers, "the MLflow server to answer", server)
        flags = [*tiny.flags, "--training.epochs", "0.4", "--training.evaluations", "1", "--cluster.num-workers", "1"]
        assert run(JOB, [*flags, "--run-dir", str(tmp_path / "run"), "--tracking.uri", uri]) == 0
        store = MlflowClient(uri, registry_uri=uri)
        version = store.get_model_version_by_alias("tiny", "candidate")
        assert version.tags["digest"] == adapter_digest(tmp_path / "run" / "adapter")
        history = store.get_metric_history(version.run_id, "loss")
        assert {point.step: point.value for point in history} == pytest.approx(losses(tmp_path / "run"))
    assert list((tmp_path / "files").rglob("adapter_model.safetensors")), "the weights are not with the server"


def _some_pairs() -> list[Pair]:
    from tests.jobs.ray.tiny import pairs

    return pairs(2 * BATCH)
