"""That the attacks are run at all: a host that can give a level must be seen to give it."""

import shutil
import subprocess

import pytest

NAMESPACES = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork"]


def test_a_host_with_namespaces_gives_level_full(offered):
    """Otherwise a fault of ours would read as a host's lack, and skip every attack at this level."""
    if not shutil.which("unshare"):
        pytest.skip("no unshare(1) to ask")
    if subprocess.run([*NAMESPACES, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this host lets us make no namespaces")
    assert offered["full"] is None, offered["full"]


def test_a_host_with_landlock_gives_level_reduced(offered):
    from jobs.execution.inside import landlock

    if not landlock.version():
        pytest.skip("this host has no Landlock")
    assert offered["reduced"] is None, offered["reduced"]
