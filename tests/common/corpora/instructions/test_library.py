"""The standard library for tuning."""

import ast
import warnings

from common.corpora.config import CorpusConfig
from common.corpora.instructions import library
from common.corpora.instructions.library import signature
from tests.common.corpora.instructions.sets import accounts_for_all, everything, load
from tests.common.corpora.sources.layouts import write


def test_the_header_on_one_line():
    assert signature("@a\nasync def f(x: int,\n    *, y='b:c') -> list[int]:\n    # why\n    return x\n") == (
        "async def f(x: int, *, y='b:c') -> list[int]:"
    )
    assert signature("def f(self): return 1") == "def f(self):"
    assert signature("x = 1") is None
    assert signature("def f(:") is None


def test_the_corpus_becomes_tasks(corpus, monkeypatch):
    """Of the default configuration, which is the search corpus': mined once for all tests."""

    def mined(config, folder):
        assert (config, folder) == (CorpusConfig(), None)
        return corpus

    monkeypatch.setattr(library, "stdlib_corpus", mined)
    sets = load("stdlib")
    assert len(sets.train) == len(corpus.train)
    assert len(sets.dev) == corpus.report.sizes["dev"] and len(sets.tests["stdlib"]) == corpus.report.sizes["test"]
    assert accounts_for_all(sets.report.sources["stdlib"])
    for split, its in {"train": sets.train, "dev": sets.dev, "test": sets.tests["stdlib"]}.items():
        assert {e.extra["module"] for e in its} <= {*corpus.report.groups[split]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for example in everything(sets)[::7]:
            told, head = example.instruction.split("\n")
            (function,) = ast.parse(example.code).body
            assert signature(example.code) == head and function.name in head
            assert told and ast.get_docstring(function) is None


def test_another_folder_and_seed(tmp_path):
    for n in range(40):
        functions = []
        for k in range(2):
            head = f'def sum_{k}_{n}(a):\n    """Add the numbers {k} and {n} to it."""\n'
            functions.append(
                head + "".join(f"    t{k}{n} += first{i}_{n} * {k}\n" for i in range(3)) + "    return a\n"
            )
        write(tmp_path / f"module{n}.py", "".join(functions))
    options = {"folder": tmp_path, "dev_share": 0.2, "test_share": 0.2}
    sets = load("stdlib", stdlib=options, near_duplicate_threshold=1.0)
    assert {e.extra["module"] for e in everything(sets)} <= {f"module{n}" for n in range(40)}
    other = load("stdlib", stdlib={**options, "seed": 1}, near_duplicate_threshold=1.0)
    assert other.report.fingerprint != sets.report.fingerprint
