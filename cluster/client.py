"""The connection to a cluster's job server: Ray's own client, with its failures turned into sentences."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cluster.request import Node
from cluster.tokens import MODE, TokenError, remedy, wanted
from common.errors import UserError

ADDRESS = "RAY_API_SERVER_ADDRESS"
CONNECT_S = 5.0
START = (  # without the token first, `ray start` would leave the cluster open to everybody who reaches it
    "start one with `ray get-auth-token --generate > /dev/null && ray start --head --disable-usage-stats`, "
    "or give --address http://HEAD:8265"
)


class ConnectError(UserError):
    """A job server that cannot be reached."""


@dataclass(frozen=True)
class Cluster:
    """A cluster whose job server answered."""

    client: Any
    address: str
    auth_env: dict[str, str]
    """What had to be set for the client to send the token; the follow-up commands need it as well."""

    def nodes(self) -> list[Node]:
        """The living nodes."""
        from ray.util.state import list_nodes

        with explained(self.address):
            found = list_nodes(address=self.address, filters=[("state", "=", "ALIVE")], limit=10_000)
        return [Node(n.node_ip, n.resources_total or {}, n.labels or {}, bool(n.is_head_node)) for n in found]


def connect(address: str | None) -> Cluster:
    """Reach the job server at `address`, or where Ray's own variables point, or of a cluster on this machine.

    Raises `ConnectError` or `TokenError`. Sets `RAY_AUTH_MODE` for this process where a token lies ready, and must
    therefore come before the first import of ray, which reads it once.
    """
    auth_env = wanted(os.environ, Path.home())
    os.environ.update(auth_env)
    if address and address != "auto":
        os.environ[ADDRESS] = address  # Ray lets this variable and RAY_ADDRESS win over an argument
    asked = os.environ.get(ADDRESS) or os.environ.get("RAY_ADDRESS")
    if asked and (place := endpoint(asked)):
        probe(*place, asked)
    from ray.job_submission import JobSubmissionClient

    _quieten()
    with explained(asked):
        client = JobSubmissionClient(asked)
        return Cluster(client, client.get_address(), auth_env)


def endpoint(address: str) -> tuple[str, int] | None:
    """Host and port of `http://host:port`, `ray://host:port` or `host:port`; None where there is no port to try."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        raise ConnectError(f"{address} is not an address", "give --address http://HEAD:8265") from None
    return (parts.hostname, port) if parts.hostname and port else None


def probe(host: str, port: int, address: str, timeout: float = CONNECT_S) -> None:
    """Open and close a connection: Ray's client alone waits 40 s, or minutes, for a machine that does not answer."""
    try:
        socket.create_connection((host, port), timeout=timeout).close()
    except OSError as error:
        raise ConnectError(
            f"nothing answers at {address} ({error.strerror or error})",
            "check the address; from a laptop, `ray dashboard ray-cluster.yaml` brings it to http://localhost:8265",
        ) from error


def is_this_machine(nodes: list[Node]) -> bool:
    """Whether the whole cluster is this machine; localhost in the address may as well be a forwarded port."""
    from ray.util import get_node_ip_address

    own = {"127.0.0.1", get_node_ip_address()}
    return bool(nodes) and all(node.ip in own for node in nodes)


@contextmanager
def explained(address: str | None) -> Iterator[None]:
    """Ray's exceptions as sentences."""
    from ray.exceptions import AuthenticationError, RpcError
    from ray.util.state.exception import RayStateApiException

    where = address or "this machine"
    try:
        yield
    except AuthenticationError as error:
        if "Forbidden" in str(error):
            raise TokenError(f"the cluster at {where} has another token than this process", remedy(403)) from error
        off = os.environ.get(MODE, "token") != "token"
        hint = f"unset {MODE}, which forbids to send one" if off else remedy(401)
        raise TokenError(f"the cluster at {where} wants a token, and this process sends none (401)", hint) from error
    except (OSError, RpcError, RayStateApiException) as error:  # OSError: also what `requests` raises
        if address is None:
            raise ConnectError("no Ray cluster runs on this machine", START) from error
        raise ConnectError(f"the cluster at {where} does not answer as one ({reason(error)})", START) from error
    except (RuntimeError, ValueError) as error:  # any other answer than 200; a folder that cannot be packed
        raise UserError(f"the cluster at {where} refused: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """The last line of an error's text: the job server answers with its whole traceback."""
    lines = [line.strip() for line in str(error).splitlines() if len(line.strip()) > 1]
    return lines[-1][:500] if lines else type(error).__name__


def _quieten() -> None:
    """Drop what Ray says every time and nobody can act on: that .git is left out, that the log stream was closed."""
    for name in ("_private.runtime_env.working_dir", "_private.runtime_env.packaging", "dashboard.modules.job.sdk"):
        logging.getLogger(f"ray.{name}").setLevel(logging.ERROR)
