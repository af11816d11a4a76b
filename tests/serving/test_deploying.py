"""The file for a cluster, and the application that a configuration makes."""

from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient

from common.config import validate
from common.errors import ConfigError
from serving.config import ServingConfig
from serving.http.settings import HttpSettings

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


@pytest.mark.parametrize(("keys", "status"), [((), 401), (None, 503)])
def test_a_list_without_keys_lets_nobody_in_and_no_list_everybody(monkeypatch, keys, status):
    from serving.deployments.ingress import Ingress
    from serving.http.keys import ENVIRONMENT

    monkeypatch.delenv(ENVIRONMENT, raising=False)
    config = ServingConfig(http=HttpSettings(keys=keys))
    client = TestClient(Ingress(config, {}, {}, None).__serve_build_asgi_app__())
    assert client.get("/v1/models").status_code == status, "503: nothing is served, but the request was let in"
