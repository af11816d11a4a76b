"""Sandboxes for the attacks: of every level that this host gives, whole or with protections switched off."""

from __future__ import annotations

import os

import pytest

from jobs.execution.sandbox.host import Sandbox, SandboxError
from jobs.execution.sandbox.spec import Jail
from tests.security.attack import has_won, strike

KEPT = 6  # sandboxes at a time


def pytest_collection_modifyitems(items):
    """Everything in this folder is an attack."""
    for item in items:
        if "tests/security" in item.path.as_posix():
            item.add_marker("security")


@pytest.fixture(scope="session")
def offered():
    """level → None, or why this host does not give it."""
    found = {}
    for level in ("full", "reduced"):
        try:
            Sandbox(Jail(level)).close()
            found[level] = None
        except SandboxError as error:
            found[level] = error.message
    return found


@pytest.fixture(params=["full", "reduced"])
def level(request, offered):
    """Each level that this host gives."""
    if reason := offered[request.param]:
        pytest.skip(reason)
    return request.param


@pytest.fixture
def at_full(offered):
    """For attacks on what only level `full` allows."""
    if reason := offered["full"]:
        pytest.skip(reason)
    return "full"


@pytest.fixture(scope="module")
def walls():
    """A sandbox of a level without some protections; those used last are kept."""
    made: dict[Jail, Sandbox] = {}

    def get(level, *without, **more):
        jail = Jail(level, without=frozenset(without), **more)
        sandbox = made.pop(jail, None) or Sandbox(jail)
        made[jail] = sandbox
        if len(made) > KEPT:
            made.pop(next(iter(made))).close()
        return sandbox

    yield get
    for sandbox in made.values():
        sandbox.close()


@pytest.fixture
def siege(walls, offered):
    """Run one case of `attack.cases` and judge it."""

    def run(level, attack, kept):
        if reason := offered[level]:
            pytest.skip(reason)
        whole = walls(level, **attack.jail)
        if kept is None:
            assert not has_won(outcome := strike(whole, attack.code, attack.limits)), outcome
            assert not strike(whole, "print('still there')").stderr
            return
        root = os.geteuid() == 0
        if kept and not kept.is_here(whole, root=root):
            pytest.skip(f"this host has no layer {kept.name} for it")
        off = {name for layer in attack.layers(level) if layer != kept for name in layer.off}
        outcome = strike(walls(level, *off, **attack.jail), attack.code, attack.limits)
        if kept:
            assert not has_won(outcome), outcome
        else:
            assert has_won(outcome), f"with {sorted(off)} switched off nothing stops it: {outcome}"

    return run
