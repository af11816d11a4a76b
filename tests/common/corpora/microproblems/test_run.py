import sys
import threading

import pytest

from common.corpora.microproblems.run import runner


def test_a_program_has_streams_of_its_own(capsys):
    out = runner("import sys\nprint(input(), file=sys.stdout)\nprint(sys.stdin.read().upper(), end='')", None)("a\nb\n")
    assert out == "a\nB\n"
    assert capsys.readouterr().out == ""


def test_other_threads_do_not_print_into_an_answer(capsys):
    """Ray forwards workers' logs from a thread of the driver."""
    run = runner("for i in range(20000):\n    pass\nprint(input())", None)
    stop = threading.Event()

    def chatter():
        while not stop.is_set():
            print("log", file=sys.stdout)

    thread = threading.Thread(target=chatter)
    thread.start()
    try:
        assert {run("7\n") for _ in range(50)} == {"7\n"}
    finally:
        stop.set()
        thread.join()
    assert set(capsys.readouterr().out.split()) <= {"log"}


def test_a_program_that_reads_too_far_is_told_so():
    with pytest.raises(EOFError):
        runner("input(); input()", None)("one\n")


APPEND = "def grow(a):\n    a.append(1)\n    return a\n"
METHOD = "class Solution:\n    def grow(self, a):\n        a += [1]\n        return a\n"


@pytest.mark.parametrize("source", [APPEND, METHOD])
def test_a_function_or_method_cannot_change_the_input(source):
    given = [[5]]
    assert runner(source, "grow")(given) == [5, 1]
    assert given == [[5]]
