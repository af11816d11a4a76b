"""A server over Ray Serve with small models: a BERT with adapters in a watched folder and an index, and a Llama."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.config import EmbeddingConfig, GenerationConfig, ReplicaConfig, SearchConfig, ServingConfig

ENCODER = {
    "pooling": "mean", "max_length": 128, "query_prompt": "read a file ", "document_prompt": "open a socket ",
}  # fmt: skip
SOURCE = '''
def copy_tree(source, target):
    """Copy a folder with all that is in it."""
    return shutil.copytree(source, target)


def parse_header(line):
    """Name and value of a header line."""
    return line.split(":", 1)


def largest(values):
    """The largest number of a list."""
    return max(values)
'''


@dataclass(frozen=True)
class Server:
    """What is served, and where."""

    address: str
    """The ingress' own."""
    proxy: str
    """That of Ray Serve's proxy, which hands requests on to the ingress."""
    encoder: Any
    """`Base` of the BERT, served as `tiny`."""
    generator: Any
    """`GeneratorBase` of the Llama, served as `writer`."""
    adapters: Path
    """The watched folder: search adapters one, two and three, generation adapter `gen`."""
    index: Path

    def post(self, path: str, **body: Any) -> Any:
        """The answer's JSON; an error's status and JSON where there is one."""
        request = urllib.request.Request(
            self.address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        return self._open(request)

    def get(self, path: str) -> Any:
        """As `post`."""
        return self._open(urllib.request.Request(self.address + path))

    def _open(self, request: urllib.request.Request) -> Any:
        try:
            with urllib.request.urlopen(request) as answer:
                text = answer.read()
                return json.loads(text) if "json" in answer.headers["content-type"] else text.decode()
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["error"]

    def until(self, what: Any) -> Any:
        """Ask `what` until it is true, however long it takes; a test's own run is what is limited."""
        while not (found := what()):
            time.sleep(0.1)
        return found


def config(encoder: Path, generator: Path, adapters: Path, index: Path, cache: Path) -> ServingConfig:
    """Both bases, one index, a folder that is looked at twice a second."""
    free = ReplicaConfig(num_cpus=0, threads=1)  # the other tests of the session count on the cluster's CPUs
    return ServingConfig(
        folders=(adapters,), refresh_s=0.5, cache=cache, ingress=free,
        embedding=(EmbeddingConfig(model=str(encoder), name="tiny", encoder=ENCODER, precision="fp32", replica=free),),
        generation=(GenerationConfig(model=str(generator), name="writer", replica=free),),
        search=SearchConfig(indexes={"code": index}, replica=free),
    )  # fmt: skip


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
