"""One server for the tests of the whole."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def server(ray_cluster, zoo, tmp_path_factory):
    """A running server with small models; tests add adapters of their own names, and take nothing away."""
    from ray import serve

    from common.adapters.methods import PeftSpec
    from common.models.generator import resolve_generator
    from jobs.indexing.config import BuildIndexConfig
    from jobs.indexing.pipeline import build_index
    from serving.app import application
    from serving.deployments.listening import Listen
    from tests import models_zoo
    from tests.decoders_zoo import llama
    from tests.serving.decoders import trained
    from tests.serving.running import ENCODER, SOURCE, Server, config, free_port

    folder = tmp_path_factory.mktemp("served")
    encoder = models_zoo.base(zoo("bert"), **ENCODER)
    for number, name in enumerate(("one", "two", "three")):
        spec = PeftSpec(rank=4 + number, alpha=8)
        models_zoo.adapter(folder / "adapters" / name, encoder, spec, seed=number, name=name)
    generator = resolve_generator(str(llama(folder / "writer")))
    trained(folder / "adapters" / "gen", generator, seed=3)
    source = folder / "source"
    source.mkdir()
    (source / "files.py").write_text(SOURCE, "utf-8")
    told = {
        "source": source, "run_dir": folder / "index", "model": str(zoo("bert")), "encoder": ENCODER,
        "precision": "fp32", "adapters": ("base", str(folder / "adapters" / "one")),
    }  # fmt: skip
    build_index(BuildIndexConfig.model_validate(told))
    port, proxy = free_port(), free_port()
    serve.start(http_options={"host": "127.0.0.1", "port": proxy})
    made = config(zoo("bert"), folder / "writer", folder / "adapters", folder / "index", folder / "cache")
    serve.run(application(made, Listen("127.0.0.1", port)), name="codeadapters", route_prefix="/")
    running = Server(
        f"http://127.0.0.1:{port}", f"http://127.0.0.1:{proxy}", encoder, generator, folder / "adapters",
        folder / "index",
    )  # fmt: skip
    running.until(lambda: _ready(running))
    yield running
    serve.shutdown()


def _ready(server):
    try:
        return server.get("/ready")["status"] == "ready"
    except (OSError, TypeError, KeyError):
        return False
