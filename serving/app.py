"""The server as one Ray Serve application: `serve run serving.app:build`, or `serve deploy serving/serve.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig

from common.config import validate
from serving.config import ReplicaConfig, ServingConfig
from serving.deployments.embedding import EmbeddingReplica
from serving.deployments.generation import GenerationReplica
from serving.deployments.ingress import Ingress
from serving.deployments.listening import Listen
from serving.deployments.search import SearchReplica
from serving.discovery import complete

MANY = 10_000
"""Requests that a replica may have at a time: its own queue decides, and says 429."""


def build(args: Mapping[str, Any]) -> Application:
    """The application that `args`, the fields of `ServingConfig`, describe; raises `ConfigError` for others."""
    return application(complete(validate(ServingConfig, dict(args))))


def application(config: ServingConfig, listen: Listen | None = None) -> Application:
    """One deployment for each base, one for the indexes, and the ingress over them.

    `listen`: where ingress replicas take requests themselves, beside those of Ray Serve's proxy.
    """
    embedding = {
        base.served_as: _deployed(EmbeddingReplica, f"embedding {base.served_as}", base.replica).bind(
            base, config.cache
        )
        for base in config.embedding
    }
    generation = {
        base.served_as: _deployed(GenerationReplica, f"generation {base.served_as}", base.replica).bind(
            base, config.cache
        )
        for base in config.generation
    }
    search = None
    if config.search.indexes:
        search = _deployed(SearchReplica, "search", config.search.replica).bind(config.search.indexes)
    ingress = _deployed(serve.ingress()(Ingress), "ingress", config.ingress)
    return ingress.bind(config, embedding, generation, search, listen)


def _deployed(kind: type, name: str, replica: ReplicaConfig) -> serve.Deployment:
    scaled = replica.max_replicas > replica.replicas
    autoscaling = AutoscalingConfig(
        min_replicas=replica.replicas,
        max_replicas=replica.max_replicas,
        target_ongoing_requests=replica.target_requests,
    )
    return serve.deployment(
        name=name.replace("/", "--"),
        max_ongoing_requests=MANY,
        graceful_shutdown_timeout_s=replica.drain_s,
        ray_actor_options={"num_cpus": replica.num_cpus, "num_gpus": replica.num_gpus},
        **({"autoscaling_config": autoscaling} if scaled else {"num_replicas": replica.replicas}),
    )(kind)
