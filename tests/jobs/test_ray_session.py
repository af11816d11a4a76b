"""Which Ray a job joins."""

from __future__ import annotations

import pytest
import ray

from jobs.ray_session import ClusterConfig, connected


@pytest.fixture
def joined(monkeypatch):
    """What `ray.init` is asked for; no Ray starts."""
    asked = {}
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **given: asked.update(given))
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 4.0})
    monkeypatch.setattr(ray, "available_resources", lambda: {"CPU": 4.0})
    return asked


def test_without_an_address_a_job_has_a_cluster_of_its_own_whatever_else_runs_here(joined):
    with connected(ClusterConfig(num_workers=3)):
        pass
    assert joined["address"] == "local", "None would join a head that somebody started on this machine"
    assert joined["num_cpus"] >= 3


@pytest.mark.parametrize("where", ["flag", "environment"])
def test_an_address_is_joined_as_it_is(joined, monkeypatch, where):
    if where == "environment":
        monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    with connected(ClusterConfig(address="10.0.0.1:6379" if where == "flag" else None)):
        pass
    assert joined["address"] == "10.0.0.1:6379"
    assert "num_cpus" not in joined, "Ray refuses it for a cluster that is there"
