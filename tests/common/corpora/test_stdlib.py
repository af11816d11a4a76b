import os
import subprocess
import sys

import pytest

from common.config import validate
from common.corpora.beir import read_beir, write_beir
from common.corpora.config import CorpusConfig
from common.corpora.mining.functions import Function
from common.corpora.mining.neardup import jaccard, shingles
from common.corpora.mining.rules import RULES
from common.corpora.pairs import read_pairs, write_pairs
from common.corpora.search_corpus import Source, build_corpus, describe, normalised
from common.corpora.stdlib import stdlib_corpus, top_module
from common.errors import ConfigError, DataError


def documents(corpus, split):
    return [d.text for d in getattr(corpus, split).documents.values()]


def modules(corpus, split):
    if split == "train":
        return {pair.extra["module"] for pair in corpus.train}
    return {d.metadata["module"] for d in getattr(corpus, split).documents.values()}


def test_the_shares_come_out(corpus):
    sizes = corpus.report.sizes
    total = sum(sizes.values())
    assert 3000 < total < 6000
    assert sizes["test"] / total == pytest.approx(0.12, abs=0.02)
    assert sizes["dev"] / total == pytest.approx(0.08, abs=0.02)
    assert (len(corpus.train), len(corpus.dev.documents), len(corpus.test.documents)) == tuple(sizes.values())


def test_no_module_is_in_two_splits_and_several_are_held_out(corpus):
    train, dev, test = (modules(corpus, split) for split in ("train", "dev", "test"))
    assert not train & dev and not train & test and not dev & test
    assert len(dev) >= 5 and len(test) >= 5
    for split, found in (("train", train), ("dev", dev), ("test", test)):
        assert found <= set(corpus.report.groups[split])


def test_no_held_out_code_is_trained_on(corpus):
    """By brute force, without the hashing the corpus was cleaned with."""
    train = [shingles(pair.document) for pair in corpus.train]
    dev, test = ([shingles(text) for text in documents(corpus, split)] for split in ("dev", "test"))
    for held_out, pool in ((test, train + dev), (dev, train)):
        for one in held_out:
            near_in_size = (other for other in pool if 0.8 <= len(one) / len(other) <= 1.25)
            assert all(jaccard(one, other) < 0.8 for other in near_in_size)


def test_no_held_out_question_is_trained_on(corpus):
    train = {normalised(pair.query) for pair in corpus.train}
    dev, test = ({normalised(query) for query in part.queries.values()} for part in (corpus.dev, corpus.test))
    assert not train & dev and not train & test and not dev & test
    assert len(test) == len(corpus.test.queries)  # pairs that ask the same are one query


def test_every_function_is_accounted_for(corpus):
    report = corpus.report
    assert report.seen == report.kept + sum(report.dropped.values())
    lost = report.exact_duplicates + report.near_duplicates + sum(report.contaminated.values()) + report.over_limit
    assert report.kept == lost + sum(report.sizes.values())
    assert list(report.dropped) == [rule.name for rule in RULES]
    assert not [path for pair in corpus.train if "test" in (path := pair.extra["path"]).split("/")[:-1]]


def test_documents_do_not_hold_their_query(corpus):
    inside = [pair for pair in corpus.train if len(pair.query) > 40 and pair.query in pair.document]
    assert len(inside) <= 0.002 * len(corpus.train)


def test_documents_say_where_they_come_from(corpus):
    for key, document in corpus.test.documents.items():
        assert key == f"{document.metadata['path']}:{document.metadata['start_line']}"
        assert top_module(document.metadata["path"]) == document.metadata["module"]
        assert document.metadata["language"] == "python"
        assert document.metadata["start_line"] < document.metadata["end_line"]
    assert not set(corpus.test.queries) & set(corpus.test.documents)
    assert corpus.test.queries.keys() == corpus.test.qrels.keys()


def test_another_process_finds_the_same(corpus):
    code = "from common.corpora.stdlib import stdlib_corpus; print(stdlib_corpus().report.fingerprint)"
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == corpus.report.fingerprint


def test_it_survives_the_files(corpus, tmp_path):
    write_pairs(tmp_path / "train.jsonl", corpus.train)
    assert read_pairs(tmp_path / "train.jsonl").pairs == corpus.train
    write_beir(tmp_path / corpus.test.name, corpus.test)
    assert read_beir(tmp_path / corpus.test.name) == (corpus.test, ())


def test_the_description_names_every_count(corpus):
    text = describe(corpus.report)
    assert f"{corpus.report.seen:,}" in text and corpus.report.fingerprint[:16] in text
    assert all(rule.name.replace("_", " ") in text for rule in RULES)


def library(folder, modules=30):
    verbs = ["adds", "counts", "removes", "opens", "closes", "sorts", "merges", "splits"]
    for n in range(modules):
        body = "".join(
            f"def {verb}_{n}(a{n}):\n    '''It {verb} the items of kind{n} there.'''\n    b = {verb}{n}(a{n})\n"
            f"    c = {n}{n} + b\n    return c\n\n"
            for verb in verbs
        )
        (folder / f"m{n}.py").write_text(body)
    return folder


def test_broken_files_are_named_and_skipped_folders_are_not_read(tmp_path):
    library(tmp_path)
    (tmp_path / "bytes.py").write_bytes(b"x = '\xff'\n")
    (tmp_path / "syntax.py").write_text("x = 1\ndef f(:\n    return (\n")
    for skipped in ("test", "site-packages", "__pycache__"):
        (tmp_path / skipped).mkdir()
        (tmp_path / skipped / "m.py").write_text("def f(:\n")
    report = stdlib_corpus(folder=tmp_path).report
    assert report.files == 32
    assert [place.split(":")[0] for place in report.broken_files] == ["bytes.py", "syntax.py"]
    assert "cannot be decoded" in describe(report)
    assert report.kept == 30 * 8


def test_the_training_limit_leaves_dev_and_test_alone(tmp_path):
    whole = stdlib_corpus(folder=library(tmp_path))
    limited = stdlib_corpus(CorpusConfig(limit_train=20), tmp_path)
    assert (limited.dev, limited.test) == (whole.dev, whole.test)
    assert len(limited.train) == 20
    assert [pair for pair in whole.train if pair in limited.train] == list(limited.train)
    assert len({pair.extra["module"] for pair in limited.train}) > 5
    assert limited.report.over_limit == len(whole.train) - 20
    assert limited.report.fingerprint != whole.report.fingerprint


def test_a_seed_holds_out_other_modules(tmp_path):
    library(tmp_path)
    one, other = (stdlib_corpus(CorpusConfig(seed=seed), tmp_path).report for seed in (0, 1))
    assert one.groups["test"] != other.groups["test"]


def test_without_source_or_with_too_little_it_says_so(tmp_path):
    with pytest.raises(DataError, match="no Python source"):
        stdlib_corpus(folder=tmp_path)
    (tmp_path / "one.py").write_text("x = 1\n")
    with pytest.raises(DataError, match="too little"):
        stdlib_corpus(folder=tmp_path)


def test_leaks_are_dropped_from_the_side_that_learns():
    def pairs_of(group, n, query, code):
        return group, Function(f"{group}.py", f"f{n}", n, n + 3, code, query, "python")

    def unlike(group, n):
        return f"def f{n}(x):\n    y = {group}_{n}_a({group}{n}b, x{n})\n    return y{n} + {group}{n}c"

    listed = [
        pairs_of(f"g{g}", n, f"Do thing{n} for group{g} now.", unlike(f"g{g}", n)) for g in range(40) for n in range(5)
    ]
    config = CorpusConfig(dev_share=0.1, test_share=0.1)
    source = Source("made", 40, (), "3")
    clean = build_corpus(listed, config, source)
    assert not sum(clean.report.contaminated.values())
    victim, learner = clean.report.groups["test"][0], clean.report.groups["train"][0]
    copies = {
        (learner, 0): pairs_of(learner, 0, f"do THING0 for group{victim[1:]}, now", unlike(learner, 0)),
        (learner, 1): pairs_of(learner, 1, "Do something new for nobody.", unlike(victim, 1) + "  # copied"),
    }
    spoiled = [copies.get((group, function.start_line), (group, function)) for group, function in listed]
    found = build_corpus(spoiled, config, source)
    assert found.report.contaminated["train: same query"] == 1
    assert found.report.contaminated["train: near-duplicate code"] == 1
    assert found.test == clean.test
    assert len(found.train) == len(clean.train) - 2


@pytest.mark.parametrize("values", [{"dev_share": 0}, {"test_share": 0.95}, {"limit_train": 0}, {"seeds": 1}])
def test_impossible_configurations_are_refused(values):
    with pytest.raises(ConfigError):
        validate(CorpusConfig, values)
