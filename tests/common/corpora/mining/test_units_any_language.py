import codecs
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.corpora.mining import grammar
from common.corpora.mining.languages import EXTENSIONS, GRAMMARS, parse_file
from common.corpora.mining.units import units_of
from common.errors import DataError, UserError
from tests.common.corpora.mining.test_units import CSHARP, JAVA, PYTHON
from tests.common.corpora.mining.test_units_c_and_javascript import CPP, JS, TS, C
from tests.common.corpora.mining.test_units_go_php_ruby import GO, PHP, RUBY

SOURCES = {
    ".py": PYTHON, ".java": JAVA, ".cs": CSHARP, ".php": PHP, ".go": GO,
    ".rb": RUBY, ".js": JS, ".ts": TS, ".c": C, ".cpp": CPP,
}  # fmt: skip
CLASSES = {  # a good class, a broken one, a good one
    ".py": ("class Good:\n    x = 1\n", "class Bad:\n    x = 1 +* 2\n", "class Last:\n    x = 2\n"),
    ".rb": ("class Good\n  X = 1\nend\n", "class Bad\n  X = (1 +* )\nend\n", "class Last\n  X = 2\nend\n"),
    ".go": ("type Good struct{ x int }\n", "type Bad struct{ x +* }\n", "type Last struct{ y int }\n"),
    ".php": ("class Good { const X = 1; }\n", "class Bad { const X = 1 +* ; }\n", "class Last { const X = 2; }\n"),
    ".js": ("class Good { x = 1 }\n", "class Bad { x = (1 +* ; }\n", "class Last { x = 2 }\n"),
    ".java": ("class Good { int x; }\n", "class Bad { int x = 1 +* ; }\n", "class Last { int x; }\n"),
    ".c": ("struct Good { int x; };\n", "struct Bad { int x +* ; };\n", "struct Last { int x; };\n"),
}
CLASSES |= {".ts": CLASSES[".js"], ".cs": CLASSES[".java"], ".cpp": CLASSES[".c"]}
HEAD = {".php": "<?php\n", ".go": "package x\n"}
LINE = {".py": "x = 1\n", ".rb": "X1 = 1\n", ".php": "$x = 1;\n", ".go": "var x = 1\n", ".cs": "using A;\n"}
LINE |= {".java": "import a.b;\n", ".c": "int x1;\n", ".cpp": "int x1;\n", ".js": "go();\n", ".ts": "go();\n"}
EACH = pytest.mark.parametrize("extension", SOURCES)


def found(source, extension, name="a"):
    return units_of(source if isinstance(source, bytes) else source.encode(), name + extension, EXTENSIONS[extension])


def test_all_languages_are_tried():
    assert {EXTENSIONS[extension] for extension in SOURCES} == {*(g.language for g in GRAMMARS), "python"}


@EACH
def test_functions_are_those_of_mining_without_undocumented_stubs(extension):
    source = SOURCES[extension].encode()
    mined = parse_file(source, "a" + extension, EXTENSIONS[extension]).functions
    kept = {(f.symbol, f.code, f.documentation) for f in mined if f.documentation or not f.is_stub}
    units = {
        (u.symbol, u.code, u.documentation) for u in found(source, extension).units if u.kind in ("function", "method")
    }
    assert kept
    if extension == ".js":  # classes in classes, and parts of `a = …, b = …`, are looked at for units only
        kept = {function for function in kept if not function[0].startswith("first.")}
        units = {unit for unit in units if not unit[0].startswith(("first.", "Store.Part."))}
    assert units == kept


@EACH
def test_encodings_and_line_ends_make_no_difference(extension):
    text = SOURCES[extension]
    plain = found(text, extension)
    variants = [codecs.BOM_UTF8 + text.encode(), text.replace("\n", "\r\n").encode(), text.replace("\n", "\r").encode()]
    if extension != ".py":  # Python itself takes no UTF-16
        variants += [text.encode("utf-16"), codecs.BOM_UTF16_BE + text.encode("utf-16-be")]
    for variant in variants:
        assert found(variant, extension) == plain


@EACH
def test_old_encodings_of_the_west_are_read(extension):
    comment = "#" if extension in (".py", ".rb") else "//"
    text = HEAD.get(extension, "") + f"{comment} Größe – “eins”\n" + CLASSES[extension][0]
    if extension == ".py":
        text = "# -*- coding: cp1252 -*-\n" + text
    old, new = found(text.encode("cp1252"), extension), found(text.replace("cp1252", "utf-8").encode(), extension)
    assert old.units == new.units
    assert "\n".join(old.lines) == text


@EACH
@pytest.mark.parametrize(
    "source",
    [
        b"\x7fELF\x02\x01\x01\x00\x00",
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"int x;\x00",
        b"\xff\xfea",
        b"\xe9\x01 abc",
        b"\x9d",
    ],
)
def test_what_is_no_text_is_refused_by_name(extension, source):
    with pytest.raises(DataError, match=rf"a\{extension}: (?:cannot be decoded|is no text)"):
        found(source, extension)


def test_python_is_read_as_it_declares_and_not_otherwise():
    with pytest.raises(DataError, match="cannot be decoded"):
        found("x = 'é'\n".encode("latin-1"), ".py")


@EACH
@pytest.mark.parametrize("source", ["", "\n", "\n\n  \n", "\r\n"])
def test_an_empty_file_has_no_units(extension, source):
    assert found(source, extension).units == ()


@EACH
def test_a_broken_class_is_left_out_and_its_neighbours_stay(extension):
    good, bad, last = CLASSES[extension]
    parsed = found(HEAD.get(extension, "") + good + bad + last, extension)
    assert [unit.symbol for unit in parsed.units if unit.kind == "class"] == ["Good", "Last"]
    assert parsed.broken_line is not None


def test_a_class_with_a_broken_method_is_left_out_and_its_other_methods_stay():
    source = "class A {\n  int good() { return 1; }\n  int bad() { return 1 +* ; }\n  int last() { return 2; }\n}\n"
    assert [unit.symbol for unit in found(source, ".java").units] == ["A.good", "A.last"]


@pytest.mark.parametrize("record", [*GRAMMARS, None], ids=lambda record: record.title if record else "Python")
def test_a_missing_grammar_is_an_error_that_names_the_remedy(monkeypatch, record):
    language, package = (record.language, record.package) if record else ("python", "tree-sitter-python")
    monkeypatch.setitem(sys.modules, package.replace("-", "_"), None)
    grammar.parser.cache_clear()
    with pytest.raises(UserError) as raised:
        units_of(b"", "a", language)
    assert f"pip install {package}" in raised.value.remedy


def test_an_unknown_language_is_an_error():
    with pytest.raises(UserError, match="'cobol'"):
        units_of(b"", "a.cob", "cobol")


@EACH
@settings(max_examples=25, deadline=None)
@given(above=st.lists(st.sampled_from(["line", "blank"]), max_size=8), folder=st.sampled_from(["", "b/", "b/c d/"]))
def test_a_unit_that_moves_is_the_same_unit(extension, above, folder):
    """Lines in front of it and another folder change where a unit is, and neither its text nor its digest."""
    head = HEAD.get(extension, "")
    body = "\n".join(part for part in CLASSES[extension] if "Bad" not in part)
    lines = "".join(LINE[extension] if line == "line" else "\n" for line in above)
    here = found(head + "\n" + body, extension).units
    there = found(head + lines + "\n" + body, extension, folder + "z").units
    assert here and len(here) == len(there)
    for unit, moved in zip(here, there, strict=True):
        assert (unit.text(), unit.digest()) == (moved.text(), moved.digest())
        assert moved.start_line == unit.start_line + len(above)
        assert moved.path == folder + "z" + extension


@EACH
def test_a_digest_tells_units_apart_and_knows_nothing_of_places(extension):
    plain = found(SOURCES[extension], extension, "store").units
    assert len({unit.digest() for unit in plain}) == len(plain)
    renamed = found(SOURCES[extension], extension, "other").units
    for unit, other in zip(plain, renamed, strict=True):
        assert unit.text() == other.text()
        assert (unit.digest() == other.digest()) is (unit.kind != "module")


def nested_or_apart(first, second):
    apart = first.end_line < second.start_line or second.end_line < first.start_line
    inside = first.start_line <= second.start_line and second.end_line <= first.end_line
    return apart or inside or (second.start_line <= first.start_line and first.end_line <= second.end_line)


@EACH
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_line_ranges_lie_in_the_file_and_units_of_a_kind_are_nested_or_apart(extension, data):
    """Lines of good source in any order, whole ones and torn ones."""
    lines = [line + "\n" for line in SOURCES[extension].split("\n")]
    start = data.draw(st.integers(0, len(lines)))
    torn = st.lists(st.sampled_from([*lines, "}\n", "{\n", "end\n", "/*\n", "*/\n", '"""\n']), max_size=25)
    whole = st.just([*lines[start:], *lines[:start]])
    source = "".join(data.draw(st.one_of(torn, whole)))
    parsed = found(source, extension)
    count = source.count("\n") + 1
    for unit in parsed.units:
        assert 1 <= unit.start_line <= unit.end_line <= count
        assert unit.symbol and "\n" not in unit.signature and "  " not in unit.signature
        assert (unit.kind == "method") <= bool(unit.enclosing)
        assert (unit.kind == "module") == (not unit.signature and not unit.code)
    for position, unit in enumerate(parsed.units):
        for other in parsed.units[position + 1 :]:
            if unit.kind == other.kind:
                assert nested_or_apart(unit, other), (unit, other)
