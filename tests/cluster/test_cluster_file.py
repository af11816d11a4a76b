"""ray-cluster.yaml against Ray's own schema, and the things about it that are easily lost in an edit."""

import copy
import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

FILE = Path(__file__).parents[2] / "ray-cluster.yaml"


@pytest.fixture(scope="module")
def described():
    return yaml.safe_load(FILE.read_text("utf-8"))


def starts(described):
    lists = (described["head_start_ray_commands"], described["worker_start_ray_commands"])
    return [command for commands in lists for command in commands if "ray start" in command]


def test_valid_against_ray_s_schema(described):
    schema = json.loads(files("ray.autoscaler").joinpath("ray-schema.json").read_text("utf-8"))
    jsonschema.validate(described, schema)


def test_valid_for_ray_s_launcher_with_its_defaults_filled_in(described):
    from ray.autoscaler._private.util import prepare_config, validate_config

    validate_config(prepare_config(copy.deepcopy(described)))


def test_no_work_lands_on_the_head_and_pools_start_empty(described):
    types = described["available_node_types"]
    assert types[described["head_node_type"]]["resources"]["CPU"] == 0
    pools = {name: node for name, node in types.items() if name != described["head_node_type"]}
    assert all(node["min_workers"] == 0 < node["max_workers"] for node in pools.values())
    assert sum(node["max_workers"] for node in pools.values()) <= described["max_workers"]
    assert any(node["resources"].get("GPU") for node in pools.values())
    assert [name for name, node in pools.items() if node["resources"].get("cpu_pool")] == ["cpu"]


def test_every_node_starts_with_the_token_and_without_usage_reports(described):
    assert len(starts(described)) == 2
    for command in starts(described):
        assert "RAY_AUTH_MODE=token" in command
        assert "--disable-usage-stats" in command
        assert "unset OMP_NUM_THREADS" in command
    assert described["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"


def test_dependencies_are_installed_and_the_project_is_not(described):
    commands = described["setup_commands"] + described["head_setup_commands"]
    installs = [command for command in commands if "pip install" in command]
    assert any("requirements.lock" in command for command in installs)
    assert not any(word in command.split() for command in installs for word in ("-e", ".", "codeadapters"))
    assert set(described["file_mounts"].values()) == {"~/.ray/auth_token", "requirements.lock"}
