"""Sandboxes of each level that this host gives."""

import functools

import pytest

from jobs.execution.sandbox.host import Program, Sandbox, SandboxError
from jobs.execution.sandbox.spec import Jail, Limits


@functools.cache
def refusal(level):
    """Why this host does not give the level; None where it does."""
    try:
        Sandbox(Jail(level)).close()
    except SandboxError as error:
        return error.message
    return None


@pytest.fixture(params=["full", "reduced"])
def level(request):
    """Each level that this host gives."""
    if reason := refusal(request.param):
        pytest.skip(reason)
    return request.param


@pytest.fixture
def full():
    """For what only level `full` has."""
    if reason := refusal("full"):
        pytest.skip(reason)


@pytest.fixture
def sandbox(level):
    """One for the test alone, so that it may come to harm."""
    with Sandbox(Jail(level)) as made:
        yield made


@pytest.fixture
def run():
    """Run a program once."""

    def once(sandbox, code, stdin=b"", mode="stdin", fn_name=None, runner_input=b"", **limits):
        with Program(code, mode, fn_name) as program:
            return sandbox.run(program, Limits(**{"wall_seconds": 30, **limits}), stdin, runner_input)

    return once
