import pytest

from common.corpora.mining.declarators import is_cplusplus
from common.corpora.mining.languages import parse_file
from tests.common.corpora.mining.found import functions, seen

C = """/*
 * Copyright (c) 2020 Somebody
 */
#include <stdio.h>

/**
 * @brief Adds two numbers.
 *
 * Slowly.
 * \\param a the first
 */
static int add(int a, const char *names[], ...)
{
    return a;
}

#ifdef __cplusplus
extern "C" {
#endif
/* Plain comments document
   in C. */
int *plain(void) { return 0; }
/// Of three strokes.
//! Not of this kind.
struct point *strokes(struct point *p) { return p; }
#ifdef __cplusplus
}
#endif

/*------ Helpers ------*/
int (*pointer(int code))(int) { return 0; }

int before; /**< of the variable */
int after(void) { return 1; }
int prototype(int a);

/**
 * kernel_style() - Do as the kernel does.
 * @a: the first
 */
void kernel_style(int a) { add(a); }

/**
 * gtk_style:
 * @a: the first,
 *   on two lines
 *
 * Does as GTK does.
 */
void gtk_style(int a) { add(a); }
"""


def test_c():
    assert seen(C, "a.c") == {
        "add": (12, 15, "a names ...", False),
        "plain": (22, 22, "", False),
        "strokes": (25, 25, "p", False),
        "pointer": (31, 31, "code", False),
        "after": (34, 34, "", False),
        "kernel_style": (41, 41, "a", False),
        "gtk_style": (50, 50, "a", False),
    }
    found = functions(C, "a.c")
    assert {symbol: function.documentation for symbol, function in found.items()} == {
        "add": "Adds two numbers.\n\nSlowly.\n@param a the first",
        "plain": "Plain comments document\nin C.",
        "strokes": "Not of this kind.",
        "pointer": "",
        "after": "",
        "kernel_style": "Do as the kernel does.\n@a: the first",
        "gtk_style": "Does as GTK does.\n@a: the first,\n  on two lines",
    }
    assert found["add"].code == "static int add(int a, const char *names[], ...)\n{\n    return a;\n}"


CPP = """namespace outer::inner { namespace {
/// Makes a T.
template <typename T>
[[nodiscard]] inline T *Box<T>::make(int a, const T &b, T &&...rest) const noexcept { return 0; }

Box::Box(int x) : y(x) {}
Box::~Box() { free(); }
bool operator==(const Box &l, const Box &r) { return true; }
Box::operator bool() const { return true; }
}}

class MYLIB_EXPORT Shape final : public Base {
public:
    //! Returns \\c x of the \\ref Shape.
    int x() const { return 1; }
    Shape() = default;
    /** Only declared. */
    void declared();
    /** Visits all. */
    template <class V>
    // inline
    void visit(V v) { auto f = [](int i) { return i; }; v(f); }
    struct Part { void of() { go(); } };
    friend void swap(Shape &a, Shape &b) { a.swap(b); }
    virtual void pure() = 0;
};
extern "C" { int c(void) { return 1; } }
"""


def test_cpp():
    assert seen(CPP, "a.cpp") == {
        "outer.inner.Box.make": (3, 4, "a b ...rest", False),
        "outer.inner.Box.Box": (6, 6, "x", True),
        "outer.inner.Box.~Box": (7, 7, "", False),
        "outer.inner.operator==": (8, 8, "l r", False),
        "outer.inner.Box.operator bool": (9, 9, "", False),
        "Shape.x": (15, 15, "", False),
        "Shape.Shape": (16, 16, "", True),
        "Shape.visit": (20, 22, "v", False),
        "Shape.Part.of": (23, 23, "", False),
        "Shape.swap": (24, 24, "a b", False),
        "c": (27, 27, "", False),
    }
    found = functions(CPP, "a.cpp")
    assert found["outer.inner.Box.make"].documentation == "Makes a T."
    assert found["outer.inner.Box.make"].code.startswith("template <typename T>\n[[nodiscard]] inline T *Box")
    assert found["Shape.x"].documentation == "Returns x of the Shape."
    assert found["Shape.visit"].documentation == "Visits all."


@pytest.mark.parametrize(
    "line",
    [
        "namespace a {", "template <class T>", "  public:", "using namespace std;", "using A = int;", "class A;",
        "class A : public B {", "#include <vector>", "void f(std::string s);", "bool operator==(A a, A b);",
    ],
)  # fmt: skip
def test_a_header_is_cplusplus_where_a_line_says_so(line):
    assert is_cplusplus(f"#pragma once\n{line}\nint a;\n".encode())


@pytest.mark.parametrize(
    "line",
    [
        '#ifdef __cplusplus\nextern "C" {\n#endif', "#include <stdio.h>", "#include <sys/types.h>", "int class;",
        " * this class of things is public: really", "int template, namespace_;", "struct using_it { int a; };",
    ],
)  # fmt: skip
def test_a_header_is_c_otherwise(line):
    assert not is_cplusplus(f"#pragma once\n{line}\nint a;\n".encode())


def test_a_header_is_parsed_as_what_it_is():
    body = b"/** Adds them. */\nstatic inline int add(int a) { return a; }\n"
    (plain,) = parse_file(body, "a.h", "c").functions
    (plus,) = parse_file(b"namespace n {\n" + body + b"}\n", "a.h", "c").functions
    assert (plain.language, plain.symbol) == ("c", "add")
    assert (plus.language, plus.symbol) == ("cpp", "n.add")


def test_what_a_macro_makes_of_a_keyword_is_no_function():
    source = b"void f(void) { FOO; }\nelse if (a) { b(); }\nint g(void) { return 1; }\n"
    assert [function.symbol for function in parse_file(source, "a.c", "c").functions] == ["f", "g"]
