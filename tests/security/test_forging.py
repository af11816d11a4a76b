"""Verdicts: a candidate that does not solve the problem does not pass, whatever it prints, patches or returns."""

import json
import uuid
from dataclasses import replace

import pytest

from common.corpora.problems.record import CodeProblem
from jobs.execution.evaluator import Evaluator
from jobs.execution.inside import wire
from jobs.execution.sandbox.spec import Limits, SandboxConfig
from tests.security.attack import BELOW, PRELUDE
from tests.security.test_files import SCAN

ANSWER = [3, 1, 2]
FORGED = [wire.OUTCOME + wire.VERDICT.pack(0, 0.0, 0.0, 0, 0, 0), wire.HELLO + b"{}", wire.RENEWED,
          b'{"ended": "ok", "value": [3, 1, 2]}\n', b'["pass"]', b"reached the end"]  # fmt: skip


@pytest.fixture
def judge(offered, level):
    """Judge a candidate in an evaluator of its own; the verdict's results."""
    made = {}

    def run(problem, code, mode="strict", limits=None):
        limits = limits or Limits(cpu_seconds=2, wall_seconds=20)
        if limits not in made:
            made[limits] = Evaluator(SandboxConfig(isolation=level), limits)
        return made[limits].judge(problem, code, mode=mode)

    yield run
    for evaluator in made.values():
        evaluator.close()


def stdin_problem(answer="42", tests=2):
    return CodeProblem("1", "?", "stdin", ("1\n",) * tests, (answer,) * tests, None, "", "", ())


def call_problem(answer=ANSWER, arguments=([1],), tests=1):
    return CodeProblem("2", "?", "call", (list(arguments),) * tests, (answer,) * tests, "f", "", "", ())


WRITES = "\n".join(
    f"for d in range(3, 64):\n    try: os.write(d, {message!r})\n    except OSError: pass" for message in FORGED
)
PROGRAMS = {
    "prints-the-protocol": f"import os, sys\nfor m in {FORGED!r}: os.write(1, m)",
    "writes-to-every-descriptor": f"import os\n{WRITES}",
    "leaves-at-once": "import os\nos._exit(0)",
    "leaves-as-not-compiled": f"import os\nos._exit({wire.NO_CODE})",
    "leaves-as-not-set-up": f"import os\nos._exit({wire.NO_TEST})",
    "leaves-as-a-server": f"import os\nos._exit({wire.ALONE})",
    "raises-exit": "raise SystemExit(0)",
    "says-pass": "print('pass')\nprint('True')\nprint('*')\nprint('.*')",
    "prints-much": "print('\\n'.join(map(str, range(100))))",
    "patches-modules": """
import sys
for name in list(sys.modules):
    for key in list(vars(sys.modules[name])):
        if name not in ('builtins', 'sys') and callable(vars(sys.modules[name])[key]):
            try: setattr(sys.modules[name], key, lambda *_, **__: True)
            except Exception: pass
""",
    "patches-the-runner": """
import sys
frame = sys._getframe()
while frame:
    for name, value in list(frame.f_locals.items()):
        for key in dir(value):
            if key in ('passed', 'status', 'expected', 'outputs', 'results'):
                try: setattr(value, key, True)
                except Exception: pass
    for name in list(frame.f_globals):
        if callable(frame.f_globals[name]) and not name.startswith('__'): frame.f_globals[name] = lambda *_, **__: 0
    frame = frame.f_back
""",
    "replaces-stdout": "import sys\nclass Same(str):\n    def __eq__(self, other): return True\n"
                       "sys.stdout = Same('42')",
}  # fmt: skip


@pytest.mark.parametrize("mode", ["strict", "reference"])
@pytest.mark.parametrize("how", PROGRAMS)
def test_programs(judge, how, mode):
    verdict = judge(stdin_problem(), PROGRAMS[how], mode)
    assert not verdict.passed
    assert not any(verdict.passes(2)), verdict
    assert judge(stdin_problem(), "print(42)", mode).passed


LIAR = "class Liar({base}):\n    def __eq__(self, other): return True\n    def __ne__(self, other): return False\n" \
       "    __hash__ = None\n    def __len__(self): return 3\ndef f(x): return Liar({value})"  # fmt: skip
FUNCTIONS = {
    "equal-to-everything": LIAR.format(base="object", value=""),
    "list": LIAR.format(base="list", value="[1]"), "tuple": LIAR.format(base="tuple", value="(1,)"),
    "text": LIAR.format(base="str", value="'x'"), "number": LIAR.format(base="int", value="5"),
    "float": LIAR.format(base="float", value="5.0"), "dict": LIAR.format(base="dict", value="x=1"),
    "true": "def f(x): return True", "none": "def f(x): return None", "empty": "def f(x): return []",
    "many": "def f(x): return [[3, 1, 3], [3, 1, 1], [1, 2, 3]]",
    "array": "import numpy\ndef f(x): return numpy.array([True, True, True])",
    "mock": "from unittest.mock import ANY\ndef f(x): return ANY",
    "lying-array": "import numpy as np\nclass A(np.ndarray):\n    def __eq__(self, other): return np.array(True)\n"
                   "def f(x): return np.zeros(3).view(A)",
    "patched-json": "import json\njson.dumps = json.JSONEncoder.encode = json.encoder.JSONEncoder.iterencode = "
                    "lambda *_, **__: '[true, \"pass\"]'\ndef f(x): return 5",
    "result-by-hand": f"import os\ndef f(x):\n    for m in {FORGED[:3]!r}: os.write(3, m)\n    os._exit(0)",
    "two-results": "import os\ndef f(x):\n    os.write(3, b'[1]')\n    return [3, 1]",
    "closed-results": "import os\ndef f(x):\n    os.close(3)\n    return [3, 1]",
    "nan": "def f(x): return "
           "float('nan')", "deep": "def f(x):\n    y = []\n    for _ in range(10**5): y = [y]\n    return y",
    "circle": "def f(x):\n    y = []\n    y.append(y)\n    return y",
    "object-hook": "def f(x): return {'tuple': [3, 1]}",
    "lying-class": "class M(type):\n    def __instancecheck__(*_): return True\n    def __eq__(*_): return True\n"
                   "    __hash__ = type.__hash__\n"
                   "class A(metaclass=M): pass\ndef f(x): return A",
    "class-property": "class A:\n    __class__ = list\n    def __iter__(self): return iter([1])\ndef f(x): return A()",
}  # fmt: skip


@pytest.mark.parametrize("mode", ["strict", "reference"])
@pytest.mark.parametrize("how", FUNCTIONS)
def test_functions(judge, how, mode):
    verdict = judge(call_problem(), FUNCTIONS[how], mode)
    assert not verdict.passed, verdict
    assert not any(verdict.passes(1)), verdict


@pytest.mark.parametrize("mode", ["strict", "reference"])
def test_a_right_answer_passes(judge, mode):
    assert judge(call_problem(), "def f(x): return [3, 1, 2]", mode).passed


@pytest.mark.parametrize("mode", ["strict", "reference"])
@pytest.mark.parametrize("kind", ["stdin", "call"])
def test_the_expected_answer_is_nowhere_inside(judge, mode, kind):
    """Looked for in the whole memory of the process; found there at once where the input has it."""
    prefix, suffix = uuid.uuid4().hex[:10], uuid.uuid4().hex[:10]
    secret = prefix + suffix
    look = f"{PRELUDE}{BELOW}{SCAN}\nfound = scan(b{prefix!r}, b{suffix!r}, 16 << 20)\n" \
           "if found: raise ValueError('it is here')\nraise KeyError('nowhere')"  # fmt: skip
    limits = Limits(cpu_seconds=30, wall_seconds=120)
    for given, words in (("something else", "nowhere"), (secret, "it is here")):
        if kind == "stdin":
            problem = replace(stdin_problem(secret), inputs=(given,), outputs=(secret,))
            code = f"kept = input()\nexec({look!r}, globals())"
        else:
            problem = call_problem(secret, [given])
            code = f"def f(x): exec({look!r}, globals())"
        assert words in (judge(problem, code, mode, limits).error or "")


def test_frames_lead_to_no_answers(judge):
    """What walks up the frames of its grader finds the runner, the input and itself."""
    code = """
import gc, sys
def f(x):
    seen, frame = [], sys._getframe()
    while frame:
        seen += [frame.f_locals, frame.f_globals]
        frame = frame.f_back
    if any(repr(value) == '[3, 1, 2]' for value in gc.get_objects()): return [3, 1, 2]
    for names in seen:
        for value in list(names.values()):
            if value == [3, 1, 2] or value == [[3, 1, 2]]: return [3, 1, 2]
    return 'not found'
""".replace("[3, 1, 2]", "[3, 1, 1 + 1]").replace("'[3, 1, 1 + 1]'", "'[3, 1, ' + '2]'")
    for mode in ("strict", "reference"):
        assert not judge(call_problem(), code, mode).passed


def test_a_test_script_needs_its_end(judge):
    """HumanEval's and MBPP's way: what leaves early does not pass. (What writes the runner's word itself does; see
    jobs/execution/sandbox.)"""
    problem = CodeProblem("3", "?", "script", ("assert f(1) == 2",), (), "f", "", "", ())
    assert judge(problem, "def f(x): return x + 1").results == ("pass",)
    assert judge(problem, "def f(x): return x").results == ("fail",)
    for code in ("import os\ndef f(x): os._exit(0)", "def f(x): raise SystemExit", "import os\nos._exit(0)", "exit(0)",
                 "import sys\nsys.exit()", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"):  # fmt: skip
        assert judge(problem, code).results[0] in ("error", "killed"), code


@pytest.mark.parametrize("garbage", ["b'[' * (1 << 20)", "b'9' * (1 << 20)", "b'{\"a\":' * 50_000",
                                     "b'\\xff' * 100", "b'1e999999999'",
                                     "b'\"' + b'\\\\ud800' * 1000 + "
                                     "b'\"'", "b'NaN'", "b'[1,' * 3", "b''", "b'null null'"])  # fmt: skip
@pytest.mark.parametrize("mode", ["strict", "reference"])
def test_results_that_are_made_against_the_parser(judge, garbage, mode):
    code = (
        f"import os\ndef f(x):\n    data = {garbage}\n    while data: data = data[os.write(3, data):]\n    os._exit(0)"
    )
    assert not judge(call_problem(), code, mode).passed
    line = code.replace("while data", 'data = b\'{"ended": "ok", "value": \' + data + b\'}\\n\'\n    while data')
    assert not judge(call_problem(), line, mode).passed


RECORDS = [{"ended": "ok"}, {"ended": "ok", "value": {"tuple": 5}}, {"ended": "ok", "value": {"array": ["O", []]}},
           {"ended": 1}, {},
           {"ended": "ok", "value": {"int": "zz"}}, {"ended": "ok", "value": {"Fraction": ["1", "0"]}},
           {"ended": "ok", "stdout": 5},
           {"ended": "ok", "value": {"dict": [[[], 1]]}}, {"ended": "ok", "value": {"set": [[1]]}}, {"load": 3,
           "error": 4},
           {"ended": "ok", "value": {"scalar": ["<i8", {"tuple": []}]}}, {"ended": "ok", "value": {"complex": ["a",
           1]}},
           {"ended": "ok", "value": {"array": ["<U99999999999", ["x"]]}}, {"ended": "ok",
           "value": {"Decimal": ["1e999999999"]}},
           {"escaped": []}, {"ended": "error", "error": {"a": 1}}, {"ended": "ok", "value": {"opaque": 1,
           "tuple": []}}]  # fmt: skip


@pytest.mark.parametrize("record", RECORDS, ids=json.dumps)
def test_records_that_no_runner_writes(judge, record):
    line = json.dumps(record).encode() + b"\n"
    verdict = judge(call_problem(), f"import os\ndef f(x):\n    os.write(3, {line!r})\n    os._exit(0)", "reference")
    assert not verdict.passed
    assert json.dumps(verdict.row())
