"""The job from its command line to pairs with negatives, on a small random model."""

import json
import random

import numpy as np
import pytest

from common.cli import run
from common.corpora.mining.neardup import jaccard, shingles
from common.corpora.pairs import Pair, read_pairs, write_pairs
from common.models.encoder import Encoder
from jobs.mine_negatives import JOB
from jobs.negatives import choice, search, vectors
from tests.models_zoo import LINES, adapter, base, build

pytestmark = pytest.mark.usefixtures("one_thread")
WORDS = sorted({word for line in LINES for word in line.split()})
GOOD = 40


def text(draw, least, most):
    return " ".join(draw.choice(WORDS) for _ in range(draw.randint(least, most)))


@pytest.fixture
def pairs():
    """40 pairs in two languages; two ask the same in two spellings, two in one, two solve one problem, two are
    overloads, and one document is nearly another."""
    draw = random.Random(0)
    made = []
    for number in range(GOOD):
        language = "go" if number % 2 else "ruby"
        document = text(draw, 10, 30)
        query = " ".join(document.split()[:6])
        extra = {"number": number}
        if number in (2, 4):
            query = "Copy a tree!" if number == 2 else "copy a TREE"
        if number in (14, 16):
            query = "remove every empty folder"
        if number in (3, 5):
            extra["problem"] = 7
        if number in (6, 8):
            extra |= {"repo": "a/b", "func_name": "parse"}
        made.append(Pair(query, document, language, extra))
    copy = made[10].document + " again"
    return [*made[:12], Pair(made[12].query, copy, "ruby", made[12].extra), *made[13:]]


@pytest.fixture
def data(pairs, tmp_path):
    write_pairs(tmp_path / "train.jsonl", pairs)
    return tmp_path / "train.jsonl"


@pytest.fixture
def command(zoo, data):
    """The flags every call has; every pair is kept and every document is looked at."""
    encoder = ["--encoder.pooling", "mean", "--encoder.max-length", "64", "--precision", "fp32"]
    return ["--model", str(zoo("bert")), *encoder, "--data.train", str(data), "--depth", str(GOOD)]


EVERY_PAIR = ["--consistency.top", "None", "--margin", "1", "--per-query", str(GOOD)]


def mine(command, folder, *more):
    assert run(JOB, [*command, "--run-dir", str(folder), *more]) == 0
    result = json.loads((folder / "result.json").read_text("utf-8"))
    kept = read_pairs(folder / "pairs.jsonl").pairs if result["consistency"]["kept"] else ()
    aside = [json.loads(line) for line in (folder / "inconsistent.jsonl").read_text("utf-8").splitlines()]
    return result, kept, aside


def test_pairs_keep_their_order_and_their_keys(command, pairs, tmp_path):
    _, kept, aside = mine(command, tmp_path / "run", *EVERY_PAIR)
    assert aside == []
    assert [(pair.query, pair.document, pair.language) for pair in kept] == [
        (pair.query, pair.document, pair.language) for pair in pairs
    ]
    for pair in kept:
        assert set(pair.extra) - {"problem", "repo", "func_name"} == {"number", "negatives", "negative_scores"}
        assert len(pair.extra["negatives"]) == len(pair.extra["negative_scores"])
        assert pair.extra["negative_scores"] == sorted(pair.extra["negative_scores"], reverse=True)


def test_no_negative_is_an_answer_or_of_another_language(command, pairs, tmp_path):
    result, kept, _ = mine(command, tmp_path / "run", *EVERY_PAIR)
    languages = {pair.document: pair.language for pair in pairs}
    for pair in kept:
        assert pair.document not in pair.extra["negatives"]
        assert {languages[text] for text in pair.extra["negatives"]} <= {pair.language}
    for one, other in ((2, 4), (3, 5), (6, 8), (10, 12), (14, 16)):
        assert pairs[other].document not in kept[one].extra["negatives"]
        assert pairs[one].document not in kept[other].extra["negatives"]
    refused = result["negatives"]["refused"]
    assert [refused[name] for name in ("positive", "same_query", "same_problem", "same_name")] == [2, 2, 2, 2]
    assert refused["near_duplicate"] >= 1
    assert any(pair.extra["negatives"] for pair in kept)


def test_guards_can_be_taken_off(command, pairs, tmp_path):
    off = ["--no-guards.same-name", "--guards.near-duplicate", "None", "--pool", "all"]
    result, kept, _ = mine(command, tmp_path / "run", *EVERY_PAIR, *off)
    assert "same_name" not in result["negatives"]["refused"]
    assert result["negatives"]["refused"]["near_duplicate"] == 0
    languages = {pair.document: pair.language for pair in pairs}
    assert any(languages[text] != pair.language for pair in kept for text in pair.extra["negatives"])


def test_scores_are_cosines_and_stay_under_the_margin(command, small_base, tmp_path):
    _, kept, _ = mine(command, tmp_path / "run", "--consistency.top", "None", "--margin", "0.9", "--per-query", "5")
    encoder = Encoder.load(small_base, precision="fp32")
    encoder.base = small_base.model_copy(update={"max_length": 64})
    for pair in kept[:10]:
        query, own = encoder.encode([pair.query], "query")[0], encoder.encode([pair.document], "document")[0]
        if pair.extra["negatives"]:
            cosines = encoder.encode(pair.extra["negatives"], "document") @ query
            assert cosines == pytest.approx(np.array(pair.extra["negative_scores"]), abs=3e-3)
            assert max(pair.extra["negative_scores"]) <= 0.9 * float(query @ own) + 3e-3
            assert all(jaccard(shingles(pair.document), shingles(text)) < 0.8 for text in pair.extra["negatives"])


def test_top_takes_the_hardest_and_random_a_seeded_choice(command, tmp_path):
    few = ["--consistency.top", "None", "--margin", "1", "--per-query", "3"]
    _, every, _ = mine(command, tmp_path / "every", *EVERY_PAIR)
    _, top, _ = mine(command, tmp_path / "top", *few)
    _, one, _ = mine(command, tmp_path / "one", *few, "--sampling", "random")
    _, same, _ = mine(command, tmp_path / "same", *few, "--sampling", "random")
    _, other, _ = mine(command, tmp_path / "other", *few, "--sampling", "random", "--seed", "1")
    assert [pair.extra["negatives"] for pair in top] == [pair.extra["negatives"][:3] for pair in every]
    assert one == same
    assert one != other
    assert one != top
    for all_of_it, drawn in zip(every, one, strict=True):
        assert set(drawn.extra["negatives"]) <= set(all_of_it.extra["negatives"])


def test_every_pair_and_every_candidate_is_counted(command, tmp_path, capsys):
    result, kept, aside = mine(command, tmp_path / "run", "--consistency.top", "1", "--per-query", "4")
    assert len(kept) == result["consistency"]["kept"]
    assert 0 < len(aside) == sum(result["consistency"]["dropped"].values())
    assert result["pairs"]["read"] == GOOD == len(kept) + len(aside)
    assert sum(result["consistency"]["ranks"]) == sum(result["consistency"]["scores"]["all"]) == GOOD
    assert sum(result["consistency"]["scores"]["kept"]) == len(kept)
    found = result["negatives"]
    assert found["candidates"] == sum(found["refused"].values()) + found["spare"] + found["chosen"]
    assert found["chosen"] == sum(len(pair.extra["negatives"]) for pair in kept)
    assert sum(found["pairs_by_count"].values()) == len(kept)
    assert found["short"] == sum(len(pair.extra["negatives"]) < 4 for pair in kept)
    assert sum(found["ratios"]["chosen"]) == found["chosen"]
    report = (tmp_path / "run" / "report.md").read_text("utf-8")
    assert report in capsys.readouterr().out
    assert f"| kept                            | {len(kept):>5,} |" in report


def test_inconsistent_pairs_are_set_aside_with_rank_and_score(command, pairs, tmp_path):
    """A rank is the place of the own document among all of its language; the score decides on its own as well."""
    _, _, aside = mine(command, tmp_path / "run", "--consistency.top", "1", "--per-query", "0")
    assert all(record["consistency_rank"] > 1 for record in aside)
    assert {record["number"] for record in aside} <= set(range(GOOD))
    scores = [record["consistency_score"] for record in aside]
    threshold = sorted(scores)[len(scores) // 2]
    result, kept, below = mine(
        command, tmp_path / "score", "--consistency.top", "None", "--consistency.min-score", str(threshold)
    )
    assert result["consistency"]["dropped"] == {"rank": 0, "score": len(below)}
    assert all(record["consistency_score"] <= threshold + 1e-6 for record in below)
    assert len(kept) + len(below) == GOOD


def test_the_filter_alone_adds_nothing_to_a_pair(command, pairs, tmp_path):
    _, kept, _ = mine(command, tmp_path / "run", "--per-query", "0")
    assert 0 < len(kept) < GOOD
    assert all(pair in pairs for pair in kept)


def test_a_rank_beyond_the_depth_is_said_as_unknown(command, tmp_path):
    shallow = [*command[:-1], "1"]
    _, _, aside = mine(shallow, tmp_path / "run", "--consistency.top", "1", "--per-query", "0")
    assert {record["consistency_rank"] for record in aside} == {None}


def test_blocks_and_shards_do_not_change_the_outcome(command, tmp_path, monkeypatch):
    settings = ["--consistency.top", "5", "--sampling", "random", "--per-query", "3", "--margin", "1"]
    mine(command, tmp_path / "whole", *settings)
    for module, name in ((choice, "BLOCK"), (search, "BLOCK"), (vectors, "SHARD")):
        monkeypatch.setattr(module, name, 7)
    mine(command, tmp_path / "parts", *settings)
    for file in ("pairs.jsonl", "inconsistent.jsonl"):
        whole, parts = ((tmp_path / folder / file).read_text("utf-8") for folder in ("whole", "parts"))
        assert [_rounded(line) for line in parts.splitlines()] == [_rounded(line) for line in whole.splitlines()]


def _rounded(line):
    record = json.loads(line)
    record["negative_scores"] = [round(score, 2) for score in record.get("negative_scores", [])]
    record.pop("consistency_score", None)
    return record


def test_an_interrupted_run_goes_on_and_encodes_nothing_twice(command, tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, "SHARD", 8)
    monkeypatch.setattr(search, "BLOCK", 8)
    shards, encode, write = [], Encoder.encode, search.NearestFiles.write

    def counting(self, batch, kind, **options):
        shards.append(batch)
        if len(shards) == 7:  # in the documents, after the five shards of the queries
            raise KeyboardInterrupt
        return encode(self, batch, kind, **options)

    searched = []

    def writing(self, rows, found):
        write(self, rows, found)
        searched.extend(rows.tolist())
        if len(searched) == 16:
            raise KeyboardInterrupt

    monkeypatch.setattr(Encoder, "encode", counting)
    monkeypatch.setattr(search.NearestFiles, "write", writing)
    argv = [*command, "--run-dir", str(tmp_path / "run")]
    assert run(JOB, argv) == 130
    assert run(JOB, argv) == 130
    assert not (tmp_path / "run" / "pairs.jsonl").exists()
    assert run(JOB, argv) == 0
    assert len(shards) == 5 + 5 + 1  # all, and once more the one that was broken off
    assert shards[6] == shards[7]
    assert sorted(searched) == list(range(GOOD))
    monkeypatch.undo()
    mine(command, tmp_path / "straight")
    for file in ("pairs.jsonl", "inconsistent.jsonl"):
        once = (tmp_path / "straight" / file).read_text("utf-8").splitlines()
        again = (tmp_path / "run" / file).read_text("utf-8").splitlines()
        assert [_rounded(line) for line in again] == [_rounded(line) for line in once]


def test_a_finished_run_shows_its_result_again(command, tmp_path, capsys, monkeypatch):
    argv = [*command, "--run-dir", str(tmp_path / "run")]
    assert run(JOB, argv) == 0
    first = capsys.readouterr().out
    monkeypatch.setattr(Encoder, "load", lambda *args, **kwargs: pytest.fail("nothing is left to do"))
    assert run(JOB, argv) == 0
    assert capsys.readouterr().out == first


def test_negatives_of_an_earlier_mining_are_replaced(command, data, tmp_path):
    once, kept, _ = mine(command, tmp_path / "once")
    write_pairs(data, kept)
    twice, _, _ = mine(command, tmp_path / "twice")
    assert once["pairs"]["replaced"] == 0
    assert twice["pairs"]["replaced"] == len(kept)


def test_bad_lines_are_named_and_the_good_ones_mined(command, data, tmp_path, caplog):
    with data.open("a") as file:
        file.write('oops\n{"query": "q"}\n' + "[1]\n" * 20)
    result, _, _ = mine(command, tmp_path / "run")
    assert (result["pairs"]["read"], result["pairs"]["left_out"]) == (GOOD, 22)
    assert f"{data}:{GOOD + 1}: not JSON" in caplog.text
    assert f"{data}:{GOOD + 2}: field 'document': missing" in caplog.text
    assert "12 more lines left out" in caplog.text
    every = (tmp_path / "run" / "left_out.txt").read_text("utf-8").splitlines()
    assert len(every) == 22
    assert every[-1].startswith(f"{data}:{GOOD + 22}: ")


@pytest.mark.parametrize(("content", "message"), [(None, "no such file"), ("", "is empty"), ("x\n", ":1: not JSON")])
def test_a_file_without_a_pair_is_status_2(command, data, tmp_path, capsys, content, message):
    data.unlink()
    if content is not None:
        data.write_text(content)
    assert run(JOB, [*command, "--run-dir", str(tmp_path / "run")]) == 2
    assert message in capsys.readouterr().err


def test_a_dry_run_tells_counts_sizes_and_methods_and_writes_nothing(command, tmp_path, capsys):
    approximate = ["--search.exact-up-to", "10", "--search.probes", "3"]
    assert run(JOB, [*command, "--run-dir", str(tmp_path / "run"), "--dry-run", *approximate]) == 0
    out = capsys.readouterr().out
    assert f"{GOOD} good, 0 lines left out; {GOOD - 1} distinct queries, {GOOD} distinct documents" in out
    assert "pool      go: 20 documents, IVF, 3 of 18 lists" in out
    assert f"vectors {(2 * GOOD - 1) * 32 * 2 / 1e6:.1f} MB" in out
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--skip-top", "40"], "leaves nothing of depth"),
        (["--consistency.top", "41"], "more than depth 40 can tell"),
        (["--consistency.top", "None", "--per-query", "0"], "leaves nothing to do"),
        (["--pool", "lang"], "pool"),
        (["--margin", "1.2"], "margin"),
    ],
)
def test_settings_that_make_no_sense_are_refused(command, capsys, flags, message):
    assert run(JOB, [*command, *flags]) == 2
    assert message in capsys.readouterr().err


def test_an_adapter_that_changed_under_a_run_is_refused(command, small_base, tmp_path, capsys, monkeypatch):
    folder = adapter(tmp_path / "adapter", small_base, seed=1)
    argv = [*command, "--adapter", str(folder), "--run-dir", str(tmp_path / "run")]
    monkeypatch.setattr(choice.Choice, "write", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    assert run(JOB, argv) == 130
    adapter(folder, small_base, seed=2)
    assert run(JOB, argv) == 2
    assert "changed since the run" in capsys.readouterr().err


def test_an_adapter_of_another_base_is_refused_before_anything_is_read(command, tmp_path, capsys):
    folder = adapter(tmp_path / "adapter", base(build(tmp_path / "other", seed=9)))
    assert run(JOB, [*command, "--adapter", str(folder), "--run-dir", str(tmp_path / "run")]) == 2
    assert "was trained on" in capsys.readouterr().err
    assert not (tmp_path / "run" / "data").exists()
