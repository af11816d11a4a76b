import ast
import inspect
import statistics
from pathlib import Path

import pytest

from common.corpora.mining.python import extract_functions, parse_file
from common.errors import DataError

SOURCE = '''
import os

@decorated(1)
async def fetch(a, b: int, *args, c=1, d: str = "x", **rest):
    # before
    r"""Fetch é \\d things.

    More,
        indented.
    """

    def inner():
        """Inner."""
    return """not the documentation"""


class Outer:
    """Of the class."""

    class Inner:
        def method(self):
            "One" " line."; return 1

    def only(self):
        """Nothing else."""

    @property
    def undocumented(self):
        text = """
flush left
"""
        return text


if os.name == "nt":
    def system(): """Windows."""
else:
    def system():
        f"""Not documentation {1}"""
        return 2
'''


def functions():
    return {(f.symbol, f.start_line): f for f in extract_functions(SOURCE.encode(), "pkg/mod.py")}


def test_functions_and_methods_are_found_in_source_order_with_their_lines():
    found = [(f.symbol, f.start_line, f.end_line) for f in extract_functions(SOURCE.encode(), "pkg/mod.py")]
    assert found == [
        ("fetch", 4, 15), ("Outer.Inner.method", 22, 23), ("Outer.only", 25, 26), ("Outer.undocumented", 28, 33),
        ("system", 37, 37), ("system", 39, 41),
    ]  # fmt: skip


def test_documentation_leaves_the_code_and_is_cleaned():
    fetch = functions()["fetch", 4]
    assert fetch.documentation == "Fetch é \\d things.\n\nMore,\n    indented."
    assert fetch.code == (
        '@decorated(1)\nasync def fetch(a, b: int, *args, c=1, d: str = "x", **rest):\n    # before\n'
        '    def inner():\n        """Inner."""\n    return """not the documentation"""'
    )
    assert fetch.parameters == ("a", "b", "*args", "c", "d", "**rest")
    method = functions()["Outer.Inner.method", 22]
    assert (method.documentation, method.code) == ("One line.", "def method(self):\n    return 1")


def test_without_documentation_the_code_is_only_dedented():
    plain = functions()["Outer.undocumented", 28]
    assert plain.documentation == ""
    assert plain.code == '@property\ndef undocumented(self):\n    text = """\nflush left\n"""\n    return text'
    assert functions()["system", 39].documentation == ""


def test_a_body_of_documentation_alone_becomes_a_stub():
    only = functions()["Outer.only", 25]
    assert (only.code, only.is_stub) == ("def only(self):\n    pass", True)
    assert functions()["system", 37].code == "def system(): pass"
    assert not functions()["fetch", 4].is_stub


@pytest.mark.parametrize("body", ["pass", "...", "raise NotImplementedError", "raise NotImplementedError('x')"])
def test_stubs(body):
    (found,) = extract_functions(f'def f():\n    """Doc."""\n    {body}\n'.encode(), "f.py")
    assert found.is_stub


def test_a_broken_function_is_left_out_and_its_neighbours_stay():
    source = (
        b"def good():\n    return 1\n\ndef bad():\n    return (1 +\n\nclass C:\n    def fine(self):\n        return 2\n"
    )
    whole = b"class C:\n    def bad(self):\n        return 1 +* 2\n    def fine(self):\n        return 2\n"
    assert "bad" not in [f.symbol for f in extract_functions(source, "f.py")]
    assert [f.symbol for f in extract_functions(source, "f.py")][:1] == ["good"]
    parsed = parse_file(whole, "f.py")
    assert [f.symbol for f in parsed.functions] == ["C.fine"]
    assert parsed.broken_line == 3
    assert parse_file(b"x = 1\n", "f.py").broken_line is None


def test_declared_encodings_and_line_ends():
    latin = '# -*- coding: latin-1 -*-\r\ndef f():\r\n    "Grüße"\r\n    return 1\r\n'.encode("latin-1")
    (found,) = extract_functions(latin, "f.py")
    assert (found.documentation, found.code, found.start_line) == ("Grüße", "def f():\n    return 1", 2)
    (marked,) = extract_functions(b"\xef\xbb\xbfdef f():\n    return 1\n", "f.py")
    assert marked.symbol == "f"


@pytest.mark.parametrize("source", [b"x = '\xff'\n", b"# coding: no-such-thing\n"])
def test_what_cannot_be_decoded_is_named(source):
    with pytest.raises(DataError, match=r"pkg/f\.py: cannot be decoded"):
        extract_functions(source, "pkg/f.py")


def test_roles_of_restructuredtext_are_reduced_to_their_text():
    source = b'def f():\n    """Use :func:`g` of :class:`~a.b.C` or :py:meth:`this one <a.B.c>`."""\n    return 1\n'
    (found,) = extract_functions(source, "f.py")
    assert found.documentation == "Use g of C or this one."


def test_code_of_the_standard_library_still_parses(corpus):
    for pair in corpus.train:
        compile(pair.document, pair.extra["path"], "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_documentation_is_what_python_itself_finds():
    found = {f.symbol: f for f in extract_functions(Path(statistics.__file__).read_bytes(), "statistics.py")}
    documented = [name for name, f in found.items() if f.documentation and "." not in name]
    assert len(documented) > 10
    for name in documented:
        assert inspect.getdoc(getattr(statistics, name)) == found[name].documentation
