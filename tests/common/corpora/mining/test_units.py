import dataclasses

from common.corpora.mining.languages import language_of
from common.corpora.mining.units import Unit, units_of


def units(source: str, path: str) -> dict[tuple[str, str], Unit]:
    """The units of a file by kind and symbol."""
    found = units_of(source.encode(), path, language_of(path))
    assert found.broken_line is None
    by_name = {(unit.kind, unit.symbol): unit for unit in found.units}
    assert len(by_name) == len(found.units), "the symbols of a test are unique"
    return by_name


def places(source: str, path: str) -> dict[tuple[str, str], tuple[int, int, str, str]]:
    """kind, symbol → first line, last line, signature, class."""
    return {
        name: (unit.start_line, unit.end_line, unit.signature, unit.enclosing)
        for name, unit in units(source, path).items()
    }


PYTHON = '''#!/usr/bin/env python
"""Reads :class:`~a.Settings` from disk."""
import os

@cached
@traced(level=2)
async def load(  # once
    path: str, *names,
) -> dict:
    """Load them.

    More."""
    def inner(): return 1
    return inner

class Store(Base, metaclass=Meta):
    """Keeps what was loaded."""

    size: int = 0  # entries

    class Entry:
        def key(self): return self._key

    @property
    def first(self):
        """The first one."""
        return self[0]

    def undocumented_stub(self): ...

    def stub(self):
        """Said by subclasses."""

    last = first

class Missing(Exception):
    """Nothing there."""
'''


def test_python():
    assert places(PYTHON, "pkg/mod.py") == {
        ("module", "mod"): (2, 2, "", ""),
        ("function", "load"): (5, 14, "async def load( path: str, *names, ) -> dict", ""),
        ("class", "Store"): (16, 34, "class Store(Base, metaclass=Meta)", ""),
        ("class", "Store.Entry"): (21, 22, "class Entry", "Store"),
        ("method", "Store.Entry.key"): (22, 22, "def key(self)", "Store.Entry"),
        ("method", "Store.first"): (24, 27, "def first(self)", "Store"),
        ("method", "Store.stub"): (31, 32, "def stub(self)", "Store"),
        ("class", "Missing"): (36, 37, "class Missing(Exception)", ""),
    }
    found = units(PYTHON, "pkg/mod.py")
    assert found["module", "mod"].documentation == "Reads Settings from disk."
    assert (found["module", "mod"].code, found["module", "mod"].text()) == ("", "Reads Settings from disk.")
    assert found["class", "Store"].documentation == "Keeps what was loaded."
    assert found["class", "Store"].code == (
        "class Store(Base, metaclass=Meta):\n    size: int = 0  # entries\n\n    class Entry\n\n"
        "    @property\n    def first(self)\n\n    def undocumented_stub(self)\n\n    def stub(self)\n\n"
        "    last = first"
    )
    assert found["class", "Missing"].code == "class Missing(Exception):"
    assert found["method", "Store.Entry.key"].text() == "Store.Entry\ndef key(self): return self._key"
    assert (
        found["function", "load"].text().startswith("Load them.\n\nMore.\n@cached\n@traced(level=2)\nasync def load(")
    )


JAVA = """// Copyright 2020 Somebody
package a.b;

/** Keeps {@link Item items} in order. */
@Entity(name = "store")
public final class Store<T> extends Base implements Closeable {
    /** How many. */
    private int size = 0;

    /** Makes it. */
    public Store(int size) { this.size = size; }

    /**
     * Finds one.
     */
    @Override
    public T find(@Nullable String key, int... rest) throws IOException {
        return map.get(key);
    }
    abstract void nothing();

    enum Colour { RED, GREEN; Colour next() { return RED; } }
    record Point(int x) { }
    interface Part {
        /** Says how large. */
        int area();
    }
    @interface Marked { int value(); }
}
"""


def test_java():
    assert places(JAVA, "Store.java") == {
        ("class", "Store"): (4, 29, "public final class Store<T> extends Base implements Closeable", ""),
        ("method", "Store.Store"): (10, 11, "public Store(int size)", "Store"),
        ("method", "Store.find"): (
            13, 19, "public T find(@Nullable String key, int... rest) throws IOException", "Store",
        ),
        ("class", "Store.Colour"): (22, 22, "enum Colour", "Store"),
        ("method", "Store.Colour.next"): (22, 22, "Colour next()", "Store.Colour"),
        ("class", "Store.Point"): (23, 23, "record Point(int x)", "Store"),
        ("class", "Store.Part"): (24, 27, "interface Part", "Store"),
        ("method", "Store.Part.area"): (25, 26, "int area()", "Store.Part"),
        ("class", "Store.Marked"): (28, 28, "@interface Marked", "Store"),
    }  # fmt: skip
    found = units(JAVA, "Store.java")
    assert found["class", "Store"].documentation == "Keeps items in order."
    assert found["class", "Store"].code == (
        '@Entity(name = "store")\npublic final class Store<T> extends Base implements Closeable {\n'
        "    /** How many. */\n    private int size = 0;\n\n    public Store(int size)\n\n"
        "    @Override\n    public T find(@Nullable String key, int... rest) throws IOException\n"
        "    abstract void nothing()\n\n    enum Colour\n    record Point(int x)\n    interface Part\n"
        "    @interface Marked\n}"
    )
    assert found["class", "Store.Colour"].code == "enum Colour { RED, GREEN; Colour next() }"
    assert found["method", "Store.find"].documentation == "Finds one."


CSHARP = """using System;
namespace Some.Where
{
    /// <summary>Keeps <see cref="Item"/>.</summary>
    [Serializable]
    public class Store<T> : Base
    {
        int size = 1;
        public Store() : base(1) { go(); }
        /// <summary>Finds it.</summary>
        [Pure] public T Find([NotNull] string key) => map[key];
        struct Part { int Of() { return 1; } }
        enum Colour { Red }
    }
    public record Point(int X, int Y);
    interface IShape { double Area(); }
}
"""


def test_csharp():
    assert places(CSHARP, "Store.cs") == {
        ("class", "Store"): (4, 14, "public class Store<T> : Base", ""),
        ("method", "Store.Store"): (9, 9, "public Store()", "Store"),
        ("method", "Store.Find"): (10, 11, "public T Find([NotNull] string key)", "Store"),
        ("class", "Store.Part"): (12, 12, "struct Part", "Store"),
        ("method", "Store.Part.Of"): (12, 12, "int Of()", "Store.Part"),
        ("class", "Store.Colour"): (13, 13, "enum Colour", "Store"),
        ("class", "Point"): (15, 15, "public record Point(int X, int Y)", ""),
        ("class", "IShape"): (16, 16, "interface IShape", ""),
    }
    assert units(CSHARP, "Store.cs")["class", "Store"].code == (
        "[Serializable]\npublic class Store<T> : Base\n{\n    int size = 1;\n    public Store()\n"
        "    [Pure] public T Find([NotNull] string key)\n    struct Part\n    enum Colour\n}"
    )


def test_a_unit_is_plain_data_that_a_store_can_hold():
    (unit,) = units("def f():\n    return 1\n", "a.py").values()
    assert Unit(**dataclasses.asdict(unit)) == unit
    assert unit.kind == "function"
