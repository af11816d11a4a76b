import codecs
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.corpora.mining import grammar
from common.corpora.mining.languages import EXTENSIONS, GRAMMARS, LANGUAGES, language_of, parse_file
from common.errors import DataError, UserError

GOOD = {  # a good function, a broken one, a good one
    ".py": ("def good():\n    return 1\n", "def bad():\n    return 1 +* 2\n", "def last():\n    return 2\n"),
    ".rb": ("def good\n  1\nend\n", "def bad\n  (1 +\nend\n", "def last\n  2\nend\n"),
    ".php": (
        "function good() { return 1; }\n",
        "function bad() { return (1 +* ; }\n",
        "function last() { return 2; }\n",
    ),
    ".js": ("function good() { return 1 }\n", "function bad() { return (1 + ; }\n", "function last() { return 2 }\n"),
    ".go": ("func good() int { return 1 }\n", "func bad() int { return (1 +* ) }\n", "func last() int { return 2 }\n"),
    ".java": ("int good() { return 1; }\n", "int bad() { return 1 +* ; }\n", "int last() { return 2; }\n"),
}
GOOD |= {".ts": GOOD[".js"], ".tsx": GOOD[".js"], ".jsx": GOOD[".js"]}
GOOD |= dict.fromkeys((".c", ".h", ".cpp", ".cs"), GOOD[".java"])
AROUND = {
    ".java": ("class A {\n", "}\n"),
    ".cs": ("class A {\n", "}\n"),
    ".php": ("<?php\n", ""),
    ".go": ("package x\n", ""),
}
EACH = pytest.mark.parametrize("extension", GOOD)


def source_of(extension, *parts):
    before, after = AROUND.get(extension, ("", ""))
    return before + "".join(parts) + after


def parsed(source, extension):
    return parse_file(source, "a" + extension, EXTENSIONS[extension])


@EACH
def test_a_broken_function_is_left_out_and_its_neighbours_stay(extension):
    good, bad, last = GOOD[extension]
    found = parsed(source_of(extension, good, bad, last).encode(), extension)
    assert [function.name for function in found.functions] == ["good", "last"]
    line = source_of(extension, good, bad, last)[: source_of(extension, good, bad).rindex("bad")].count("\n") + 1
    assert found.broken_line is not None and found.broken_line <= line + 2


@EACH
def test_encodings_and_line_ends_make_no_difference(extension):
    text = source_of(extension, GOOD[extension][0], GOOD[extension][2])
    plain = parsed(text.encode(), extension)
    assert [function.name for function in plain.functions] == ["good", "last"]
    assert plain.broken_line is None
    variants = [codecs.BOM_UTF8 + text.encode(), text.replace("\n", "\r\n").encode(), text.replace("\n", "\r").encode()]
    if extension != ".py":  # Python itself takes no UTF-16
        variants += [text.encode("utf-16"), codecs.BOM_UTF16_BE + text.encode("utf-16-be")]
    for variant in variants:
        assert parsed(variant, extension) == plain


@EACH
def test_other_encodings_are_refused(extension):
    text = source_of(extension, GOOD[extension][0]) + ("# é" if extension in (".py", ".rb") else "// é")
    with pytest.raises(DataError, match=rf"a\{extension}: cannot be decoded"):
        parsed(text.encode("latin-1"), extension)
    with pytest.raises(DataError, match="cannot be decoded"):
        parsed(codecs.BOM_UTF16_LE + b"a", extension)


@EACH
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_is_in_a_file_it_is_read_or_refused(extension, data):
    """Pieces of good source in any order and random bytes: nothing but `DataError`, and nothing is made up."""
    pieces = st.sampled_from([
        *GOOD[extension], "/** Does it. */\n", "/// Does it.\n", "# Does it.\n", "}\n", "{", "(", "'", '"', "<p>",
        "class B {\n", "\n", "é😀", "/*", "end\n", "export ", "template <class T>\n", "const f = ", "a.b = {", ")()",
        "@x\n", "\x00",
    ])  # fmt: skip
    source = data.draw(st.one_of(st.binary(max_size=60), st.lists(pieces, max_size=14).map("".join).map(str.encode)))
    try:
        found = parsed(source, extension)
    except DataError:
        return
    lines = source.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for function in found.functions:
        assert 1 <= function.start_line <= function.end_line <= len(lines)
        assert function.code.split("\n")[0].strip() in lines[function.start_line - 1]
        there = {line.strip() for line in lines[function.start_line - 1 : function.end_line]}
        for line in function.code.split("\n")[1:-1]:
            assert line.strip() in there or extension == ".py"
        assert all(word in source.decode() for word in function.documentation.split())


@pytest.mark.parametrize(
    ("body", "stub"),
    [
        ("", True), ("// later\n", True), ("throw new NotImplementedException();", True),
        ("throw new UnsupportedOperationException();", True), ('throw new Error("TODO");', True),
        ('return fail("not implemented");', True), ("return todo;", False), ("return 1;", False),
        ('throw new Error("no such key");', False), ('log(); throw new Error("not implemented");', False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("extension", [".java", ".cs", ".cpp"])
def test_stubs(extension, body, stub):
    (found,) = parsed(f"class A {{\n  int f() {{ {body} }}\n}};\n".encode(), extension).functions
    assert found.is_stub is stub


@pytest.mark.parametrize("title", [*[grammar.title for grammar in GRAMMARS], "Python"])
def test_a_missing_grammar_is_an_error_that_names_language_and_remedy(monkeypatch, title):
    names = {grammar.title: (grammar.language, grammar.package) for grammar in GRAMMARS}
    language, package = names.get(title, ("python", "tree-sitter-python"))
    monkeypatch.setitem(sys.modules, package.replace("-", "_"), None)
    grammar.parser.cache_clear()
    with pytest.raises(UserError) as raised:
        parse_file(b"", "a", language)
    assert f"grammar for {title} " in raised.value.message
    assert f"pip install {package}" in raised.value.remedy


def test_an_unknown_language_is_an_error_that_names_those_known():
    with pytest.raises(UserError, match="'cobol'") as raised:
        parse_file(b"", "a.cob", "cobol")
    assert all(language in raised.value.remedy for language in LANGUAGES)


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a/b.py", "python"), ("A.java", "java"), ("a.mjs", "javascript"), ("a.cjs", "javascript"),
        ("a.jsx", "javascript"), ("a.test.ts", "typescript"), ("a.mts", "typescript"), ("a.cts", "typescript"),
        ("a.tsx", "typescript"), ("a.go", "go"), ("a.rb", "ruby"), ("a.rake", "ruby"), ("a.php", "php"), ("a.c", "c"),
        ("a.h", "c"), ("a.cc", "cpp"), ("a.cpp", "cpp"), ("a.cxx", "cpp"), ("a.hpp", "cpp"), ("a.hh", "cpp"),
        ("a.hxx", "cpp"), ("a.C", "cpp"), ("A.CPP", "cpp"), ("a.cs", "csharp"), ("a.pyi", None), ("a.d.ts", None),
        ("a.txt", None), ("Makefile", None), (".py", None), ("a.py/b", None),
    ],
)  # fmt: skip
def test_languages_by_file_name(path, language):
    assert language_of(path) == language


def test_no_two_grammars_claim_an_extension_and_all_are_installed():
    extensions = [extension for grammar in GRAMMARS for extension in grammar.extensions]
    assert len(set(extensions)) == len(extensions)
    for extension, language in EXTENSIONS.items():
        assert parse_file(b"", "a" + extension, language).functions == ()
