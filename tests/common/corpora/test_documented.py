"""Documentation back in code: where it stands, and in how many pairs."""

import ast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.corpora.documented import keeps_documentation, with_documentation


@example('ends with a "')
@example('a \\n """ b')
@given(st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1).filter(str.strip))
def test_a_python_function_has_it_as_its_docstring(text):
    code = "def f(\n    a: int = 3,  # a comment\n    b=None):  # why\n      return a\n"
    made = with_documentation(code, text, "python")
    function = ast.parse(made).body[0]
    assert ast.get_docstring(function, clean=False).rstrip() == text.replace('"""', "'''").rstrip()
    assert ast.unparse(ast.Module([*function.body[1:]], [])) == "return a"


@pytest.mark.parametrize(("language", "mark"), [("ruby", "# "), ("go", "// "), ("java", "// "), ("php", "// ")])
def test_elsewhere_it_is_a_comment_above(language, mark):
    assert with_documentation("code {\n}", "one\ntwo", language) == f"{mark}one\n{mark}two\ncode {{\n}}"


def test_a_python_expression_gets_a_comment():
    assert with_documentation("lambda x: x", "one", "python") == "# one\nlambda x: x"


def test_the_share_is_kept_and_seeded():
    places = [f"repo/{n}.py:1" for n in range(2000)]
    kept = [keeps_documentation(place, 0.25, 0) for place in places]
    assert 440 < sum(kept) < 560
    assert kept != [keeps_documentation(place, 0.25, 1) for place in places]
    assert not any(keeps_documentation(place, 0.0, 0) for place in places)
    assert all(keeps_documentation(place, 1.0, 0) for place in places)
