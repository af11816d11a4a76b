"""`jobs.build_index` on small trees, with an embedder without a model."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from common.cli import run
from common.errors import UserError
from common.retrieval.searcher import Searcher
from common.retrieval.store import Store
from jobs.build_index import JOB
from jobs.indexing import pipeline
from jobs.indexing.checking import check_index
from jobs.indexing.config import BuildIndexConfig
from tests.hashed import hashed

ONE = hashed()
PYTHON = '''"""Reading and writing of small files."""


class Reader:
    """Reads rows."""

    def rows(self, path):
        """All rows of a csv file."""
        return list(open(path))


def write_rows(path, rows):
    with open(path, "w") as file:
        file.writelines(rows)
'''
GO = """package net

// CloseSocket closes the connection of a socket.
func CloseSocket(s *Socket) error {
	return s.conn.Close()
}
"""


@pytest.fixture
def tree(tmp_path) -> Path:
    root = tmp_path / "tree"
    write(root / "io" / "rows.py", PYTHON)
    write(root / "net" / "socket.go", GO)
    write(root / "tests" / "test_rows.py", "def test_rows():\n    assert rows() == [1]\n")
    write(root / "node_modules" / "other.js", "function other() { return 1; }\n")
    return root


@pytest.fixture
def encoded(monkeypatch) -> list[str]:
    """The texts that have been encoded since."""
    texts: list[str] = []

    class Counting(type(ONE)):
        def encode(self, encoder, given, kind, label=""):
            texts.extend(given)
            return super().encode(encoder, given, kind, label)

    monkeypatch.setattr(pipeline, "embedders_of", lambda config: [Counting(ONE.space)])
    return texts


def write(file: Path, text: str | bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())


def build(tree, **more):
    return pipeline.build_index(BuildIndexConfig(source=tree, run_dir=tree.parent / "index", **more))


def symbols(folder):
    with closing(Store.open(folder)) as store:
        return {f"{path}:{symbol}" for path, symbol in store.query("SELECT path, symbol FROM units")}


def test_functions_methods_classes_and_module_documentation_are_units(tree, encoded):
    result = build(tree)
    assert symbols(tree.parent / "index") == {
        "io/rows.py:rows", "io/rows.py:Reader", "io/rows.py:Reader.rows", "io/rows.py:write_rows",
        "net/socket.go:CloseSocket", "tests/test_rows.py:test_rows",
    }  # fmt: skip
    assert result["parsed_units"] == {"module": 1, "class": 1, "method": 1, "function": 3}
    assert result["changes"] == {"new": 3, "changed": 0, "gone": 0, "same": 0}
    assert result["skipped"]["vendored"]["folders"] == 1
    assert len(encoded) == result["texts"] == 6
    assert json.loads((tree.parent / "index" / "result.json").read_text("utf-8")) == result
    with closing(Searcher(tree.parent / "index")) as searcher:
        hit = searcher.search("close a socket connection", ONE.query(None, "close a socket connection"))[0]
        assert (hit.path, hit.start_line, hit.end_line, hit.language) == ("net/socket.go", 3, 6, "go")
        assert hit.source.startswith("// CloseSocket closes") and hit.source.endswith("}")
        assert searcher.root == tree


def test_only_what_has_changed_is_encoded_again(tree, encoded):
    build(tree)
    encoded.clear()
    write(tree / "io" / "rows.py", PYTHON.replace("list(open(path))", "sorted(open(path))") + "\n\n# the end\n")
    (tree / "net" / "socket.go").unlink()
    write(tree / "new.py", "def brand_new(x):\n    return x + 1\n")
    result = build(tree)
    assert result["changes"] == {"new": 1, "changed": 1, "gone": 1, "same": 1}
    assert sorted(text.split("(")[0].split()[-1] for text in encoded) == ["brand_new", "rows"]
    assert "net/socket.go:CloseSocket" not in symbols(tree.parent / "index")
    assert result["generation"] == 2


def test_a_build_of_an_unchanged_tree_does_nothing(tree, encoded):
    build(tree)
    files = {file: file.stat().st_mtime_ns for file in (tree.parent / "index" / "derived").rglob("*")}
    encoded.clear()
    result = build(tree)
    assert (result["generation"], result["changes"]["same"], encoded) == (1, 3, [])
    assert {file: file.stat().st_mtime_ns for file in (tree.parent / "index" / "derived").rglob("*")} == files


def test_a_moved_unit_is_found_at_its_new_lines_without_encoding(tree, encoded):
    build(tree)
    encoded.clear()
    write(tree / "net" / "socket.go", "\n\n\n" + GO)
    build(tree)
    with closing(Searcher(tree.parent / "index")) as searcher:
        assert searcher.search("socket", None)[0].start_line == 6
    assert encoded == []


def test_broken_and_binary_files_are_counted_and_named_and_cost_no_other(tree, encoded):
    write(tree / "broken.py", "def fine():\n    return 1\n\n\ndef broken(:\n    return\n")
    write(tree / "binary.py", b"\0\1\2")
    result = build(tree)
    assert result["skipped"]["binary"]["first"] == ["binary.py"]
    assert result["broken"] == {"files": 1, "first": ["broken.py:5"]}
    assert "broken.py:fine" in symbols(tree.parent / "index")


def test_other_encodings_are_read_as_the_files_say(tree, encoded):
    write(tree / "latin.py", "# -*- coding: latin-1 -*-\ndef grüße(x):\n    return 'ä' + x\n".encode("latin-1"))
    write(tree / "old.c", "/* größer */\nint groesser(int a) { return a + 1; }\n".encode("cp1252"))
    build(tree)
    with closing(Searcher(tree.parent / "index")) as searcher:
        assert searcher.search("grüße", None)[0].source == "def grüße(x):\n    return 'ä' + x"
        assert searcher.search("groesser", None)[0].source.startswith("/* größer */\nint groesser")


def test_a_file_that_has_become_binary_is_indexed_no_longer(tree, encoded):
    build(tree)
    write(tree / "io" / "rows.py", b"\0\1\2")
    result = build(tree)
    assert result["changes"]["gone"] == 1
    assert not any(symbol.startswith("io/") for symbol in symbols(tree.parent / "index"))


def test_an_interrupted_build_goes_on_and_encodes_nothing_twice(tree, encoded, monkeypatch):
    kept = Store.put_vectors

    def full(*given):
        kept(*given)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "put_vectors", full)
    monkeypatch.setattr("jobs.indexing.embedding.BATCH_TEXTS", 2)
    with pytest.raises(OSError):
        build(tree)
    with pytest.raises(UserError, match="not been built to its end"):
        Searcher(tree.parent / "index")
    monkeypatch.setattr(Store, "put_vectors", kept)
    build(tree)
    assert len(encoded) == 6 and len(set(encoded)) == 6
    assert check_index(tree.parent / "index")["faults"] == []


def test_a_second_writer_is_refused(tree, encoded, monkeypatch):
    from common.runs import RunFolder

    monkeypatch.setattr(pipeline, "PATIENCE", 0.0)
    config = BuildIndexConfig(source=tree, run_dir=tree.parent / "index")
    with RunFolder.open(tree.parent / "index", config), pytest.raises(UserError, match="another process is working"):
        build(tree)


def test_a_repair_beside_a_writer_is_refused_and_a_check_is_not(tree, encoded):
    from common.runs import lock_folder
    from jobs.check_index import CheckIndexConfig, main

    build(tree)
    folder = tree.parent / "index"
    with lock_folder(folder):
        assert main(CheckIndexConfig(index=folder))["faults"] == []
        with pytest.raises(UserError, match="another process is working"):
            main(CheckIndexConfig(index=folder, repair=True))
    assert main(CheckIndexConfig(index=folder, repair=True))["faults"] == []


def test_another_folder_s_index_is_not_overwritten(tree, encoded, tmp_path):
    build(tree)
    write(tmp_path / "other" / "a.py", "def a():\n    return 1\n")
    with pytest.raises(UserError, match="source"):
        pipeline.build_index(BuildIndexConfig(source=tmp_path / "other", run_dir=tree.parent / "index"))


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([], "source is required"),
        (["{tree}/none"], "does not exist"),
        (["{tree}/io/rows.py"], "is no folder"),
        (["{tree}", "--languages", "cobol"], "cobol"),
        (["{tree}", "--languages", "rust"], "rust"),
        (["{tree}", "--languages", "ruby"], "no source file in ruby to index here"),
        (["{tree}", "--adapters", "{tree}"], "is no adapter"),
        (["{tree}", "--dimensions", "64"], "was not trained to be cut"),
    ],
)
def test_bad_input_is_one_sentence(tree, argv, told, capsys):
    given = [part.format(tree=tree) for part in argv]
    assert run(JOB, [*given, "--run-dir", str(tree.parent / "index")]) == 2
    assert told in capsys.readouterr().err


def test_a_dry_run_says_what_would_be_done_and_does_nothing(tree, encoded, capsys):
    argv = [str(tree), "--run-dir", str(tree.parent / "index")]
    assert run(JOB, [*argv, "--dry-run"]) == 0
    assert "python" in capsys.readouterr().out and not (tree.parent / "index").exists()
    build(tree)
    write(tree / "new.py", "def brand_new(x):\n    return x + 1\n")
    assert run(JOB, [*argv, "--dry-run"]) == 0
    assert "1 new, 0 changed, 0 gone, 3 as before" in capsys.readouterr().out
    assert encoded and "new.py:brand_new" not in symbols(tree.parent / "index")


def test_the_summary_tells_what_happened(tree, encoded, capsys):
    write(tree / "binary.py", b"\0\1\2")
    assert run(JOB, [str(tree), "--run-dir", str(tree.parent / "index")]) == 0
    out = capsys.readouterr().out
    assert "1 module docs, 1 classes, 1 methods, 3 functions" in out
    assert "3 files, 6 units" in out and "left out, binary: 1 files: binary.py" in out
    assert "jobs.search_code" in out
