"""A server on this machine, until Ctrl-C: `python -m serving.start --registry URI [--index DIR] [--port 8000]`."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from common import logs
from common.config import parse, validate
from common.errors import ConfigError, UserError
from serving.config import SearchConfig, ServingConfig
from serving.http.keys import ENVIRONMENT, read_keys
from serving.names import AUTO
from serving.transport import use_short_ways

RUNS = Path("runs/mlflow.db")
"""Where jobs register by default."""
SEE_LOGS = "read logs/serve in the folder of Ray's latest session"
_PATIENCE = 300.0
_POLL = 0.3


class StartConfig(ServingConfig):
    """Start Ray and Ray Serve here, with what the registry holds."""

    index: tuple[Path, ...] = ()
    """Folders of `jobs.build_index`, or of training runs that left an index; a folder's name is the index' name."""
    port: int = Field(8000, ge=1, le=65535)
    """Port of the server."""
    host: str = "127.0.0.1"
    """Address to listen at; 0.0.0.0 lets other machines in: give keys then."""
    address: str | None = None
    """A Ray cluster to join (`auto`, HOST:PORT); none = one of its own on this machine."""


def settled(config: StartConfig) -> ServingConfig:
    """What is served: with the default registry, the indexes by name, and bases; raises `ConfigError`."""
    from serving.discovery import complete

    fields: dict[str, Any] = {name: getattr(config, name) for name in ServingConfig.model_fields}
    if config.registry is None and not config.folders and RUNS.is_file():
        fields["registry"] = f"sqlite:///{RUNS}"
    if fields["registry"] and fields["registry"].startswith("sqlite:///"):  # replicas run in another folder
        fields["registry"] = f"sqlite:///{Path(fields['registry'].removeprefix('sqlite:///')).absolute()}"
    indexes = _named(config.index, config.search.indexes)
    fields["search"] = validate(SearchConfig, {
        "indexes": {name: folder.absolute() for name, folder in indexes.items()}, "replica": config.search.replica
    })  # fmt: skip
    fields["folders"] = tuple(folder.absolute() for folder in config.folders)
    fields["keys_file"] = config.keys_file.absolute() if config.keys_file else None
    fields["cache"] = config.cache.expanduser().absolute()
    return complete(ServingConfig(**fields))


def needs_no_proxy(start: StartConfig, config: ServingConfig) -> bool:
    """Whether the ingress can take requests itself: a cluster's proxies know where it runs, and it is scaled by the
    requests that they hand on."""
    return start.address is None and config.ingress.max_replicas == config.ingress.replicas


def main(argv: list[str] | None = None) -> int:
    """Serve until Ctrl-C; returns the exit status."""
    logs.set_up()
    try:
        called = parse(
            StartConfig,
            sys.argv[1:] if argv is None else argv,
            prog="python -m serving.start",
            description=__doc__ or "",
        )
        config = settled(called.config)
        read_keys(config.keys_file, os.environ)  # the ingress reads them, too, and could tell nobody what is wrong
        if called.dry_run:
            print(_plan(config))
            return 0
        _check_port(called.config)
        return _serve(called.config, config)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _serve(start: StartConfig, config: ServingConfig) -> int:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    print(_plan(config), "starting Ray and Ray Serve …", sep="\n", flush=True)
    with _running(start, config):
        address = f"http://{'127.0.0.1' if start.host == '0.0.0.0' else start.host}:{start.port}"
        if _wait(address, stopping):
            print(_greeting(address, config), flush=True)
            stopping.wait()
        print("stopping: requests that are under way are answered first", flush=True)
    return 0


@contextlib.contextmanager
def _running(start: StartConfig, config: ServingConfig) -> Iterator[None]:
    """Ray and the application; both end with the block, Ray only where it was started here."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not start.address:
        use_short_ways()
    import ray
    from ray import serve

    from serving.app import application
    from serving.deployments.listening import Listen

    replicas = [
        *(base.replica for base in (*config.embedding, *config.generation)),
        config.search.replica,
        config.ingress,
    ]
    needed = sum(one.num_cpus * one.max_replicas for one in replicas)
    local = {} if start.address else {"num_cpus": max(os.cpu_count() or 1, int(needed) + 1), "include_dashboard": False}
    ray.init(address=start.address or "local", log_to_driver=False, logging_level=logging.WARNING, **local)
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    try:
        listen = Listen(start.host, start.port) if needs_no_proxy(start, config) else None
        if listen:
            serve.start(proxy_location="Disabled")
        else:
            serve.start(http_options={"host": start.host, "port": start.port})
        try:
            serve.run(application(config, listen), name="codeadapters", route_prefix="/")
        except RuntimeError as error:  # Ray Serve's, whose message names the deployment and quotes no reason
            raise UserError(f"the server did not start: {error}", SEE_LOGS) from error
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C would leave processes behind
        with contextlib.suppress(Exception):
            serve.shutdown()
        ray.shutdown()


def _wait(address: str, stopping: threading.Event) -> bool:
    """Whether the server answers; says what it waits for. Raises `UserError` after five minutes."""
    until, told = time.monotonic() + _PATIENCE, ""
    while not stopping.wait(_POLL):
        missing = _missing(address)
        if not missing:
            return True
        if missing != told:
            print(f"waiting for {missing}", flush=True)
            told = missing
        if "could not start" in missing or time.monotonic() > until:
            raise UserError(f"the server does not answer: {missing}", SEE_LOGS)
    return False


def _missing(address: str) -> str:
    try:
        with urllib.request.urlopen(f"{address}/ready", timeout=10):
            return ""
    except urllib.error.HTTPError as error:
        try:
            told = json.loads(error.read())
        except ValueError:
            return "its first process"
        return ", ".join(told.get("missing", ())) or told.get("error", {}).get("message", "its first process")
    except OSError:
        return "its first process"


def _greeting(address: str, config: ServingConfig) -> str:
    lines = [f"ready: {address} (page), {address}/v1 (API), {address}/metrics", "try:"]
    key = " -H 'Authorization: Bearer KEY'" if config.keys_file or config.http.keys or ENVIRONMENT in os.environ else ""
    post = f"curl -s{key} -H 'Content-Type: application/json' {address}"
    if config.search.indexes:
        asked = {"query": "copy a file and its permissions", "index": next(iter(config.search.indexes)), "top_k": 3}
        lines.append(f"  {post}/v1/search -d '{json.dumps(asked)}'")
    if config.embedding:
        model = f"{config.embedding[0].served_as}:{AUTO}"
        lines.append(f"  {post}/v1/embeddings -d '{json.dumps({'model': model, 'input': 'parse a date'})}'")
    if config.generation:
        asked = {"model": config.generation[0].served_as, "prompt": "def add(a, b):", "max_tokens": 32}
        lines.append(f"  {post}/v1/completions -d '{json.dumps(asked)}'")
    lines.append(f"  curl -s{key} {address}/v1/models")
    return "\n".join([*lines, "Ctrl-C stops it."])


def _plan(config: ServingConfig) -> str:
    lines = [
        f"registry    {config.registry or 'none'}",
        *(f"folder      {folder}" for folder in config.folders),
        *(f"embedding   {base.served_as}" for base in config.embedding),
        *(f"generation  {base.served_as}" for base in config.generation),
        *(f"index       {name}: {folder}" for name, folder in config.search.indexes.items()),
    ]
    return "\n".join(lines)


def _named(folders: tuple[Path, ...], others: Mapping[str, Path]) -> dict[str, Path]:
    """By the names of the folders, after `others`, which have names already."""
    from common.search.folders import index_folder

    named = dict(others)
    for folder in folders:
        if not (index_folder(folder) / "store.db").is_file():
            raise ConfigError(
                f"--index {folder}: there is no index", "make one: python -m jobs.build_index PATH --run-dir DIR"
            )
        name = folder.absolute().name
        if name in named:
            raise ConfigError(f"two indexes are called {name}", "name them with --search.indexes in a --config FILE")
        named[name] = folder
    return named


def _check_port(start: StartConfig) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((start.host, start.port))
        except OSError as error:
            raise UserError(f"port {start.port} cannot be had: {error.strerror}", "give another --port") from error


if __name__ == "__main__":
    sys.exit(main())
