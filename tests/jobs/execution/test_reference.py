"""The reference evaluator's verdicts, its probed false positives and negatives among them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.execution.inside import values
from jobs.execution.inside.reference_run import wrap
from jobs.execution.reference import decode, judge
from tests.jobs.execution.oracle import worker


@pytest.fixture(scope="module")
def ask():
    with worker() as ask:
        yield ask


@pytest.fixture
def verdicts(ask):
    """From a candidate, its inputs and expected outputs to the list of verdicts."""

    def check(code, inputs, outputs, fn_name=None, seconds=4.0, cpu=11):
        outcome = ask(mode="reference", code=code, fn_name=fn_name, inputs=inputs, cpu=cpu, seconds=seconds)
        return judge(outcome["records"], outputs)

    return check


def printed(text, expected):
    return judge([{"ended": "ok", "stdout": text}], [expected])[0]


def returned(value, expected):
    return judge([{"ended": "ok", "value": values.encode(value)}], [expected])[0]


def returned_as_is(encoded, expected):
    return judge([{"ended": "ok", "value": encoded}], [expected])[0]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("1\n2\n", "1\n2"),
        ("1\n2", ["1", "2"]),
        ("3 2 1", "1 2 2 3"),
        ("b\na", "a\nb"),
        ("a", "a\na"),
        ("0.1233", "0.1234"),
        ("100001", "100000"),
        ("50000000000000001", "50000000000000000"),
        ("3.0", "3"),
        ("no yes no", "yes no"),
        ("a\n\nb", "a\nb"),
        ("1.23449 x", "1.23449 x"),
        ("1.00049 2", "1.0001 2"),  # rounded to 3 digits
        ("yes", {"any_of": ["no", "yes"]}),
    ],
)
def test_accepts(output, expected):
    assert printed(output, expected) is True


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("", "1"),
        ("1", "2"),
        ("a b", "a c"),
        ("0.12", "0.13"),
        ("x 1.0", "x 1"),
        ("nan", "nan2"),
        ("inf", "1e308"),
        ("a", "a\n \nb"),
    ],
)
def test_refuses(output, expected):
    assert printed(output, expected) is False


def test_an_expected_output_that_is_no_text_leaves_no_result():
    assert judge([{"ended": "ok", "stdout": "1"}] * 2, [1, "1"]) == [-1, -1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (3, [3]),
        (3, [3, 4]),
        (True, 1),
        ((1, 2), [1, 2]),
        ([(1, 2)], [[[1, 2]]]),
        ({1: 2}, {"1": 2}),
        ({1: 2}, [{"1": 2}, {"3": 4}]),
        ({"a": 2}, {"a": 2}),
        (2.0, 2),
    ],
)
def test_accepts_values(value, expected):
    assert returned(value, expected) is True


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 4), ("3", 3), ({1, 2}, [1, 2]), ({"1": 2}, {"1": 2}), (None, []), ([((1,),)], [[[[1]]]])],
)
def test_refuses_values(value, expected):
    assert returned(value, expected) is False


def test_what_numpy_values_become():
    numpy = pytest.importorskip("numpy")
    assert returned(numpy.int64(3), [3]) is True
    assert returned(numpy.array([1, 2]), [[1, 2]]) == -1
    assert returned(numpy.array([1, 2]), [1, 2, 3]) == -1
    assert returned(numpy.array([5]), 5) is True
    assert returned(numpy.array([1, 2]), 1) is True  # of an array, the first element counts
    assert returned([numpy.float64(0.5)], [[0.5]]) is True


def test_an_object_that_lies_about_equality_is_equal_to_nothing():
    class Liar:
        __hash__ = None

        def __eq__(self, other):
            return True

    class LyingList(list):
        __hash__ = None

        def __eq__(self, other):
            return True

    assert returned(Liar(), [1]) is False
    assert returned(LyingList([1]), [2]) is False


def test_incomplete_and_failed_runs():
    ok = {"ended": "ok", "stdout": "1"}
    assert judge([{"load": "error", "error": ""}], ["1", "1"]) == [-2]
    assert judge([ok, {"ended": "error"}, {"ended": "timeout"}], ["1"] * 3) == [True, -1, -1]
    assert judge([ok], ["1", "1"]) == [-1, -1]
    assert judge([], ["1", "1"]) == [-1, -1]
    assert judge([ok, {"escaped": "SystemExit"}], ["1", "1"]) == [-1, -1]


FORGEABLE = ("tuple", "dict", "set", "deque", "int", "complex", "Fraction", "Decimal", "array", "scalar", "opaque")
json_keys = st.one_of(st.integers(), st.text(), st.tuples(st.integers(), st.text()))
python_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(),
        st.complex_numbers(allow_nan=False),
        st.fractions(),
        st.decimals(allow_nan=False),
        st.integers(0, 9000).map(lambda n: -(1 << n)),
    ),
    lambda inner: st.one_of(
        st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(json_keys, inner), st.sets(st.integers())
    ),
)


@given(python_values)
def test_a_value_comes_back_as_it_went(value):
    back = decode(values.encode(value))
    assert back == value
    assert type(back) is type(value)


def test_a_circle_is_opaque():
    circle = []
    circle.append(circle)
    assert values.encode(circle) == {"opaque": "list"}


def test_a_forged_encoding_is_a_failure():
    for forged in ({"array": ["O", [1]]}, {"unknown": 1}, {"tuple": 3}, {"int": "zz"}, {"dict": [[[], 1]]}, {}):
        assert judge([{"ended": "ok", "value": forged}], [[1]]) == [-1]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*FORGEABLE, "x"]), inner, max_size=2),
    max_leaves=8,
)
records_of_any_kind = st.dictionaries(
    st.sampled_from(["ended", "stdout", "value", "load"]), json_values | st.just("ok")
)


@given(st.lists(records_of_any_kind, max_size=3), json_values)
def test_whatever_a_candidate_forges_is_judged(records, expected):
    assert judge(records, [expected] * len(records)) == [-2] or len(judge(records, [expected])) == 1


def test_forged_values_cost_nothing():
    for forged in ({"array": ["<U1000000000", ["a"]]}, {"Fraction": ["1e999999999"]}, {"Decimal": ["1e999999999"]}):
        assert returned_as_is(forged, "1") in (False, -1)


def test_wrapping():
    assert wrap("import a\nx = 1\nimport b") == (
        "import a\nstdin = sys.stdin\nstdout = sys.stdout\ndef code():\n\tx = 1\n\timport b\n"
    )
    assert wrap("import a") == "import a"


ECHO = "print(input())"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (ECHO, True),
        ("import sys\nprint(sys.stdin.read())", True),
        ("print(open(0).readline())", True),
        ("with open('input.txt') as f:\n    for line in f:\n        print(line)", True),
        ("from sys import stdin\nprint(stdin.readline())", True),
        ("print(stdin.readlines()[0])", True),
        (ECHO + "\nimport sys\nsys.exit(3)", True),
        (ECHO + "\nreturn", True),
        ("print(np.array([int(input())])[0])", True),
        ("print(int(fractions.Fraction(input())))", True),
        ("if __name__ == '__main__':\n    " + ECHO, False),
        ("from sys import stdout\nstdout.write(input())", False),
        ("# a comment\nfrom sys import stdout\nstdout.write(input())", True),
        ("x = 1\nfrom math import *\n" + ECHO, -2),
        ("from __future__ import division\n" + ECHO, -2),
        ("", -2),
        ("import math", -2),
        ("print((", -2),
        ("x = 0\ndef f():\n    global x\n    x += 1\nf()\n" + ECHO, -1),
        ("import sys\nprint(sys.stdin.buffer.read())", -1),
        (ECHO + "\nexit()", -1),
        (ECHO + "\nimport resource", -1),
        (ECHO + "\nimport sys\nsys.stdout.close()", -1),
        ("def f(n):\n    return n and f(n - 1)\nf(2000)\n" + ECHO, -1),
        (ECHO + "\nimport os\nos._exit(0)", -1),
        (ECHO + "\nraise KeyboardInterrupt", -1),
        ("print(stdin.readline(), stdin.readline())", -1),
    ],
)
def test_programs(verdicts, code, expected):
    assert verdicts(code, ["7"], ["7"]) == [expected]


def test_state_leaks_from_test_to_test(verdicts):
    code = "import math\ntry:\n    math.calls += 1\nexcept AttributeError:\n    math.calls = 1\nprint(math.calls)"
    assert verdicts(code, ["", "", ""], ["1", "2", "1"]) == [True, True, False]


def test_stdin_is_fresh_for_each_test(verdicts):
    code = "from sys import stdin\nprint(stdin.readline(), input(), open(0).read())"
    assert verdicts(code, ["a", "b"], ["a a a", "b b b"]) == [True, True]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f(a, b):\n    return a + b", True),
        ("class Solution:\n    def f(self, a: List[int], b):\n        return a + b", True),
        ("def f(a, b):\n    return np.int64(a) + b", True),
        ("def f(a, b):\n    print('noise')\n    return Counter([3])[3] + a + b - 1", True),
        ("def f(a, b):\n    return (x for x in [3])", False),
        ("def f(a, b):\n    return {}[a]", -1),
        ("def f(a):\n    return a", -1),
        ("def g(a, b):\n    return 3", -2),
        ("class Solution:\n    def __init__(self, a): pass\n    def f(self, a, b): return 3", -2),
        ("def f(a, b):\n    import sys\n    sys.exit()", -1),
        ("import sys\nsys.exit()\ndef f(a, b): pass", -1),
        ("from __future__ import annotations\ndef f(a, b): return 3", -2),
    ],
)
def test_functions(verdicts, code, expected):
    assert verdicts(code, [[1, 2]], [3], fn_name="f") == [expected]


def test_a_first_argument_with_whole_keys_drops_the_others(verdicts):
    code = "def f(*given):\n    return sorted(given[0]) + [len(given)]"
    assert verdicts(code, [[{"2": 0, "1": 0}, 5], [{"b": 0}, 5]], [[1, 2, 1], ["b", 2]], fn_name="f") == [True, True]


SPIN = "def spin():\n    while True: pass\n"


def test_time_limits(verdicts):
    hangs = "n = int(input())\nwhile n: pass\nprint(n)"
    assert verdicts(hangs, ["1", "0"], ["1", "0"], seconds=0.1) == [-1, True]
    assert verdicts("while True: pass\ndef f(a): return a", [[1], [2]], [1, 2], fn_name="f", seconds=0.1) == [-2]
    swallowed = SPIN + "try:\n    spin()\nexcept Exception:\n    print(input())"
    assert verdicts(swallowed, ["1"], ["1"], seconds=0.1) == [False]  # "alarm went off" is in the output
    assert verdicts(
        "import time\nn = int(input())\ntime.sleep(n)\nprint(n)", ["60", "0"], ["60", "0"], seconds=0.05
    ) == [-1, True]
    forever = "while True:\n    try:\n        spin()\n    except Exception: pass"
    assert verdicts(SPIN + "print(1)\n" + forever, ["", ""], ["1", "1"], seconds=0.1, cpu=1) == [-1, -1]
