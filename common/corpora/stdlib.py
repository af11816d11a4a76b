"""The corpus that every machine has: the standard library of the interpreter that runs this.

Split by top-level module (`email`, `asyncio`, `argparse`), as CodeSearchNet splits by repository. Two interpreters of
one version give the same corpus where their library folders hold the same files; the fingerprint tells.
"""

from __future__ import annotations

import os
import platform
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from common.corpora.config import CorpusConfig
from common.corpora.mining.functions import Function
from common.corpora.mining.python import parse_file
from common.corpora.search_corpus import SearchCorpus, Source, build_corpus
from common.errors import DataError

# Tests, other people's code, and what belongs to single applications; `config-*` and `lib-dynload` hold no library.
SKIPPED = frozenset({
    "test", "tests", "idle_test", "site-packages", "dist-packages", "idlelib", "lib2to3", "turtledemo", "ensurepip",
    "pydoc_data", "lib-dynload", "__pycache__", "__phello__", "_vendor", "_vendored", "_bundled",
})  # fmt: skip


def stdlib_corpus(config: CorpusConfig | None = None, folder: Path | None = None) -> SearchCorpus:
    """Mine `folder`, by default the standard library of this interpreter.

    Files that cannot be decoded or parsed are named in the report. Raises `DataError` where there is no source, or
    too little for three splits.
    """
    config = config or CorpusConfig()
    folder = folder or Path(sysconfig.get_paths()["stdlib"])
    files = list(source_files(folder))
    if not files:
        raise DataError(
            folder, None, None, "no Python source of a standard library here", "use an interpreter that carries its own"
        )
    functions: list[tuple[str, Function]] = []
    broken: list[str] = []
    for path in files:
        try:
            parsed = parse_file((folder / path).read_bytes(), path)
        except (DataError, OSError) as error:
            broken.append(error.message if isinstance(error, DataError) else f"{path}: {error.strerror}")
            continue
        if parsed.broken_line is not None:
            broken.append(f"{path}:{parsed.broken_line}: syntax error")
        functions += [(top_module(path), function) for function in parsed.functions]
    corpus = build_corpus(functions, config, Source("stdlib", len(files), tuple(broken), platform.python_version()))
    if not (corpus.train and corpus.dev.queries and corpus.test.queries):
        raise DataError(
            folder, None, None, f"too little documented code for three splits: {dict(corpus.report.sizes)}",
            "choose other shares",
        )  # fmt: skip
    return corpus


def source_files(folder: Path) -> Iterator[str]:
    """Paths of the library's modules, relative with `/`, in the same order on every file system."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("config-"))
        for name in sorted(files):
            if name.endswith(".py"):
                yield (Path(parent) / name).relative_to(folder).as_posix()


def top_module(path: str) -> str:
    """`email` of `email/mime/text.py`, `argparse` of `argparse.py`."""
    return path.split("/", 1)[0].removesuffix(".py")
