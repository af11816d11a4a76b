"""The file for a cluster, and the application that a configuration makes."""

from pathlib import Path

import pytest
import yaml

from common.config import validate
from common.errors import ConfigError
from serving.config import ServingConfig

FILE = Path(__file__).parents[2] / "serving" / "serve.yaml"


def test_the_file_for_a_cluster_is_one_that_ray_serve_and_the_server_take():
    from ray.serve.schema import ServeDeploySchema

    told = yaml.safe_load(FILE.read_text("utf-8"))
    (application,) = ServeDeploySchema.model_validate(told).applications
    assert application.import_path == "serving.app:build"
    config = validate(ServingConfig, application.args)
    assert config.embedding and config.generation and config.registry


def test_an_unknown_argument_is_named():
    from serving.app import build

    with pytest.raises(ConfigError, match="registri"):
        build({"registri": "sqlite:///x.db"})


def test_replicas_scale_where_the_configuration_lets_them():
    from serving.app import application

    told = {"embedding": [{"model": "minilm", "replica": {"replicas": 1, "max_replicas": 3, "num_gpus": 0.5}}]}
    built = application(validate(ServingConfig, told))
    (bound,) = built._bound_deployment.init_args[1].values()
    deployment = bound._bound_deployment
    assert deployment.name == "embedding minilm"
    assert deployment._deployment_config.autoscaling_config.max_replicas == 3
    assert deployment.ray_actor_options["num_gpus"] == 0.5
