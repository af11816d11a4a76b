"""`jobs.train_search --per-language`: one job, an adapter for each language, side by side."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from common.adapters.manifest import read_manifest
from common.cli import run
from common.corpora.pairs import write_pairs
from common.tracking import client
from jobs.ray_session import ClusterConfig
from jobs.search.language_wise import places
from jobs.train_search import JOB
from tests.jobs.ray.tiny import pairs

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def flags(tiny, tmp_path_factory):
    """Half the tiny pairs in Go, half in Ruby; dev and test are held out from each."""
    file = tmp_path_factory.mktemp("languages") / "pairs.jsonl"
    write_pairs(file, [replace(pair, language="go" if n % 2 else "ruby") for n, pair in enumerate(pairs())])
    return [
        *("--model", str(tiny.base), "--encoder.pooling", "mean", "--encoder.max-length", "64"),
        *("--data.source", "pairs", "--data.train", str(file), "--name", "tiny", "--per-language"),
        *("--training.batch", "16", "--training.epochs", "2", "--training.evaluations", "2"),
        *("--training.precision", "fp32", "--cluster.num-workers", "1"),
    ]


@pytest.mark.slow
def test_each_language_gets_its_adapter_and_a_second_submission_does_nothing_twice(
    ray_cluster, flags, tmp_path, capsys, monkeypatch
):
    folder, uri = tmp_path / "run", f"sqlite:///{tmp_path}/mlflow.db"
    given = [*flags, "--run-dir", str(folder), "--tracking.uri", uri]
    assert run(JOB, given) == 0
    printed = capsys.readouterr().out
    result = json.loads((folder / "result.json").read_text("utf-8"))
    assert result["languages"].keys() == result["adapters"].keys() == {"go", "ruby"}
    for language in ("go", "ruby"):
        manifest = read_manifest(folder / language / "adapter")
        assert (manifest.name, manifest.language) == (f"tiny-{language}", language)
        assert manifest.digest == result["adapters"][language]["digest"]
        alone = json.loads((folder / language / "result.json").read_text("utf-8"))
        ours = result["languages"][language]
        assert ours["metrics"]["adapter"]["mrr"]["value"] == alone["metrics"]["adapter"]["mrr"]["value"]
        assert language in printed
    mean = sum(result["languages"][name]["metrics"]["adapter"]["mrr"]["value"] for name in ("go", "ruby")) / 2
    assert result["macro"]["metrics"]["adapter"]["mrr"]["value"] == pytest.approx(mean)
    assert result["adapters"]["go"]["digest"] != result["adapters"]["ruby"]["digest"]
    child = client(uri).get_run(read_manifest(folder / "go" / "adapter").run_id)
    assert child.data.tags["mlflow.parentRunId"] == result["tracking"]["run_id"]

    monkeypatch.setattr("jobs.search.language_wise._train_all", lambda *_args, **_more: pytest.fail("training began"))
    assert run(JOB, given) == 0
    assert json.loads((folder / "result.json").read_text("utf-8")) == result


@pytest.mark.slow
def test_a_language_that_fails_is_named_and_the_others_are_finished(ray_cluster, flags, tmp_path, capsys):
    file = tmp_path / "pairs.jsonl"
    degenerate = [replace(pairs(1)[0], query="same", document=f"d {n} {n * 7}", language="c") for n in range(60)]
    go = [replace(pair, language="go") for pair in pairs()]
    write_pairs(file, [*go, *degenerate])
    at = flags.index("--data.train") + 1
    given = [*flags[:at], str(file), *flags[at + 1 :], "--run-dir", str(tmp_path / "run")]
    assert run(JOB, given) == 2
    said = capsys.readouterr().err
    assert "1 of 2 languages failed (c: " in said
    assert "The same command goes on" in said
    assert (tmp_path / "run" / "go" / "result.json").exists()
    assert not (tmp_path / "run" / "result.json").exists()


@pytest.mark.slow
def test_languages_may_start_from_one_shared_adapter(ray_cluster, flags, tmp_path):
    folder = tmp_path / "run"
    assert run(JOB, [*flags, "--shared-start", "--training.interpolate", "0.5", "--run-dir", str(folder)]) == 0
    shared = read_manifest(folder / "shared" / "adapter")
    assert (shared.language, shared.peft.get("interpolation")) == ("all", None)
    for language in ("go", "ruby"):
        manifest = read_manifest(folder / language / "adapter")
        assert manifest.data["started_from"] == shared.digest
        assert manifest.peft["interpolation"] == 0.5
        curve = json.loads((folder / language / "result.json").read_text("utf-8"))["training"]["dev_curve"]
        alone = json.loads((folder / "shared" / "result.json").read_text("utf-8"))["training"]["dev_curve"]
        assert curve[0] != alone[0], "step 0 is the shared adapter and not the base"


def test_pairs_without_a_language_are_refused(tiny, flags, tmp_path, capsys):
    file = tmp_path / "pairs.jsonl"
    write_pairs(file, [replace(pair, language="") for pair in pairs(40)])
    at = flags.index("--data.train") + 1
    assert run(JOB, [*flags[:at], str(file), *flags[at + 1 :], "--run-dir", str(tmp_path / "run")]) == 2
    assert "name no language" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("resources", "workers", "use_gpu", "expected"),
    [
        ({"CPU": 2}, 1, False, 2),
        ({"CPU": 2}, 2, False, 1),
        ({"CPU": 1}, 2, False, 1),
        ({"CPU": 64, "GPU": 8}, 2, True, 4),
        ({"CPU": 64, "GPU": 8}, 2, False, 32),
    ],
)
def test_as_many_at_a_time_as_the_cluster_holds(resources, workers, use_gpu, expected):
    assert places(resources, ClusterConfig(num_workers=workers), use_gpu=use_gpu) == expected
