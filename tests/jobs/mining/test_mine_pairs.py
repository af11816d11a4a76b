"""The whole job on small trees, in one process: a tree of one shard needs no cluster."""

import json
import os
import signal
import subprocess
import sys

import pytest

from common.config import parse
from common.corpora.beir import read_beir
from common.corpora.mining import grammar, languages
from common.corpora.mining.functions import ParsedFile
from common.corpora.pairs import read_pairs
from common.errors import ConfigError
from jobs.mining import pipeline, shards
from jobs.mining.config import MinePairsConfig
from tests.jobs.mining.test_source import git
from tests.jobs.mining.trees import VERBS, adds_up, function, library, mine, mined, module


def test_a_tree_becomes_what_training_takes(tmp_path):
    result = mined(library(tmp_path / "lib"), tmp_path / "run")
    adds_up(result)
    assert (result["seen"], result["kept"]) == (300, 240)
    assert result["dropped"] == {"documented": 30, "enough_code": 30}
    given = read_pairs(tmp_path / "run" / "train.jsonl")
    assert not given.problems and len(given.pairs) == result["sizes"]["train"]
    first = given.pairs[0]
    assert first.query.startswith("It adds the items of kind")
    assert first.extra.keys() == {"repo", "path", "start_line", "end_line", "symbol", "group"}
    assert (first.extra["repo"], first.language) == ("lib", "python")
    groups = {"train": {pair.extra["group"] for pair in given.pairs}}
    for split in ("dev", "test"):
        retrieval, problems = read_beir(tmp_path / "run" / split)
        assert not problems and len(retrieval.documents) == result["sizes"][split] > 0
        groups[split] = {document.metadata["group"] for document in retrieval.documents.values()}
    assert sum(map(len, groups.values())) == len(set.union(*groups.values()))


def test_training_accepts_the_command_that_is_printed(tmp_path):
    from common.cli import run
    from jobs.train_search import JOB

    _, out, _ = mine(library(tmp_path / "lib"), "--run-dir", tmp_path / "run")
    command = out.strip().splitlines()[-1].split()
    assert command[:3] == ["python", "-m", "jobs.train_search"]
    assert run(JOB, [*command[3:], "--dry-run", "--training.batch", "16"]) == 0


def test_the_report_and_the_table_name_every_count(tmp_path):
    _, out, _ = mine(library(tmp_path / "lib"), "--run-dir", tmp_path / "run")
    report = (tmp_path / "run" / "report.md").read_text()
    for text in (out, report):
        assert "enough code" in text.replace("_", " ")
        assert "300" in text and "240" in text and "functions/s" in text and "jobs.train_search" in text


def test_the_same_command_again_does_nothing_again(tmp_path):
    tree = library(tmp_path / "lib")
    _, out, _ = mine(tree, "--run-dir", tmp_path / "run")
    before = (tmp_path / "run" / "result.json").stat().st_mtime_ns
    assert mine(tree, "--run-dir", tmp_path / "run")[1] == out
    assert (tmp_path / "run" / "result.json").stat().st_mtime_ns == before


def test_another_tree_in_the_same_run_folder_is_refused_and_the_difference_named(tmp_path):
    tree = library(tmp_path / "lib")
    mined(tree, tmp_path / "run")
    (tree / "new.py").write_text("")
    (tree / "m00.py").unlink()
    (tree / "m01.py").write_text("x = 1")
    status, _, err = mine(tree, "--run-dir", tmp_path / "run")
    assert status == 2
    assert "1 files are new, 1 gone, 1 changed (m00.py, m01.py, new.py" in err


def bad_things(tree):
    """Everything a tree may hold that is no source code; returns what is counted."""
    (tree / "nul.py").write_bytes(b"x = 1\0\n")
    (tree / "latin.py").write_bytes("x = 'café'\n".encode("latin-1"))
    (tree / "declared.py").write_bytes("# -*- coding: latin-1 -*-\nx = 'café'\n".encode("latin-1"))
    (tree / "strange.py").write_bytes(b"# -*- coding: klingon -*-\n")
    (tree / "broken.py").write_text("x = = 1\n\n\n" + function(99, "keeps"))
    (tree / "packed.js").write_text("var a=1;" * 2000)
    (tree / "empty.py").write_text("")
    (tree / "loop").symlink_to(tree)
    os.mkfifo(tree / "pipe.py")
    with (tree / "huge.py").open("wb") as file:
        file.truncate(200_000_000)
    return {
        "binary": 1,
        "unknown encoding": 2,
        "minified": 1,
        "link inside the tree": 1,
        "no regular file": 1,
        "too large": 1,
    }


def test_bad_files_are_counted_named_and_skipped(tmp_path):
    tree = library(tmp_path / "lib")
    expected = bad_things(tree)
    result = mined(tree, tmp_path / "run")
    adds_up(result)
    skipped = result["files"]["skipped"]
    assert {reason: skip["files"] for reason, skip in skipped.items()} == expected
    assert sorted(skipped["unknown encoding"]["first"]) == ["latin.py", "strange.py"]
    assert result["files"]["mined"] == 30 + 3
    assert result["files"]["broken"] == 1 and result["files"]["broken_first"][0].startswith("broken.py:")
    assert result["kept"] == 240 + 1  # the rest of the broken file


def test_a_file_that_vanishes_or_turns_into_a_pipe_is_counted(tmp_path, monkeypatch):
    tree = library(tmp_path / "lib")
    walk = pipeline.walk

    def then_change(*given):
        found = walk(*given)
        (tree / "m00.py").unlink()
        (tree / "m01.py").unlink()
        os.mkfifo(tree / "m01.py")
        (tree / "m02.py").write_bytes(b"#" * 2_000_000)
        return found

    monkeypatch.setattr(pipeline, "walk", then_change)
    skipped = mined(tree, tmp_path / "run")["files"]["skipped"]
    assert skipped["unreadable (No such file or directory)"]["first"] == ["m00.py"]
    assert skipped["no regular file"]["first"] == ["m01.py"]
    assert skipped["too large"]["first"] == ["m02.py"]


def test_a_parser_that_fails_costs_one_file(tmp_path, monkeypatch):
    def failing(source, path, language):
        if path == "m07.py":
            raise RecursionError
        return languages.parse_file(source, path, language)

    monkeypatch.setattr(shards, "parse_file", failing)
    result = mined(library(tmp_path / "lib"), tmp_path / "run")
    assert result["files"]["skipped"]["the parser failed (RecursionError)"]["first"] == ["m07.py"]
    assert result["seen"] == 290


def test_a_parser_that_crashes_costs_one_file_when_files_are_parsed_apart(monkeypatch):
    def crashing(source, path, language):
        if path == "bad.py":
            os.kill(os.getpid(), signal.SIGKILL)
        return languages.parse_file(source, path, language)

    monkeypatch.setattr(shards, "parse_file", crashing)
    good = shards._parse_apart(module(1).encode(), "good.py", "python")
    assert isinstance(good, ParsedFile) and len(good.functions) == 10
    with pytest.raises(shards.Unusable, match="crashed"):
        shards._parse_apart(b"", "bad.py", "python")


def test_unknown_languages_and_missing_grammars_are_said_before_anything_is_read(tmp_path, monkeypatch):
    status, _, err = mine(tmp_path / "nowhere", "--languages", "python,cobol", "--run-dir", tmp_path / "run")
    assert status == 2 and "cobol" in err and "python" in err.split("known are")[1]
    monkeypatch.setitem(sys.modules, "tree_sitter_go", None)
    grammar.parser.cache_clear()  # what other tests have made
    status, _, err = mine(tmp_path / "nowhere", "--languages", "go", "--run-dir", tmp_path / "run")
    grammar.parser.cache_clear()
    assert status == 2 and "Go" in err and "nowhere" not in err
    assert not (tmp_path / "run").exists()


def test_languages_are_chosen_and_counted_apart(tmp_path):
    tree = library(tmp_path / "lib")
    (tree / "a.go").write_text(
        "package a\n\n// Add adds all numbers up.\nfunc Add(a int) int {\n\tb := a\n\treturn b\n}\n"
    )
    assert mined(tree, tmp_path / "go", "--languages", "go")["languages"].keys() == {"go"}
    both = mined(tree, tmp_path / "both", "--languages", "go,python")
    adds_up(both)
    assert {language: row["kept"] for language, row in both["languages"].items()} == {"python": 240, "go": 1}


def test_too_little_for_three_splits_loses_nothing(tmp_path):
    result = mined(library(tmp_path / "lib", modules=2), tmp_path / "run")
    adds_up(result)
    assert result["held_out"] is False
    assert result["sizes"] == {"train": 16, "dev": 0, "test": 0}
    assert len(read_pairs(tmp_path / "run" / "train.jsonl").pairs) == 16
    assert not (tmp_path / "run" / "dev").exists()
    _, out, _ = mine(tmp_path / "lib", "--run-dir", tmp_path / "run")
    assert "too few" in out and "--data.dev" not in out


def test_no_pair_at_all_is_a_result_and_no_source_at_all_an_error(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.py").write_text("def f(x):\n    return x\n")
    result = mined(tmp_path / "lib", tmp_path / "run", "--sample", 5)
    assert result["sizes"]["train"] == 0 and result["dropped"] == {"documented": 1}
    (tmp_path / "none").mkdir()
    status, _, err = mine(tmp_path / "none", "--run-dir", tmp_path / "other")
    assert status == 2 and "no source file" in err


def test_benchmarks_are_kept_out(tmp_path):
    tree = library(tmp_path / "lib")
    bench = tmp_path / "bench.jsonl"
    rows = [{"query": f"it {verb} the items of KIND{n} there", "document": "x y z"} for n in (0, 1) for verb in VERBS]
    copy = function(2, "adds").replace("    '''It adds the items of kind2 there.'''\n", "")
    bench.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"query": "unlike", "document": copy}]))
    result = mined(tree, tmp_path / "run", "--benchmarks", bench)
    adds_up(result)
    assert result["contaminated"]["benchmark bench: same query"] == 16
    assert result["contaminated"]["benchmark bench: near-duplicate code"] == 1
    status, _, err = mine(tree, "--run-dir", tmp_path / "other", "--benchmarks", tmp_path / "absent")
    assert status == 2 and "absent" in err


@pytest.mark.parametrize(("count", "by"), [(12, "repository"), (3, "folder")])
def test_many_repositories_are_split_by_repository(tmp_path, count, by):
    for number in range(count):
        folder = tmp_path / "all" / f"repo{number}"
        folder.mkdir(parents=True)
        git(folder, "init", "-q")
        (folder / "src").mkdir()
        for part in range(4):
            (folder / "src" / f"m{part}.py").write_text(module(10 * number + part))
    config = ["--corpus.dev-share", "0.3", "--corpus.test-share", "0.3"]
    result = mined(tmp_path / "all", tmp_path / "run", *config)
    adds_up(result)
    assert (result["split_by"], result["repositories"]["count"]) == (by, count)
    pairs = read_pairs(tmp_path / "run" / "train.jsonl").pairs
    assert all(pair.extra["path"].startswith("src/m") and pair.extra["repo"].startswith("repo") for pair in pairs)
    if by == "repository":
        assert all(pair.extra["group"] == pair.extra["repo"] for pair in pairs)
    other = "folder" if by == "repository" else "repository"
    assert mined(tmp_path / "all", tmp_path / "other", "--group", other, *config)["split_by"] == other


def test_a_git_url_is_fetched_and_its_commit_recorded(tmp_path):
    upstream = library(tmp_path / "upstream")
    git(upstream, "init", "-q")
    git(upstream, "add", ".")
    git(upstream, "commit", "-qm", "one")
    commit = git(upstream, "rev-parse", "HEAD")
    status, out, _ = mine(upstream.as_uri(), "--run-dir", tmp_path / "run", "--dry-run")
    assert status == 0 and commit in out and not (tmp_path / "run").exists()
    result = mined(upstream.as_uri(), tmp_path / "run")
    assert (result["commit"], result["repositories"]["first"][0]["name"]) == (commit, "upstream")
    assert result["kept"] == 240
    status, _, err = mine((tmp_path / "none").as_uri(), "--run-dir", tmp_path / "other")
    assert status == 2 and "repository" in err


def test_a_dry_run_parses_nothing(tmp_path, monkeypatch):
    tree = library(tmp_path / "lib")
    bad_things(tree)
    monkeypatch.setattr(shards, "parse_file", None)
    status, out, _ = mine(tree, "--run-dir", tmp_path / "run", "--dry-run")
    assert status == 0 and "python" in out and "huge.py (200,000,000 bytes)" in out
    assert not (tmp_path / "run").exists()


def test_the_sample_shows_pairs_and_rejects_by_rule(tmp_path):
    tree = library(tmp_path / "lib")
    mined(tree, tmp_path / "run", "--sample", "10")
    text = (tmp_path / "run" / "sample.md").read_text()
    kept, rejected = text.split("## Rejected")
    assert kept.count("\n### ") == rejected.count("\n### ") == 10
    assert rejected.count("documented: m") == rejected.count("enough_code: m") == 5
    mined(tree, tmp_path / "again", "--sample", "10")
    assert (tmp_path / "again" / "sample.md").read_text() == text


def test_a_source_is_required_and_a_file_is_none(tmp_path):
    with pytest.raises(ConfigError, match="source is required"):
        parse(MinePairsConfig, [], prog="x")
    (tmp_path / "file.py").write_text("")
    for source in ("absent", "file.py"):
        status, _, err = mine(tmp_path / source, "--run-dir", tmp_path / "run")
        assert status == 2 and source in err
    status, _, err = mine(tmp_path, "--ref", "main", "--run-dir", tmp_path / "run2")
    assert status == 2 and "--ref" in err


def test_help_says_what_the_argument_is(capsys):
    with pytest.raises(SystemExit):
        parse(MinePairsConfig, ["--help"], prog="python -m jobs.mine_pairs")
    said = capsys.readouterr().out
    assert "[SOURCE]" in said and "--no-gitignore" in said


def test_a_tree_inside_an_ignored_folder_of_a_repository_is_mined(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("env/\n")
    assert mined(library(tmp_path / "env" / "lib"), tmp_path / "run")["seen"] == 300
