"""The standard library for tuning: from its documentation and signature to the function.

The instruction is the documentation's first paragraph and below it the signature on one line; the answer is the whole
function without its docstring. Without the signature nobody could know the name and the parameters that the answer is
compared by; without the documentation above it nobody could know what to do. Modules are held out as in the search
corpus, so that an adapter for search and one for generation of the same seed have seen the same code.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from common.corpora.beir import RetrievalSet
from common.corpora.config import CorpusConfig
from common.corpora.instructions.config import StdlibOptions
from common.corpora.instructions.record import Example
from common.corpora.instructions.source import Found
from common.corpora.pairs import Pair
from common.corpora.stdlib import stdlib_corpus

NAME = "stdlib"


def open_stdlib(options: StdlibOptions) -> Found:
    """Train, dev and the test set `stdlib`. Raises `DataError` like `stdlib_corpus`."""
    shares = CorpusConfig(seed=options.seed, dev_share=options.dev_share, test_share=options.test_share)
    corpus = stdlib_corpus(shares, options.folder)
    found = Found(NAME)
    found.read = corpus.report.seen
    found.dropped.update(corpus.report.dropped)
    found.dropped["exact duplicates"] = corpus.report.exact_duplicates
    found.dropped["near-duplicates"] = corpus.report.near_duplicates
    found.dropped.update({f"leak in {reason}": count for reason, count in corpus.report.contaminated.items()})
    found.train = _examples(found, corpus.train)
    found.dev = _examples(found, _pairs(corpus.dev))
    found.tests[NAME] = _examples(found, _pairs(corpus.test))
    return found


def _pairs(retrieval: RetrievalSet) -> Iterator[Pair]:
    for query, judged in retrieval.qrels.items():
        for key in judged:
            document = retrieval.documents[key]
            yield Pair(retrieval.queries[query], document.text, "python", document.metadata)


def _examples(found: Found, pairs: Iterator[Pair] | tuple[Pair, ...]) -> list[Example]:
    examples = []
    for pair in pairs:
        head = signature(pair.document)
        if head is None:
            found.dropped["no function of this Python"] += 1
            continue
        where = pair.extra
        name = f"{NAME}/{where['path']}:{where['start_line']}"
        kept = {key: where[key] for key in ("path", "symbol", "module")}
        examples.append(Example(name, f"{pair.query}\n{head}", pair.document, extra=kept))
    return examples


def signature(code: str) -> str | None:
    """The header of the function that the code defines, on one line, without decorators; None where it does not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError):
        return None
    if not body or not isinstance(body[0], ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    node = body[0]
    start = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{start} {node.name}({ast.unparse(node.args)}){returns}:"
