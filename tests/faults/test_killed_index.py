"""A build of an index that is killed at any point: the index opens, is sound, and a resubmission completes it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from common.retrieval.searcher import Searcher
from common.retrieval.store import Store
from jobs.indexing import pipeline
from jobs.indexing.checking import check_index
from jobs.indexing.config import BuildIndexConfig
from tests.hashed import hashed

pytestmark = [pytest.mark.faults, pytest.mark.slow]
KILLS = 20
FILES = 30
BUILD = """
import sys, time
from pathlib import Path
from common.retrieval.store import Store
from jobs.indexing import embedding, pipeline
from jobs.indexing.config import BuildIndexConfig
from tests.hashed import hashed

def slowly(work):  # so that a kill meets each stage, and not one that takes all the time
    def slow(*given):
        print("step", flush=True)
        time.sleep(0.02)
        return work(*given)
    return slow

pipeline.embedders_of = lambda config: [hashed()]
embedding.BATCH_TEXTS = 8
for name in ("stage", "put_vectors"):
    setattr(Store, name, slowly(getattr(Store, name)))
for name in ("derive_words", "derive_vectors", "drop_others"):
    setattr(pipeline.derived, name, slowly(getattr(pipeline.derived, name)))
print("begun", flush=True)
pipeline.build_index(BuildIndexConfig(source=Path(sys.argv[1]), run_dir=Path(sys.argv[2])))
"""


def write_tree(root: Path, generation: int) -> None:
    """Files of three functions; a third of them changes with each generation, one goes, one comes."""
    for number in range(FILES):
        age = generation if number % 3 == generation % 3 else 0
        body = "".join(f"def f{number}_{k}(x):\n    return x + {k} + {age}\n\n\n" for k in range(3))
        (root / f"file_{number}.py").write_text(body, "utf-8")
    (root / f"only_{generation - 1}.py").unlink(missing_ok=True)
    (root / f"only_{generation}.py").write_text(f"def only_{generation}():\n    return {generation}\n", "utf-8")


def content(folder: Path) -> set[tuple[str, str, str]]:
    with closing(Store.open(folder)) as store:
        return set(store.query("SELECT path, symbol, source FROM units").fetchall())


def begin(root: Path, folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(root), str(folder)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout and process.stdout.readline() == "begun\n"
    return process


def steps_of(process: subprocess.Popen[str]) -> int:
    """How many steps a build has that nothing disturbs."""
    assert process.stdout
    steps = len(process.stdout.readlines())
    assert process.wait() == 0
    return steps


def test_a_build_killed_at_twenty_points_leaves_a_sound_index_that_a_resubmission_completes(tmp_path, monkeypatch):
    root, folder = tmp_path / "tree", tmp_path / "index"
    root.mkdir()
    monkeypatch.setattr(pipeline, "embedders_of", lambda config: [hashed()])
    write_tree(root, 1)
    steps_of(begin(root, folder))
    write_tree(root, 2)
    steps = steps_of(begin(root, folder))
    old = content(folder)
    for generation in range(3, KILLS + 3):
        write_tree(root, generation)
        process, chance = begin(root, folder), random.Random(generation)
        for _ in range(chance.randrange(steps)):  # by steps and not by time: a machine may be slow now and then
            assert process.stdout.readline() == "step\n"
        time.sleep(chance.uniform(0, 0.03))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert check_index(folder)["faults"] == []
        met = content(folder)
        pipeline.build_index(BuildIndexConfig(source=root, run_dir=folder))
        new = content(folder)
        assert met in (old, new), "a mixture of two generations"
        assert {name for name, _, _ in new} == {file.name for file in root.iterdir()}
        assert check_index(folder)["faults"] == []
        with closing(Searcher(folder)) as searcher:
            assert searcher.search(f"only {generation}", None)[0].path == f"only_{generation}.py"
        old = new
