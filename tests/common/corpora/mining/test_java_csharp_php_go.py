from tests.common.corpora.mining.found import functions, seen

JAVA = """
package a.b;
/** Of the class. */
public class Stack<T> extends Base {
    /**
     * Push an {@link Item item} on the <code>stack</code>,
     * as {@code List<T>} does; see {@link #pop(int)}.
     * <p>
     * More of it.
     *
     * @param item what to push
     */
    @Override
    @SuppressWarnings("unchecked")
    public <S extends T> void push(final S item, int... rest) {
        Runnable r = new Runnable() { public void run() { } };
    }

    /** Too far away. */

    int far() { return 1; }

    // no documentation
    int near() { return 1; } /** Behind. */
    int behind() { return 2; }

    /** For it. */
    // CHECKSTYLE:OFF
    @Deprecated int marked() { return 3; }

    Stack(int size) { this.size = size; }

    abstract void nothing();
    void later() { throw new UnsupportedOperationException("later"); }

    enum Colour { RED { void own() { int a; } }; Colour next() { return RED; } }
    interface Part { default int part(String[] a) { return a.length; } }
    record Point(int x) { int twice() { return 2 * x; } }
}
"""


def test_java():
    assert seen(JAVA, "Stack.java") == {
        "Stack.push": (13, 17, "item ...rest", False),
        "Stack.far": (21, 21, "", False),
        "Stack.near": (24, 24, "", False),
        "Stack.behind": (25, 25, "", False),
        "Stack.marked": (29, 29, "", False),
        "Stack.Stack": (31, 31, "size", False),
        "Stack.nothing": (33, 33, "", True),
        "Stack.later": (34, 34, "", True),
        "Stack.Colour.next": (36, 36, "", False),
        "Stack.Part.part": (37, 37, "a", False),
        "Stack.Point.twice": (38, 38, "", False),
    }
    found = functions(JAVA, "Stack.java")
    assert found["Stack.push"].documentation == (
        "Push an item on the stack,\nas List<T> does; see pop(int).\n\nMore of it.\n\n@param item what to push"
    )
    assert found["Stack.push"].code == (
        '@Override\n@SuppressWarnings("unchecked")\npublic <S extends T> void push(final S item, int... rest) {\n'
        "    Runnable r = new Runnable() { public void run() { } };\n}"
    )
    documented = {symbol for symbol, function in found.items() if function.documentation}
    assert documented == {"Stack.push", "Stack.marked"}
    assert found["Stack.marked"].documentation == "For it."
    assert {function.language for function in found.values()} == {"java"}


def test_java_documentation_behind_an_annotation():
    found = functions("class A {\n  @Override\n  /** Do it. */\n  public void f() {\n    g();\n  }\n}\n", "A.java")[
        "A.f"
    ]
    assert (found.documentation, found.start_line) == ("Do it.", 2)
    assert found.code == "@Override\npublic void f() {\n  g();\n}"


CSHARP = """
using System;
namespace Some.Where
{
    public class Store<T> : Base
    {
        /// <summary>
        /// Finds <paramref name="key"/> in the <see cref="T:Some.Store"/>, or
        /// gives <see langword="null"/> where a &lt; b.
        /// </summary>
        /// <remarks>Slow.</remarks>
        /// <param name="key">What to find.</param>
        /// <returns>The thing.</returns>
        [Obsolete("x")]
        public async Task<T> Find(string key, ref int n, params object[] rest)
        {
            int Inner(int x) { return x; }
            return Inner(1);
        }

        /** <summary>As a block.</summary> */
        public int Short() => 1;
        public Store() { }
        ~Store() { }
        public static bool operator ==(Store a, Store b) { return true; }
        public abstract void Nothing();
        /// Plain words only.
        void Later() { throw new NotImplementedException(); }
#if DEBUG
        int Debug() { return 1; }
#endif
        int Property { get; set; }
        struct Part { int Of() { return 1; } }
    }
}
"""


def test_csharp():
    assert seen(CSHARP, "Store.cs") == {
        "Store.Find": (14, 19, "key n rest", False),
        "Store.Short": (22, 22, "", False),
        "Store.Store": (23, 23, "", True),
        "Store.~Store": (24, 24, "", True),
        "Store.operator ==": (25, 25, "a b", False),
        "Store.Nothing": (26, 26, "", True),
        "Store.Later": (28, 28, "", True),
        "Store.Debug": (30, 30, "", False),
        "Store.Part.Of": (33, 33, "", False),
    }
    found = functions(CSHARP, "Store.cs")
    assert found["Store.Find"].documentation == (
        "Finds key in the Some.Store, or\ngives null where a < b.\n\nSlow.\n\n"
        "@param key What to find.\n@returns The thing."
    )
    assert found["Store.Find"].code.startswith('[Obsolete("x")]\npublic async Task<T> Find(')
    assert found["Store.Find"].code.endswith("    return Inner(1);\n}")
    assert "///" not in found["Store.Find"].code
    assert found["Store.Short"].documentation == "As a block."
    assert found["Store.Later"].documentation == "Plain words only."


def test_functions_of_a_csharp_program_without_a_class():
    assert seen("/// <summary>Add.</summary>\nint Add(int a, int b)\n{\n    return a + b;\n}\n", "p.cs") == {
        "Add": (2, 5, "a b", False)
    }


PHP = """<html><?php
namespace A\\B;
/**
 * Loads the {@see Config}.
 *
 * @param string $file
 */
#[Pure]
function load(string $file, &$by = 1, ...$rest) { return function () { return 1; }; }
if (!function_exists('later')) {
    /** Defined late. */
    function later() { throw new \\LogicException('Not implemented'); }
}
abstract class Reader extends Base {
    use Helper;
    /* no documentation */
    public static function read(private int $size = 1): ?int { return 1; }
    /** Reads nothing. */
    abstract protected function nothing();
}
trait Helper { function help() { echo 1; } }
?>
"""


def test_php():
    assert seen(PHP, "a.php") == {
        "load": (8, 9, "$file $by ...$rest", False),
        "later": (12, 12, "", True),
        "Reader.read": (17, 17, "$size", False),
        "Reader.nothing": (19, 19, "", True),
        "Helper.help": (21, 21, "", False),
    }
    found = functions(PHP, "a.php")
    assert found["load"].documentation == "Loads the Config.\n\n@param string $file"
    assert found["load"].code.startswith("#[Pure]\nfunction load(")
    assert found["later"].documentation == "Defined late."
    assert found["Reader.read"].documentation == ""


GO = """// Copyright 2020 The Authors. All rights reserved.
package x

import "fmt"

// Push puts an item on the stack.
//
// It never fails.
//
//go:noinline
//nolint:gocyclo
func (s *Stack[T]) Push(a, b int, rest ...string) (err error) {
	inner := func() {}
	inner()
	return
}

/*
Block documents as well.
*/
func Block(s struct{ A int }, _ func(int) string) {
	fmt.Println()
}

// --------------------
// Section
// --------------------
func (Stack) value() int { return 1 }

// Todo is for later.
func Todo() { panic("not implemented") }

func assembly(x int) int
"""


def test_go():
    assert seen(GO, "a.go") == {
        "Stack.Push": (12, 16, "a b ...rest", False),
        "Block": (21, 23, "s _", False),
        "Stack.value": (28, 28, "", False),
        "Todo": (31, 31, "", True),
        "assembly": (33, 33, "x", True),
    }
    found = functions(GO, "a.go")
    assert found["Stack.Push"].documentation == "Push puts an item on the stack.\n\nIt never fails."
    assert found["Block"].documentation == "Block documents as well."
    assert found["Stack.value"].documentation == ""
    assert found["Block"].code == ("func Block(s struct{ A int }, _ func(int) string) {\n\tfmt.Println()\n}")
