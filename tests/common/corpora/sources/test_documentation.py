import pytest

from common.corpora.sources.documentation import without_blocks, without_documentation

DOCSTRING = "Adds one.\n\nMore."


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ('def f(a):\n    """Adds one.\n\n    More.\n    """\n    return a + 1', "def f(a):\n    return a + 1"),
        ("def f(a):\n    'Adds one.'\n    return a + 1", "def f(a):\n    return a + 1"),
        # Python 2 does not parse: by its place
        ('def f(a):\n    """Adds one.\n\n    More."""\n    print a', "def f(a):\n    print a"),
        # as CodeSearchNet cuts methods with decorators out of their class
        ('@tag\n    def f(self):\n        """Adds one."""\n        print 1', "@tag\n    def f(self):\n        print 1"),
        ("def f(a):\n    return a + 1", "def f(a):\n    return a + 1"),
        ('def f(a):\n    log("Adds one.")\n    return a', 'def f(a):\n    log("Adds one.")\n    return a'),
    ],
)
def test_the_docstring_leaves_python_code(code, left):
    assert without_documentation(code, DOCSTRING, "python") == left


def test_what_cannot_be_taken_out_is_refused():
    assert without_documentation('print "Adds one." if (', DOCSTRING, "python") is None


def test_other_languages_stay_as_they_are():
    code = "int f() { return 1; } // Adds one."
    assert without_documentation(code, DOCSTRING, "java") == code


def test_documentation_of_helper_functions():
    python = 'FIX = """\nx\n"""\ndef g(s):\n    """\n    Shifts.\n    """\n    # by five\n    return s\n\ndef f(s):\n'
    assert without_blocks(python, "python") == (
        'FIX = """\nx\n"""\ndef g(s):\n    # by five\n    return s\n\ndef f(s):\n'
    )
    java = "class A {\n    /**\n     * Shifts.\n     */\n    int g() { return 1; } // one\n"
    assert without_blocks(java, "java") == "class A {\n    int g() { return 1; } // one\n"
