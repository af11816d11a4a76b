"""The parts of the memory benchmark that would make its figures wrong without anybody noticing."""

import itertools
import os
import statistics

import psutil

from benchmarks.search_memory import HELD_OUT, Peaks, generate, pairs, train_workers
from common.corpora.beir import read_beir
from common.corpora.pairs import read_pairs


def test_pairs_come_one_by_one_all_different_and_the_same_each_time():
    first = list(itertools.islice(pairs(10**9, seed=0), 300))
    assert first == list(itertools.islice(pairs(300, seed=0), 300))
    assert first != list(itertools.islice(pairs(300, seed=1), 300))
    assert len({record["document"] for record in first}) == len({record["query"] for record in first}) == 300


def test_lengths_are_those_of_code_search_data():
    made = list(pairs(2000, seed=0))
    assert 8 <= statistics.median(len(record["query"].split()) for record in made) <= 16
    assert 60 <= statistics.median(len(record["document"].split()) for record in made) <= 130
    assert max(len(record["document"].split()) for record in made) > 400


def test_the_job_can_read_what_is_generated(tmp_path):
    generate(tmp_path, 50)
    found = read_pairs(tmp_path / "train.jsonl")
    assert len(found.pairs) == 50
    assert not found.problems
    for split in ("dev", "test"):
        retrieval, problems = read_beir(tmp_path / split)
        assert not problems
        assert len(retrieval.queries) == len(retrieval.documents) == HELD_OUT


def test_a_sample_counts_the_driver_and_keeps_the_largest():
    peaks, me = Peaks(), psutil.Process(os.getpid())
    peaks.sample(me, "training")
    before = peaks.uss["training", "driver"]
    held = bytearray(os.urandom(2**20) * 64)
    peaks.sample(me, "training")
    grown = peaks.uss["training", "driver"]
    del held
    peaks.sample(me, "training")
    assert grown > before + 50
    assert peaks.uss["training", "driver"] == grown
    assert peaks.rss["training", "driver"] >= grown


def test_other_processes_below_the_driver_are_no_train_workers():
    assert train_workers(psutil.Process(os.getpid())) == []
