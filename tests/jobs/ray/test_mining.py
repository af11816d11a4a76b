"""Mining over Ray: several shards, a run that is cut short, a shard that takes its process down."""

import json
import os
import signal
from contextlib import closing

import pytest

from common.corpora.pairs import read_pairs
from common.errors import DataError
from jobs.mining import pipeline, shards
from tests.jobs.mining.trees import adds_up, library, mine, mined

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    """About five modules a shard."""
    monkeypatch.setattr(pipeline, "SHARD_BYTES", 8_000)


def outcome(run_dir):
    return (run_dir / "train.jsonl").read_bytes(), (run_dir / "test" / "corpus.jsonl").read_bytes()


def without_speed(result):
    return {key: value for key, value in result.items() if key not in ("speed", "run_dir")}


def test_shards_and_workers_do_not_change_the_outcome(tmp_path, monkeypatch):
    tree = library(tmp_path / "lib")
    result = mined(tree, tmp_path / "many", "--sample", "5")
    adds_up(result)
    assert result["speed"]["shards"] > 3
    monkeypatch.setattr(pipeline, "SHARD_BYTES", 10**9)
    alone = mined(tree, tmp_path / "one", "--sample", "5")
    assert alone["speed"]["shards"] == 1
    assert without_speed(alone) == without_speed(result)
    assert outcome(tmp_path / "one") == outcome(tmp_path / "many")
    sample = [(tmp_path / name / "sample.md").read_text() for name in ("one", "many")]
    assert sample[0] == sample[1]


def test_a_run_that_was_cut_short_goes_on(tmp_path, monkeypatch):
    tree = library(tmp_path / "lib")
    whole = mined(tree, tmp_path / "whole")
    over_ray = pipeline._over_ray

    def cut_short(config, tasks):
        with closing(over_ray(config, tasks)) as finished:
            for number, task in enumerate(finished):
                if number == 2:
                    raise KeyboardInterrupt
                yield task

    monkeypatch.setattr(pipeline, "_over_ray", cut_short)
    run_dir = tmp_path / "run"
    status, _, err = mine(tree, "--run-dir", run_dir)
    assert status == 130 and "goes on from here" in err
    assert not (run_dir / "result.json").exists()
    finished = {file.name: file.stat().st_mtime_ns for file in (run_dir / "shards").glob("*.json")}
    assert len(finished) >= 3
    half_written = run_dir / "shards" / f"{whole['speed']['shards'] - 1:05d}.jsonl"
    half_written.write_text('{"query": "half')
    half_written.with_suffix(".json").unlink(missing_ok=True)
    finished.pop(half_written.with_suffix(".json").name, None)

    monkeypatch.setattr(pipeline, "_over_ray", over_ray)
    result = mined(tree, run_dir)
    assert without_speed(result) == without_speed(whole)
    assert outcome(run_dir) == outcome(tmp_path / "whole")
    assert len(finished) <= result["speed"]["shards_from_before"] < result["speed"]["shards"]
    assert finished.items() <= {f.name: f.stat().st_mtime_ns for f in (run_dir / "shards").glob("*.json")}.items()


def crashing(marker):
    """`mine_shard` with a parser that takes its process down at one file."""

    def task(shard, *, isolated=False):
        parse = shards.parse_file

        def parse_file(source, path, language):
            if path == marker:
                os.kill(os.getpid(), signal.SIGKILL)
            return parse(source, path, language)

        shards.parse_file = parse_file
        try:
            return shards.mine_shard(shard, isolated=isolated)
        finally:
            shards.parse_file = parse

    return task


def test_a_file_that_takes_the_process_down_is_counted(tmp_path, monkeypatch):
    tree = library(tmp_path / "lib", modules=12)
    monkeypatch.setattr(pipeline, "mine_shard", crashing("m07.py"))
    result = mined(tree, tmp_path / "run", "--cluster.max-failures", "0")
    adds_up(result)
    assert result["files"]["skipped"]["the parser crashed"] == {"files": 1, "folders": 0, "first": ["m07.py"]}
    assert result["seen"] == 110
    assert all(pair.extra["path"] != "m07.py" for pair in read_pairs(tmp_path / "run" / "train.jsonl").pairs)


def test_a_user_s_error_in_a_task_reaches_the_user(tmp_path, monkeypatch):
    def refusing(shard, *, isolated=False):
        raise DataError("there", 3, None, "is a reason")

    monkeypatch.setattr(pipeline, "mine_shard", refusing)
    status, _, err = mine(library(tmp_path / "lib"), "--run-dir", tmp_path / "run")
    assert status == 2 and "there:3: is a reason" in err


def test_no_more_shards_are_under_way_than_there_are_workers(tmp_path, monkeypatch):
    marks = tmp_path / "marks"
    marks.mkdir()

    def marking(shard, *, isolated=False):
        mark = marks / f"{shard.number}"
        mark.touch()
        (tmp_path / f"met-{shard.number}").write_text(json.dumps(len(list(marks.iterdir()))))
        try:
            return shards.mine_shard(shard)
        finally:
            mark.unlink()

    monkeypatch.setattr(pipeline, "mine_shard", marking)
    mined(library(tmp_path / "lib"), tmp_path / "run", "--cluster.num-workers", "2")
    assert max(int(file.read_text()) for file in tmp_path.glob("met-*")) <= 2
